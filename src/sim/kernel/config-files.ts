import { posix } from 'node:path';
import type { MemoryTree } from '../../sys/tree/memory-tree';
import type { Saved, StateReader } from '../state/saved';
import { Errno } from './errno';

/** Directories of configuration that programs may put files into: udev's, and driverctl's. */
const DIRECTORIES: readonly string[] = ['/etc/udev/rules.d', '/etc/driverctl.d'];

const MOST = 256;
const LONGEST = 4096;

/** Files below /etc that programs made. Nothing here reads them: no udev runs on the simulated machine. */
export class ConfigFiles {
  readonly #tree: MemoryTree;
  readonly #texts = new Map<string, string>();

  constructor(tree: MemoryTree) {
    this.#tree = tree;
    for (const directory of DIRECTORIES) tree.mkdir(directory);
  }

  replace(path: string, text: string): void {
    if (this.#tree.find(posix.dirname(path)) === null) throw new Errno('ENOENT');
    if (!isPlace(path)) throw new Errno('EACCES');
    if (text.length > LONGEST || (this.#texts.size >= MOST && !this.#texts.has(path)))
      throw new Errno('ENOSPC', 'write');
    this.#set(path, text);
  }

  remove(path: string): void {
    if (this.#tree.find(path) === null) throw new Errno('ENOENT');
    if (!this.#texts.delete(path)) throw new Errno('EACCES');
    this.#tree.delete(path);
  }

  save(): Saved {
    return Object.fromEntries(this.#texts);
  }

  restore(state: StateReader): void {
    for (const path of this.#texts.keys()) this.#tree.delete(path);
    this.#texts.clear();
    for (const [path, text] of state.entries(MOST)) {
      if (!isPlace(path)) text.fail('is no place for a file');
      this.#set(path, text.text(LONGEST));
    }
  }

  #set(path: string, text: string): void {
    this.#texts.set(path, text);
    this.#tree.set(path, { kind: 'file', read: () => Buffer.from(text) });
  }
}

function isPlace(path: string): boolean {
  return DIRECTORIES.includes(posix.dirname(path)) && !/^\.{0,2}$/.test(posix.basename(path)) && !path.includes('\0');
}
