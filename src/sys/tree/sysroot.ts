import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { Exit, errnoMessage, SysError, UdrvError, usageError } from '../../errors';
import { attempt } from '../attempt';
import { accessOf, listDirectory, readToEnd, sysCall } from '../linux/node-fs';
import { type Access, type Permissions, READ_LIMIT, type SysTree } from '../sys';
import { components, MAX_LINKS } from './memory-tree';

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

const ROOT = { at: '', links: 0 };

/** The target of a path: `at` is its path inside the root without links, `.`, `..` or a slash at the end. */
type Found =
  | { at: string; kind: 'directory'; links: number }
  | { at: string; kind: 'other' }
  | { at: string; kind: 'file' }
  | { at: string; kind: 'link'; target: string };

/**
 * A copy of another machine's tree under a directory.
 *
 * Its links lead to where they would after a chroot: an absolute target starts at the directory, `..` stops there.
 * Nothing outside of it is ever read, whatever the tree holds, and only regular files in it are opened: a FIFO
 * would block, a device would do things. That holds for a tree that does not change meanwhile; a stranger's live
 * directory must be copied first. Where directories and links lead is found out once.
 */
export class SysrootTree implements SysTree {
  /** Without a slash at the end; empty for `/`. */
  readonly #root: string;
  /** The directories that were asked for and the number of links on the way, by the path that was used. */
  readonly #directories = new Map<string, { at: string; links: number }>();
  /** The entries of a directory, by path inside the root; null where it cannot be listed. */
  readonly #listings = new Map<string, Map<string, Dirent> | null>();
  /** By path inside the root, without links above the last component: a link's target, null for a directory. */
  readonly #known = new Map<string, string | null>();

  /** @throws UdrvError exit 2 if there is no such directory, 4 if it may not be looked at */
  constructor(directory: string) {
    const root = checkRoot(directory);
    this.#root = root === '/' ? '' : root;
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    const found = this.#find('open', path);
    if (found.kind === 'directory') throw new SysError('read', 'EISDIR', path);
    if (found.kind !== 'file') throw new SysError('open', 'EACCES', path);
    const real = this.#real(found.at);
    // Known to be a regular file before it is opened: with some devices opening is the harm. Should it have become
    // something else since then, this neither follows it nor waits for it.
    const fd = sysCall('open', path, () => openSync(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    try {
      return readToEnd(fd, path, limit);
    } finally {
      closeSync(fd);
    }
  }

  readDir(path: string): string[] {
    const { at, kind } = this.#find('opendir', path);
    if (kind !== 'directory') throw new SysError('opendir', 'ENOTDIR', path);
    return listDirectory(this.#real(at), path);
  }

  readLink(path: string): string {
    const found = this.#find('readlink', path, false);
    if (found.kind !== 'link') throw new SysError('readlink', 'EINVAL', path);
    return found.target;
  }

  access(path: string): Access | null {
    return attempt(() => accessOf(this.#real(this.#find('access', path).at)), null);
  }

  /** A copy belongs to whoever made it. */
  permissions(): Permissions | null {
    return null;
  }

  #find(syscall: string, path: string, followLast = true): Found {
    const slash = path.lastIndexOf('/');
    const last = path.slice(slash + 1);
    if (last === '' || last === '.' || last === '..')
      return this.#walk(syscall, path, components(path).reverse(), followLast);
    const asked = path.slice(0, slash);
    let directory = this.#directories.get(asked);
    if (directory === undefined) {
      const found = this.#walk(syscall, path, components(asked).reverse(), true);
      if (found.kind !== 'directory') throw new SysError(syscall, 'ENOTDIR', path);
      directory = found;
      this.#directories.set(asked, directory);
    }
    return this.#walk(syscall, path, [last], followLast, directory);
  }

  /**
   * Follows path components as a kernel does.
   *
   * @param path for messages
   * @param pending the components, last first
   * @param start the directory where they start
   */
  #walk(
    syscall: string,
    path: string,
    pending: string[],
    followLast: boolean,
    start: { at: string; links: number } = ROOT,
  ): Found {
    let { at, links } = start;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '.') continue;
      if (name === '..') {
        at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
        continue;
      }
      const child = `${at}/${name}`;
      let target = this.#known.get(child);
      if (target === undefined) {
        const kind = this.#kind(syscall, path, at, name);
        if (!kind.isDirectory() && !kind.isSymbolicLink()) {
          if (pending.length > 0) throw new SysError(syscall, 'ENOTDIR', path);
          return { at: child, kind: kind.isFile() ? 'file' : 'other' };
        }
        target = kind.isDirectory() ? null : sysCall(syscall, path, () => readlinkSync(this.#real(child)));
        this.#known.set(child, target);
      }
      if (target === null) {
        at = child;
        continue;
      }
      if (pending.length === 0 && !followLast) return { at: child, kind: 'link', target };
      if (++links > MAX_LINKS) throw new SysError(syscall, 'ELOOP', path);
      if (target.startsWith('/')) at = '';
      pending.push(...components(target).reverse());
    }
    return { at, kind: 'directory', links };
  }

  /** Returns the type of a directory's entry, from one listing: attributes come by the dozen, and lstat costs a call for each. */
  #kind(syscall: string, path: string, directory: string, name: string): Dirent | Stats {
    let listing = this.#listings.get(directory);
    if (listing === undefined) {
      listing = list(this.#real(directory));
      this.#listings.set(directory, listing);
    }
    const entry = listing?.get(name);
    if (entry?.isFile() || entry?.isDirectory() || entry?.isSymbolicLink()) return entry;
    if (listing && entry === undefined && name.length < 256) throw new SysError(syscall, 'ENOENT', path);
    // A directory that cannot be listed may be passed through, a long name is an error of its own, and some file
    // systems do not tell what an entry is.
    const stats = sysCall(syscall, path, () =>
      lstatSync(this.#real(`${directory}/${name}`), { throwIfNoEntry: false }),
    );
    if (stats === undefined) throw new SysError(syscall, 'ENOENT', path);
    return stats;
  }

  #real(at: string): string {
    return this.#root + at || '/';
  }
}

function list(directory: string): Map<string, Dirent> | null {
  try {
    return new Map(readdirSync(directory, { withFileTypes: true }).map((entry) => [entry.name, entry]));
  } catch {
    return null;
  }
}

function checkRoot(directory: string): string {
  let found: Stats;
  let root: string;
  try {
    found = sysCall('stat', directory, () => statSync(directory));
    if (found.isDirectory()) sysCall('access', directory, () => accessSync(directory, constants.R_OK | constants.X_OK));
    root = sysCall('getcwd', directory, () => resolve(directory));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new UdrvError(`cannot read the copied tree: ${errnoMessage(error.code)}`, {
      code: error.code,
      exit: error.code === 'EACCES' ? Exit.permission : Exit.usage,
      subject: directory,
    });
  }
  if (!found.isDirectory()) throw usageError(directory, 'not a directory');
  return root;
}
