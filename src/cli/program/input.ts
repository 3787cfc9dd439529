import * as fs from 'node:fs';
import { fromSysError, SysError, usageError } from '../../errors';
import { readToEnd, sysCall } from '../../sys/linux/node-fs';

/**
 * Reads a file that the user named, or standard input (`-`).
 *
 * @throws UdrvError exit 3 if it is not there, 4 if it may not be read, 2 if it is larger than `limit` bytes or no file
 */
export function readInput(path: string, limit: number): Buffer {
  try {
    const fd = path === '-' ? 0 : sysCall('open', path, () => fs.openSync(path, 'r'));
    try {
      return readToEnd(fd, path, limit);
    } finally {
      if (fd !== 0) fs.closeSync(fd);
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'EFBIG') throw usageError(path, `is larger than ${limit} bytes`);
    if (error.code === 'EISDIR') throw usageError(path, 'is a directory');
    throw fromSysError(error);
  }
}
