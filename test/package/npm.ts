/** The package for npm. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { output, ROOT } from './run';

/** Bytes that it may have. */
export const BOUND = 500_000;

export interface PackedFile {
  path: string;
  size: number;
}

/** Makes the package of what is built, and tells the files in it. */
export function makeNpmPackage(folder: string): { file: string; files: PackedFile[] } {
  mkdirSync(folder, { recursive: true });
  const { filename, files } = pack('--pack-destination', resolve(folder));
  return { file: join(folder, filename), files };
}

/** Lists what npm would publish of what is built, by paths in the project. */
export function publishedFiles(): string[] {
  return pack('--dry-run').files.map(({ path }) => path);
}

function pack(...options: string[]): { filename: string; files: PackedFile[] } {
  return JSON.parse(output('npm', ['pack', '--json', '--ignore-scripts', ...options], ROOT))[0];
}
