import { accessSync, constants, existsSync, opendirSync, readSync, statSync, unlinkSync } from 'node:fs';
import { SysError, UdrvError } from '../../errors';
import type { Access, Permissions } from '../sys';

const { R_OK, W_OK } = constants;

/** No page is smaller. */
const PAGE = 4096;

/** Reads land here first: sysfs attributes are a page at most, so nearly all of them need no more. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Reads an open file to its end.
 *
 * @param path for messages
 *   Below /sys, a read of less than a page is taken for the last: kernfs gives a text attribute whole, and a binary one
 *   in pages (fs/kernfs/file.c). Not so in procfs, which gives a file in pieces of any size.
 * @throws SysError EFBIG beyond `limit` bytes
 */
export function readToEnd(fd: number, path: string, limit: number, beforeRead?: () => void): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    beforeRead?.();
    const length = sysCall('read', path, () => readSync(fd, scratch, 0, scratch.length, null));
    if (length === 0) break;
    total += length;
    if (total > limit) throw new SysError('read', 'EFBIG', path);
    chunks.push(copyOf(scratch, length));
    if (length < PAGE && path.startsWith('/sys/')) break;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** Copies the first bytes. Not Buffer.from, which takes long, when it is first called, to find out what it is given. */
export function copyOf(bytes: Buffer, length = bytes.length): Buffer {
  return Uint8Array.prototype.slice.call(bytes, 0, length) as Buffer;
}

/**
 * Lists the names in a directory.
 *
 * @param path for messages, where that is not what is opened
 */
export function listDirectory(directory: string, path = directory): string[] {
  // opendir(3) and readdir(3), not readdirSync: that is scandir(3), which umockdev does not see.
  const dir = sysCall('opendir', path, () => opendirSync(directory));
  try {
    const names: string[] = [];
    for (;;) {
      const entry = sysCall('readdir', path, () => dir.readSync());
      if (entry === null) return names;
      names.push(entry.name);
    }
  } finally {
    dir.closeSync();
  }
}

/** Returns the access that the calling user has to a file; null if it is not there. Does not open it. */
export function accessOf(path: string): Access | null {
  if (!existsSync(path)) return null;
  for (const [access, mode] of [['rw', R_OK | W_OK] as const, ['r', R_OK] as const]) {
    try {
      accessSync(path, mode);
      return access;
    } catch {}
  }
  return 'none';
}

/** Returns the owner and mode of a file; null if it is not there, or not to be looked at. Does not open it. */
export function permissionsOf(path: string): Permissions | null {
  try {
    const { mode, uid, gid } = statSync(path);
    return { mode: mode & 0o777, uid, gid };
  } catch {
    return null;
  }
}

/** Runs one of Node's calls and turns its error into {@link SysError}. */
export function sysCall<T>(syscall: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    // One that says more than its code, from what the body called.
    if (error instanceof UdrvError && !(error instanceof SysError)) throw error;
    // Not `instanceof Error`: under jest that is another realm's class.
    const { code } = error as NodeJS.ErrnoException;
    // Node refuses a path with a NUL byte before the kernel sees it. No file has such a name.
    if (code === 'ERR_INVALID_ARG_VALUE' && path.includes('\0')) throw new SysError(syscall, 'ENOENT', path);
    throw code !== undefined && /^E[A-Z0-9]+$/.test(code) ? new SysError(syscall, code, path) : error;
  }
}

/**
 * Removes a file, unless there is none. Node's rmSync refuses a directory with an error of its own, which has no errno.
 *
 * @throws SysError
 */
export function removeIfThere(path: string): void {
  try {
    sysCall('unlink', path, () => unlinkSync(path));
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== 'ENOENT') throw error;
  }
}
