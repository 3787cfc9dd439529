import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { output, ROOT } from './run';

/** Seconds since 1970 that all files of a package get: SOURCE_DATE_EPOCH, as reproducible-builds.org has it, or the commit's. */
export function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  const date = given ?? output('git', ['log', '-1', '--format=%ct'], ROOT);
  if (!/^\d+\s*$/.test(date)) throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${date}`);
  return Number(date);
}

/** A folder in which a package is laid out, with modes and times that depend on nothing of this machine. */
export class Stage {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  copy(from: string, to: string, mode = 0o644): void {
    copyFileSync(from, this.#place(to));
    chmodSync(join(this.folder, to), mode);
  }

  write(to: string, content: string | Uint8Array, mode = 0o644): void {
    writeFileSync(this.#place(to), content);
    chmodSync(join(this.folder, to), mode);
  }

  link(to: string, target: string): void {
    symlinkSync(target, this.#place(to));
  }

  /** Gives all folders their mode, and everything its time. Nothing may be added afterwards. */
  finish(date: number): void {
    const entries = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory()) chmodSync(path, 0o755);
      lutimesSync(path, date, date);
    }
    chmodSync(this.folder, 0o755);
    lutimesSync(this.folder, date, date);
  }

  #place(to: string): string {
    const path = join(this.folder, to);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }
}
