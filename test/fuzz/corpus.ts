/** The inputs that are kept: a line of base64 each, in a file for each target. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../src/sys/package-folder';

const FOLDER = join(packageFolder(), 'test/fuzz/corpus');

export function readCorpus(target: string): Buffer[] {
  const file = join(FOLDER, target);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'base64'));
}

export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, target), inputs.map((input) => `${input.toString('base64')}\n`).join(''));
}
