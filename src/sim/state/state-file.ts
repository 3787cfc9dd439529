import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { acquiring } from '../../cleanup';
import { Exit, fromSysError, SysError, UdrvError, usageError } from '../../errors';
import { readToEnd, sysCall } from '../../sys/linux/node-fs';
import { replaceFile } from '../../sys/linux/replace-file';
import { sleep } from '../../sys/sleep';
import { InvalidState } from './saved';

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;

/** More than a machine whose whole disk was written. */
const MAX_SIZE = 64 * 1024 * 1024;
const RETRY_MS = 20;

/** A file that one process at a time replaces, whole or not at all. Those who only read it see one state or the next. */
export class StateFile {
  readonly path: string;
  /** The file that links lead to, which is the one to replace. */
  readonly #target: string;
  #lock: Disposable | null = null;

  constructor(path: string) {
    this.path = path;
    this.#target = this.#call('open', () => targetOf(path));
  }

  get isLocked(): boolean {
    return this.#lock !== null;
  }

  /** Returns a text that differs for each content the file has had. */
  version(): string {
    const stats = fs.statSync(this.#target, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? '' : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
  }

  /** Returns the content; empty where there is no file. */
  read(): string {
    return this.#call('read', () => {
      let fd: number;
      try {
        fd = fs.openSync(this.#target, O_RDONLY | O_NONBLOCK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw error;
      }
      try {
        if (!fs.fstatSync(fd).isFile()) throw new InvalidState('is no regular file');
        return readToEnd(fd, this.path, MAX_SIZE).toString('utf8');
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  /**
   * Keeps other processes from replacing the file, and makes it where there is none.
   *
   * @param patienceMs the longest wait for another process
   */
  lock(patienceMs: number): void {
    const deadline = performance.now() + patienceMs;
    // It is locked and then looked whether it is still the file of that name: another process may have replaced it.
    while (this.#lock === null) {
      this.#lock = this.#tryLock();
      if (this.#lock !== null) return;
      if (performance.now() >= deadline)
        throw new UdrvError('another command works with this machine', {
          code: 'EBUSY',
          exit: Exit.busy,
          subject: this.path,
          hint: 'end that command first, or name another file: each has a machine of its own',
        });
      sleep(RETRY_MS);
    }
  }

  unlock(): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = null;
  }

  /** Replaces the content. */
  write(content: string): void {
    this.#call('write', () => {
      const { mode } = fs.statSync(this.#target);
      replaceFile(this.#target, content, { mode: mode & 0o777 });
    });
  }

  /** Returns null where another process has it, or has just replaced it. */
  #tryLock(): Disposable | null {
    return this.#call('open', () => {
      const fd = fs.openSync(this.#target, O_RDWR | O_CREAT | O_NONBLOCK, 0o666);
      return acquiring((cleanup) => {
        cleanup.defer(() => fs.closeSync(fd));
        if (!fs.fstatSync(fd).isFile()) throw new InvalidState('is no regular file');
        // The content is replaced by renaming: found out before anything is done, not at the end.
        fs.accessSync(dirname(this.#target), fs.constants.W_OK);
        // koffi is loaded only where the machine is worked with.
        const { Libc } = require('../../sys/linux/libc') as typeof import('../../sys/linux/libc');
        const isOurs =
          new Libc().tryLock(fd, this.path) &&
          fs.statSync(this.#target, { throwIfNoEntry: false })?.ino === fs.fstatSync(fd).ino;
        if (isOurs) return cleanup;
        cleanup.close();
        return null;
      });
    });
  }

  /** Makes a call, with errors that name the file as the user did. */
  #call<T>(syscall: string, body: () => T): T {
    try {
      return sysCall(syscall, this.path, body);
    } catch (error) {
      if (error instanceof InvalidState) throw usageError(this.path, error.message);
      if (!(error instanceof SysError)) throw error;
      if (error.code === 'EFBIG' && syscall === 'read') throw usageError(this.path, `is larger than ${MAX_SIZE} bytes`);
      throw fromSysError(error, { subject: this.path });
    }
  }
}

/** Follows links, to a file that need not be there. */
function targetOf(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return resolve(path);
  }
}
