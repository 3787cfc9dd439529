import type { OpenFlags } from '../sys/sys';
import type { OpenFile } from './file';

/** The first that a process gets: 0 to 2 are its standard streams. */
const FIRST = 3;

export interface Descriptor {
  /** What it was opened from. */
  readonly path: string;
  readonly file: OpenFile;
  readonly flags: Required<OpenFlags>;
}

/** The descriptors of the one process there is. Drivers add to them and look them up: ioctls return and take descriptors. */
export class Descriptors {
  readonly #table = new Map<number, Descriptor>();

  /** Under the lowest free number. */
  add(path: string, file: OpenFile, flags: Required<OpenFlags>): number {
    let fd = FIRST;
    while (this.#table.has(fd)) fd++;
    this.#table.set(fd, { path, file, flags });
    return fd;
  }

  get(fd: number): Descriptor | undefined {
    return this.#table.get(fd);
  }

  delete(fd: number): void {
    this.#table.delete(fd);
  }
}
