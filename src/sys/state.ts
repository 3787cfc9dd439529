import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { SysError } from '../errors';
import { sysCall } from './files';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** Small texts by name that outlive the command: what to put back later. Not part of the machine, so not of `Sys`. */
export interface StateStore {
  /** Null where there is none, or none that can be trusted. */
  read(name: string): string | null;
  /**
   * Keeps a text, whole or not at all.
   *
   * @returns false where there is one of that name already: it stays as it is
   */
  create(name: string, text: string): boolean;
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

  create(name: string, text: string): boolean {
    if (this.#texts.has(name)) return false;
    this.#texts.set(name, text);
    return true;
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
    if (!this.#isOurs()) return null;
    const path = this.#path(name);
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

  create(name: string, text: string): boolean {
    this.#make();
    const path = this.#path(name);
    const temporary = `${path}.${process.pid}`;
    fs.rmSync(temporary, { force: true });
    sysCall('open', path, () => writeNew(temporary, text));
    try {
      // Unlike rename(2) it fails where there is one already.
      sysCall('link', path, () => fs.linkSync(temporary, path));
      return true;
    } catch (error) {
      if (error instanceof SysError && error.code === 'EEXIST') return false;
      throw error;
    } finally {
      fs.rmSync(temporary, { force: true });
    }
  }

  remove(name: string): void {
    if (this.#isOurs()) sysCall('unlink', this.#path(name), () => fs.rmSync(this.#path(name), { force: true }));
  }

  lock(): Disposable {
    this.#make();
    const owner = `${process.pid} ${startTime(process.pid)}`;
    while (!this.create(LOCK, owner)) {
      const held = this.read(LOCK);
      const [pid = '', started] = held?.split(' ') ?? [];
      if (/^\d+$/.test(pid) && started !== '' && startTime(Number(pid)) === started)
        throw new SysError('link', 'EBUSY', `${this.#path(LOCK)}/${pid}`);
      // Who left it has died. Of several that find it so, one moves it away.
      const stale = `${this.#path(LOCK)}.${process.pid}.stale`;
      try {
        fs.renameSync(this.#path(LOCK), stale);
      } catch {}
      fs.rmSync(stale, { force: true });
    }
    return { [Symbol.dispose]: () => this.remove(LOCK) };
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

function writeNew(path: string, text: string): void {
  const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    fs.writeFileSync(fd, text);
  } finally {
    fs.closeSync(fd);
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
