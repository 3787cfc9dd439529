import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { Exit, fromSysError, SysError, silent, usageError } from '../errors';
import { sysCall } from '../sys/linux/node-fs';
import { pause } from '../sys/wait';
import { hex, hexBytes } from '../text/hex';

/** Bytes of a step; null where a signal ended the wait for them. */
export type Data = Buffer | Promise<Buffer | null>;

/** Returns the bytes that a step names: hex digits, or the content of a file after `@`. The file is read when it is used. */
export function dataOf(text: string, limit: number): { length: number; read(wait: FileWait): Data } {
  if (text.startsWith('@')) {
    const path = text.slice(1);
    const length = checkedFile(path);
    if (length > limit) throw usageError(path, `has ${hex(length)} bytes: ${hex(limit)} at most`);
    return { length, read: (wait) => readWhole(path, limit, wait) };
  }
  const bytes = hexBytes(text);
  if (bytes === null || bytes.length === 0)
    throw usageError(text, 'is not data: an even number of hex digits, or @FILE');
  if (bytes.length > limit) throw usageError(text, `has ${hex(bytes.length)} bytes: ${hex(limit)} at most`);
  return { length: bytes.length, read: () => bytes };
}

/** Makes sure that a file can be read. @returns its size in bytes @throws exit 4 where it may not be read, else 1 */
export function checkedFile(path: string): number {
  return attempt('open', path, () => {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new SysError('read', 'EISDIR', path);
    if (stat.isFile()) closeSync(openSync(path, 'r'));
    return stat.isFile() ? stat.size : 0;
  });
}

/** Bounds on the wait for the other end of a FIFO, or for a device that says nothing. */
export interface FileWait {
  timeoutMs?: number | undefined;
  signal: AbortSignal | undefined;
}

/** The time between two looks at the other end of a FIFO. */
const LOOK_MS = 10;

const { O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/**
 * Reads a file, of a longer one the first `limit` bytes. A FIFO is waited for, and signals are served meanwhile: a device
 * is open.
 *
 * @returns null where the signal ended it
 * @throws UdrvError exit 6 where nothing comes within the time
 */
export async function readWhole(path: string, limit: number, wait: FileWait): Promise<Buffer | null> {
  const fd = attempt('open', path, () => openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  try {
    const patience = new Patience(path, 'nothing came', wait);
    const buffer = Buffer.alloc(limit);
    let length = 0;
    // A FIFO reads as ended until somebody writes to it.
    let hasWriter = !fstatSync(fd).isFIFO();
    while (length < limit) {
      const count = unlessBusy('read', path, () => readSync(fd, buffer, length, limit - length, null));
      if (count === 0 && hasWriter) break;
      hasWriter ||= count !== 0;
      length += count ?? 0;
      if (count) patience.renew();
      else if (await patience.isOver()) return null;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file anew; a FIFO is waited for as by {@link readWhole}.
 *
 * @throws UdrvError exit 6 where nobody reads within the time
 */
export async function writeWhole(path: string, bytes: Buffer, wait: FileWait): Promise<void> {
  const patience = new Patience(path, 'nobody reads from it', wait);
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY;
  let fd: number | null = null;
  try {
    for (let length = 0; length < bytes.length; ) {
      fd ??= unlessBusy('open', path, () => openSync(path, flags, 0o666));
      const to = fd;
      const count = to === null ? null : unlessBusy('write', path, () => writeSync(to, bytes, length));
      length += count ?? 0;
      if (count) patience.renew();
      else if (await patience.isOver()) return;
    }
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** The wait for another end. */
class Patience {
  readonly #path: string;
  readonly #what: string;
  readonly #wait: FileWait;
  #since = performance.now();

  constructor(path: string, what: string, wait: FileWait) {
    this.#path = path;
    this.#what = what;
    this.#wait = wait;
  }

  /** The other end has done something. */
  renew(): void {
    this.#since = performance.now();
  }

  /** Waits until the next look. @returns whether the signal came @throws UdrvError exit 6 */
  async isOver(): Promise<boolean> {
    const { timeoutMs = Number.POSITIVE_INFINITY, signal } = this.#wait;
    if (performance.now() - this.#since >= timeoutMs) throw silent(this.#path, this.#what, timeoutMs);
    return (await pause(LOOK_MS, signal)) === 'aborted';
  }
}

/** @returns null where the other end is not there, or has no room or nothing to say: EAGAIN, ENXIO */
function unlessBusy(syscall: string, path: string, body: () => number): number | null {
  return attempt(syscall, path, () => {
    try {
      return body();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN' || (code === 'ENXIO' && statSync(path).isFIFO())) return null;
      throw error;
    }
  });
}

function attempt<T>(syscall: string, path: string, body: () => T): T {
  try {
    return sysCall(syscall, path, body);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const isClosed = error.code === 'EACCES' || error.code === 'EPERM';
    throw fromSysError(error, { exit: isClosed ? Exit.permission : Exit.failed });
  }
}
