import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { Exit, fromSysError, SysError, usageError } from '../errors';
import { sysCall } from '../sys/linux/node-fs';
import { hex, hexBytes } from '../text/hex';

/** Returns the bytes that a step names: hex digits, or the content of a file after `@`. The file is read when it is used. */
export function dataOf(text: string, limit: number): { length: number; read(): Buffer } {
  if (text.startsWith('@')) {
    const path = text.slice(1);
    const length = checkedFile(path);
    if (length > limit) throw usageError(path, `has ${hex(length)} bytes: ${hex(limit)} at most`);
    return { length, read: () => readWhole(path, limit) };
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

/** Reads a file, of a longer one the first `limit` bytes. */
export function readWhole(path: string, limit: number): Buffer {
  return attempt('read', path, () => {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(limit);
      let length = 0;
      for (let count = -1; count !== 0 && length < limit; length += count)
        count = readSync(fd, buffer, length, limit - length, null);
      return buffer.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  });
}

export function writeWhole(path: string, bytes: Buffer): void {
  attempt('write', path, () => writeFileSync(path, bytes));
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
