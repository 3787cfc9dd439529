import { SysError } from '../../errors';
import { attempt } from '../attempt';
import { type Access, type Permissions, READ_LIMIT, type SysTree } from '../sys';

/** An entry of the tree of a machine that is not this one. */
export type Entry =
  /** `read` is called each time, so that a simulated attribute can compute its value. Without `write` it is read-only. */
  | { kind: 'file'; read(): Buffer; write?(data: Buffer): void }
  | { kind: 'link'; target: string }
  /** A device node; what opening it means is for the owner of the tree. */
  | { kind: 'node'; access: Access; permissions?: Permissions }
  /** There, but reading it fails with this errno. A directory with an entry below it that was set later: listing it does. */
  | { kind: 'error'; code: string };

interface Directory {
  kind: 'dir';
  children: Map<string, Entry | Directory>;
  /** Listing it fails with this errno, though what is below can be reached. */
  code?: string;
}

/** The kernel's limit (MAXSYMLINKS): more links than this in one path are a loop. */
export const MAX_LINKS = 40;

/** A file tree in memory, with the path rules of a kernel: links are followed inside the tree, `..` stops at its root. */
export class MemoryTree implements SysTree {
  readonly #root: Directory = { kind: 'dir', children: new Map() };
  /** The directory that was last set in and last looked up in: attributes come by the dozen from one place. */
  #lastSet: Located | undefined;
  #lastLookup: Located | undefined;

  /** Puts an entry at an absolute path without `.`, `..` or links in it, making the directories above it. */
  set(path: string, entry: Entry): void {
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (name === '') throw new RangeError('not the path of an entry');
    if (this.#lastSet?.path !== parent) this.#lastSet = { path: parent, directory: this.mkdir(parent) };
    this.#lastSet.directory.children.set(name, entry);
    this.#lastLookup = undefined;
  }

  /** Makes a directory and those above it. */
  mkdir(path: string): Directory {
    this.#lastLookup = undefined;
    return this.#directory(components(path));
  }

  /** Removes what is there and everything below it. Nothing there: nothing happens. */
  delete(path: string): void {
    this.#lastSet = undefined;
    this.#lastLookup = undefined;
    const names = components(path);
    const last = names.pop();
    let directory = this.#root;
    for (const name of names) {
      const child = directory.children.get(name);
      if (child?.kind !== 'dir') return;
      directory = child;
    }
    if (last !== undefined) directory.children.delete(last);
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    const entry = this.#lookup('open', path, true);
    if (entry.kind === 'dir') throw new SysError('read', 'EISDIR', path);
    if (entry.kind === 'error') throw new SysError('read', entry.code, path);
    if (entry.kind === 'node') throw new SysError('open', 'EACCES', path);
    if (entry.kind === 'link') throw new SysError('open', 'ELOOP', path);
    const content = entry.read();
    if (content.length > limit) throw new SysError('read', 'EFBIG', path);
    return content;
  }

  readDir(path: string): string[] {
    const entry = this.#lookup('opendir', path, true);
    if (entry.kind === 'error') throw new SysError('opendir', entry.code, path);
    if (entry.kind !== 'dir') throw new SysError('opendir', 'ENOTDIR', path);
    if (entry.code !== undefined) throw new SysError('opendir', entry.code, path);
    return [...entry.children.keys()];
  }

  readLink(path: string): string {
    const entry = this.#lookup('readlink', path, false);
    if (entry.kind === 'error') throw new SysError('readlink', entry.code, path);
    if (entry.kind !== 'link') throw new SysError('readlink', 'EINVAL', path);
    return entry.target;
  }

  access(path: string): Access | null {
    const entry = this.find(path);
    if (entry === null) return null;
    if (entry.kind === 'node') return entry.access;
    if (entry.kind === 'error') return 'none';
    return entry.kind === 'file' && entry.write !== undefined ? 'rw' : 'r';
  }

  permissions(path: string): Permissions | null {
    const entry = this.find(path);
    return entry?.kind === 'node' ? (entry.permissions ?? null) : null;
  }

  /** Returns the entry that a path leads to, links followed; null where there is none. */
  find(path: string): Entry | Directory | null {
    return attempt(() => this.#lookup('stat', path, true), null);
  }

  #directory(names: string[]): Directory {
    let directory = this.#root;
    for (const name of names) {
      let child = directory.children.get(name);
      if (child === undefined || child.kind === 'error') {
        child = { kind: 'dir', children: new Map(), ...(child && { code: child.code }) };
        directory.children.set(name, child);
      }
      if (child.kind !== 'dir') throw new RangeError(`${name} is no directory`);
      directory = child;
    }
    return directory;
  }

  #lookup(syscall: string, path: string, followLast: boolean): Entry | Directory {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (name !== '' && name !== '.' && name !== '..') {
      const parent = path.slice(0, slash);
      if (this.#lastLookup?.path !== parent) {
        const directory = this.#walk(syscall, parent, true, path);
        if (directory.kind !== 'dir')
          throw new SysError(syscall, directory.kind === 'error' ? directory.code : 'ENOTDIR', path);
        this.#lastLookup = { path: parent, directory };
      }
      const child = this.#lastLookup.directory.children.get(name);
      if (child === undefined) throw new SysError(syscall, 'ENOENT', path);
      if (child.kind !== 'link' || !followLast) return child;
    }
    return this.#walk(syscall, path, followLast, path);
  }

  /** @param asked the path for messages */
  #walk(syscall: string, path: string, followLast: boolean, asked: string): Entry | Directory {
    const pending = components(path).reverse();
    const trail: Directory[] = [this.#root];
    let links = 0;
    for (;;) {
      const directory = trail[trail.length - 1] as Directory;
      const name = pending.pop();
      if (name === undefined) return directory;
      if (name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const child = directory.children.get(name);
      if (child === undefined) throw new SysError(syscall, 'ENOENT', asked);
      if (child.kind === 'dir') {
        trail.push(child);
      } else if (child.kind === 'link' && (followLast || pending.length > 0)) {
        if (++links > MAX_LINKS) throw new SysError(syscall, 'ELOOP', asked);
        if (child.target.startsWith('/')) trail.length = 1;
        pending.push(...components(child.target).reverse());
      } else if (pending.length > 0) {
        throw new SysError(syscall, child.kind === 'error' ? child.code : 'ENOTDIR', asked);
      } else {
        return child;
      }
    }
  }
}

interface Located {
  path: string;
  directory: Directory;
}

/** The components of a path; more than one slash counts as one. */
export function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
