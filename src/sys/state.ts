import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { acquiring } from '../cleanup';
import { SysError } from '../errors';
import { attempt } from './attempt';
import { removeIfThere, sysCall } from './linux/node-fs';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;

/** Small texts by name that outlive the command, for later undoing. Not part of the machine, so not of `Sys`. */
export interface StateStore {
  /** Returns the names of all texts, and perhaps of other files that lie beside them. */
  names(): string[];
  /** Null where there is none, or none that can be trusted. */
  read(name: string): string | null;
  /** Keeps a text in place of the one that was there, whole or not at all. */
  write(name: string, text: string): void;
  /** None there: nothing happens. */
  remove(name: string): void;
  /**
   * Keeps other processes out until it is disposed of.
   *
   * @throws StateLocked while another process has it
   */
  lock(): Disposable;
}

/** Another process has the lock of a state. */
export class StateLocked extends SysError {
  /** The process, where it is known. */
  readonly pid: number | null;

  constructor(path: string, pid: number | null) {
    super('flock', 'EBUSY', path);
    this.pid = pid;
  }
}

/** For machines on which nothing may be kept: simulated ones, and those that can only be looked at. */
export class MemoryState implements StateStore {
  readonly #texts = new Map<string, string>();

  names(): string[] {
    return [...this.#texts.keys()];
  }

  read(name: string): string | null {
    return this.#texts.get(name) ?? null;
  }

  write(name: string, text: string): void {
    this.#texts.set(name, text);
  }

  remove(name: string): void {
    this.#texts.delete(name);
  }

  lock(): Disposable {
    return { [Symbol.dispose]() {} };
  }
}

/** No text that udrv keeps is longer. */
const MAX_TEXT = 4096;
const LOCK = 'lock';
/** Mode bits: group and others may write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * A directory of files, below /run so that they vanish when the machine starts anew. A file that others may write, or
 * have put there, is not trusted: a driver's name in it would be written to sysfs as root.
 */
export class DirectoryState implements StateStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  names(): string[] {
    return this.#isOurs() ? sysCall('readdir', this.#directory, () => fs.readdirSync(this.#directory)) : [];
  }

  read(name: string): string | null {
    const path = this.#path(name);
    if (!this.#isOurs()) return null;
    let fd: number;
    try {
      fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      return null;
    }
    try {
      const stats = fs.fstatSync(fd);
      if (!stats.isFile() || !trusted(stats) || stats.size > MAX_TEXT) return null;
      return attempt(() => sysCall('read', path, () => fs.readFileSync(fd, 'utf8')), null);
    } finally {
      fs.closeSync(fd);
    }
  }

  write(name: string, text: string): void {
    this.#make();
    const { replaceFile } = require('./linux/replace-file') as typeof import('./linux/replace-file');
    replaceFile(this.#path(name), text, { mode: 0o644 });
  }

  remove(name: string): void {
    if (this.#isOurs()) removeIfThere(this.#path(name));
  }

  lock(): Disposable {
    this.#make();
    const path = this.#path(LOCK);
    // For root alone, because whoever can open it can lock it. It stays: another process may be about to lock it. The
    // number in it is for people, and may be missing.
    const fd = sysCall('open', path, () => fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600));
    return acquiring((cleanup) => {
      cleanup.defer(() => fs.closeSync(fd));
      // koffi is loaded only where bindings change.
      const { Libc } = require('./linux/libc') as typeof import('./linux/libc');
      if (!new Libc().tryLock(fd, path))
        throw new StateLocked(path, Number.parseInt(this.read(LOCK) ?? '', 10) || null);
      const writePid = () => {
        fs.ftruncateSync(fd);
        fs.writeSync(fd, `${process.pid}`, 0);
      };
      attempt(() => sysCall('write', path, writePid), undefined);
      return cleanup;
    });
  }

  #path(name: string): string {
    if (!/^[\w:.-]+$/.test(name)) throw new RangeError(`${name} is no name for a state`);
    return `${this.#directory}/${name}`;
  }

  #make(): void {
    const path = this.#directory;
    for (const directory of [dirname(path), path])
      try {
        fs.mkdirSync(directory, { mode: 0o755 });
      } catch (error) {
        const { code = 'EIO' } = error as NodeJS.ErrnoException;
        if (code !== 'EEXIST') throw new SysError('mkdir', code, directory);
      }
    if (!this.#isOurs()) throw new SysError('mkdir', 'EPERM', path);
  }

  /** Both directories are, as whoever may write the upper one may put another in place of the lower. */
  #isOurs(): boolean {
    return [dirname(this.#directory), this.#directory].every((directory) => {
      const look = () => fs.lstatSync(directory, { throwIfNoEntry: false });
      const stats = attempt(() => sysCall('lstat', directory, look), undefined);
      return stats?.isDirectory() === true && trusted(stats);
    });
  }
}

function trusted({ uid, mode }: fs.Stats): boolean {
  return (uid === 0 || uid === process.geteuid?.()) && (mode & WRITABLE_BY_OTHERS) === 0;
}
