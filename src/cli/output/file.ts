import { closeSync, openSync, statSync } from 'node:fs';
import { Cleanup } from '../../cleanup';
import { Exit, fromSysError, SysError, type UdrvError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import { type OutputStream, writeSome } from './stream';

/** The receiver of a command's data. */
export interface Sink {
  readonly isTTY: boolean;
  write(data: string | Buffer): void;
}

/**
 * The place for a command's data: standard output, or the file that `-o` names (`-` is standard output). It is prepared
 * before a device is opened, and opened itself once there is data, so that a command that cannot begin leaves an
 * existing file alone.
 */
export class Output implements Disposable {
  readonly #stdout: OutputStream;
  readonly #path: string | undefined;
  readonly #cleanup = new Cleanup();
  /** Open already where the path is a FIFO. */
  #fd: number | undefined;

  /**
   * Waits, where the path is a FIFO, until somebody reads from it, and keeps that so. The open that waits blocks the
   * thread, and no signal is served then: it has to be over before a device is changed that a Ctrl-C must put back.
   *
   * @throws UdrvError exit 4 where the path may not be looked at, else 1
   */
  constructor(stdout: OutputStream, path: string | undefined) {
    this.#stdout = stdout;
    this.#path = path === '-' ? undefined : path;
    if (this.#path !== undefined && isFifo(this.#path)) this.#fd = this.#open(this.#path);
  }

  /** Opens the file, which is overwritten. @throws UdrvError exit 4 where that is not permitted, else 1 */
  open(): Sink {
    const path = this.#path;
    if (path === undefined) return this.#stdout;
    this.#stdout.beforeWrite?.();
    const fd = this.#fd ?? this.#open(path);
    return {
      isTTY: false,
      write(data) {
        let rest = typeof data === 'string' ? Buffer.from(data) : data;
        while (rest.length > 0) rest = rest.subarray(attempt('write', path, () => writeSome(fd, rest)));
      },
    };
  }

  /** Closes the file. Some file systems report only then that the disk is full. @throws UdrvError */
  [Symbol.dispose](): void {
    this.#cleanup.close();
  }

  #open(path: string): number {
    const fd = attempt('open', path, () => openSync(path, 'w', 0o666));
    this.#cleanup.defer(() => attempt('close', path, () => closeSync(fd)));
    return fd;
  }
}

function isFifo(path: string): boolean {
  return attempt('stat', path, () => statSync(path, { throwIfNoEntry: false }))?.isFIFO() ?? false;
}

/** Runs a call on a file that the user named; its error becomes the user's, by {@link fileError}. */
function attempt<T>(syscall: string, path: string, body: () => T): T {
  try {
    return sysCall(syscall, path, body);
  } catch (error) {
    throw error instanceof SysError ? fileError(error) : error;
  }
}

/** Returns the user's error for a data file: exit 4 where it may not be accessed, else 1, as exit 3 is for devices. */
export function fileError(error: SysError): UdrvError {
  const exit = error.code === 'EACCES' || error.code === 'EPERM' ? Exit.permission : Exit.failed;
  return fromSysError(error, { exit });
}
