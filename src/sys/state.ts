import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { SysError } from '../errors';
import { sysCall } from './linux/node-fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** Small texts by name that outlive the command: what to put back later. Not part of the machine, so not of `Sys`. */
export interface StateStore {
  /** Null where there is none, or none that can be trusted. */
  read(name: string): string | null;
  /** Keeps a text in place of the one that was there, whole or not at all. */
  write(name: string, text: string): void;
  /** None there: nothing happens. */
  remove(name: string): void;
  /**
   * Keeps other processes out until it is disposed of.
   *
   * @throws SysError EBUSY with the pid of who is in as its path's last component
   */
  lock(): Disposable;
}

/** For machines on which nothing may be kept: simulated ones, and those that can only be looked at. */
export class MemoryState implements StateStore {
  readonly #texts = new Map<string, string>();

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
/** Of the group, of others. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * A directory of files, below /run so that they vanish when the machine starts anew. What others may write, or have
 * put there, is not trusted: a name of a driver in it would be written to sysfs as root.
 */
export class DirectoryState implements StateStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
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
      return fs.readFileSync(fd, 'utf8');
    } finally {
      fs.closeSync(fd);
    }
  }

  write(name: string, text: string): void {
    this.#make();
    const path = this.#path(name);
    const temporary = this.#temporary(name, text);
    sysCall('rename', path, () => fs.renameSync(temporary, path));
  }

  remove(name: string): void {
    if (this.#isOurs()) sysCall('unlink', this.#path(name), () => fs.rmSync(this.#path(name), { force: true }));
  }

  lock(): Disposable {
    this.#make();
    const path = this.#path(LOCK);
    const owner = this.#temporary(LOCK, `${process.pid} ${startTime(process.pid)}`);
    try {
      // link(2) fails where there is one; what it makes has its whole content.
      while (!linked(owner, path)) {
        const [pid = '', started = ''] = this.read(LOCK)?.split(' ') ?? [];
        if (/^\d+$/.test(pid) && started !== '' && startTime(Number(pid)) === started)
          throw new SysError('link', 'EBUSY', `${path}/${pid}`);
        // Whoever left it has died.
        fs.rmSync(path, { force: true });
      }
    } finally {
      fs.rmSync(owner, { force: true });
    }
    return { [Symbol.dispose]: () => this.remove(LOCK) };
  }

  /** A new file that no other process writes to, beside where it shall be. */
  #temporary(name: string, text: string): string {
    const path = `${this.#path(name)}.${process.pid}`;
    fs.rmSync(path, { force: true });
    sysCall('open', path, () => {
      const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
      try {
        fs.writeFileSync(fd, text);
      } finally {
        fs.closeSync(fd);
      }
    });
    return path;
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
      const stats = fs.lstatSync(directory, { throwIfNoEntry: false });
      return stats?.isDirectory() === true && trusted(stats);
    });
  }
}

function trusted({ uid, mode }: fs.Stats): boolean {
  return (uid === 0 || uid === process.geteuid?.()) && (mode & WRITABLE_BY_OTHERS) === 0;
}

function linked(from: string, to: string): boolean {
  try {
    sysCall('link', to, () => fs.linkSync(from, to));
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** When a process began, in clock ticks since boot (proc(5), field 22 of stat): pids are used again. '' without it. */
function startTime(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
