import type { FileFlags, OpenFile } from './file';

/** The first descriptor that a process gets: 0 to 2 are its standard streams. */
const FIRST = 3;

export interface OpenDescriptor {
  /** The path that it was opened by. */
  readonly path: string;
  readonly file: OpenFile;
  readonly flags: FileFlags;
}

/**
 * The descriptors of the one process there is. Drivers add to them and look them up: ioctls return and take
 * descriptors. A file is closed when nothing refers to it any more: a mapping keeps it, and so may another file.
 */
export class DescriptorTable {
  readonly #table = new Map<number, OpenDescriptor>();
  readonly #references = new Map<OpenFile, number>();

  /** Adds a file under the lowest free number. */
  add(path: string, file: OpenFile, flags: FileFlags): number {
    let fd = FIRST;
    while (this.#table.has(fd)) fd++;
    this.#table.set(fd, { path, file, flags });
    this.hold(file);
    return fd;
  }

  get(fd: number): OpenDescriptor | undefined {
    return this.#table.get(fd);
  }

  /** Names a descriptor: files that were never opened by a path have no name of their own. */
  rename(fd: number, path: string): void {
    const descriptor = this.#table.get(fd);
    if (descriptor !== undefined) this.#table.set(fd, { ...descriptor, path });
  }

  delete(fd: number): void {
    const descriptor = this.#table.get(fd);
    if (descriptor === undefined) return;
    this.#table.delete(fd);
    this.put(descriptor.file);
  }

  /** Closes all files, as the end of the process does. */
  closeAll(): void {
    this.#table.clear();
    for (const file of [...this.#references.keys()].reverse()) {
      if (!this.#references.delete(file)) continue;
      file.close?.();
    }
  }

  /** get_file(): adds a reference. */
  hold(file: OpenFile): void {
    this.#references.set(file, (this.#references.get(file) ?? 0) + 1);
  }

  /** fput(): drops a reference; the last one closes the file. */
  put(file: OpenFile): void {
    const left = (this.#references.get(file) ?? 0) - 1;
    if (left > 0) {
      this.#references.set(file, left);
      return;
    }
    this.#references.delete(file);
    file.close?.();
  }
}
