import * as fs from 'node:fs';
import { fromSysError, SysError, silent, usageError } from '../../errors';
import { readToEnd, sysCall } from '../../sys/linux/node-fs';
import { ready } from '../../sys/wait';
import { ownLibc } from './libc';

/**
 * Reads a file that the user named, or standard input (`-`).
 *
 * @param timeoutMs bound on each wait for a pipe or FIFO that says nothing; none if not given
 * @throws UdrvError exit 3 if it is not there, 4 if it may not be read, 2 if it is larger than `limit` bytes or no file, 6
 *   where nothing comes
 */
export function readInput(path: string, limit: number, timeoutMs?: number): Buffer {
  try {
    return readInTime(path, limit, timeoutMs);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'EFBIG') throw usageError(nameOf(path), `is larger than ${limit} bytes`);
    if (error.code === 'EISDIR') throw usageError(nameOf(path), 'is a directory');
    throw fromSysError(error);
  }
}

/** Does the work of {@link readInput}, for who says more of an error. @throws SysError, UdrvError exit 6 */
export function readInTime(path: string, limit: number, timeoutMs: number | undefined): Buffer {
  const fd = path === '-' ? 0 : openInput(path, timeoutMs);
  try {
    const wait = timeoutMs === undefined ? undefined : () => mustSpeak(fd, path, timeoutMs);
    return readToEnd(fd, path, limit, wait);
  } finally {
    if (fd !== 0) fs.closeSync(fd);
  }
}

/**
 * Opens a file to read it. A FIFO is waited for until somebody writes to it, where there is no bound on that.
 *
 * @throws SysError, UdrvError exit 6 where nothing comes from a FIFO
 */
export function openInput(path: string, timeoutMs: number | undefined): number {
  const isBounded = timeoutMs !== undefined && isFifo(path);
  const { O_NONBLOCK, O_RDONLY } = fs.constants;
  const fd = sysCall('open', path, () => fs.openSync(path, isBounded ? O_RDONLY | O_NONBLOCK : O_RDONLY));
  if (!isBounded) return fd;
  try {
    mustSpeak(fd, path, timeoutMs);
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/**
 * Yields what comes from a pipe, a FIFO, a terminal or a socket, as it comes, and serves signals meanwhile. Each piece is
 * valid until the next is asked for.
 *
 * @param signal ends it
 * @throws SysError, UdrvError exit 6 where nothing comes within `timeoutMs`
 */
export async function* piecesOf(
  fd: number,
  path: string,
  { size, timeoutMs, signal }: { size: number; timeoutMs: number | undefined; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const libc = ownLibc();
  const watch = (fd: number, onReady: () => void) => libc.watch(fd, onReady, 'readable', path);
  const buffer = Buffer.allocUnsafe(size);
  for (;;) {
    const outcome = await ready({ watch }, fd, { timeoutMs, signal });
    if (outcome === 'aborted') return;
    if (outcome === 'timeout' && timeoutMs !== undefined) throw silent(nameOf(path), NOTHING, timeoutMs);
    const count = readSome(fd, path, buffer);
    if (count === 0) return;
    if (count !== null) yield buffer.subarray(0, count);
  }
}

/** @returns null where a non-blocking descriptor has nothing after all */
function readSome(fd: number, path: string, buffer: Buffer): number | null {
  try {
    return sysCall('read', path, () => fs.readSync(fd, buffer, 0, buffer.length, null));
  } catch (error) {
    if (error instanceof SysError && error.code === 'EAGAIN') return null;
    throw error;
  }
}

const NOTHING = 'nothing came';

/** Waits, without serving signals, until a read has something, or the end. @throws UdrvError exit 6 */
function mustSpeak(fd: number, path: string, timeoutMs: number): void {
  const deadline = performance.now() + timeoutMs;
  const libc = ownLibc();
  let outcome = libc.poll(fd, timeoutMs, 'readable', path);
  while (outcome === 'interrupted')
    outcome = libc.poll(fd, Math.max(0, deadline - performance.now()), 'readable', path);
  if (outcome === 'timeout') throw silent(nameOf(path), NOTHING, timeoutMs);
}

function isFifo(path: string): boolean {
  return sysCall('stat', path, () => fs.statSync(path, { throwIfNoEntry: false }))?.isFIFO() ?? false;
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}
