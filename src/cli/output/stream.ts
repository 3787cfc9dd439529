import { constants, fstatSync, writeSync } from 'node:fs';
import { fromSysError, SysError } from '../../errors';
import { sleep } from '../../sys/sleep';

/** Thrown where the reader of our output went away: not an error, just the end. */
export class BrokenPipe extends Error {}

/** A descriptor to which all bytes are written, in order. */
export interface Destination {
  readonly fd: number;
  /** Makes the error of a write that failed. @param code the errno by name */
  failure(code: string): Error;
}

/** The receiver of all that is written, in the place of the kernel. */
export interface Taker {
  take(to: Destination, bytes: Buffer): void;
}

/** The process has one, as it has one set of signal handlers. */
let taker: Taker | undefined;

/** Has all writes taken from now on, or made again. @returns the one that took them so far */
export function takeWrites(by: Taker | undefined): Taker | undefined {
  const before = taker;
  taker = by;
  return before;
}

/** Writes all data, or has it taken. @throws the destination's failure */
export function write(to: Destination, data: string | Buffer): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (taker !== undefined) taker.take(to, bytes);
  else writeAll(to, bytes);
}

/** Writes all bytes, for however long nobody reads them. @throws the destination's failure */
export function writeAll(to: Destination, bytes: Buffer): void {
  let rest = bytes;
  while (rest.length > 0) {
    const count = writeSome(to, to.fd, rest);
    // Somebody made the pipe non-blocking: wait for the reader.
    if (count === 0) sleep(5);
    rest = rest.subarray(count);
  }
}

/**
 * Writes by write(2), perhaps not all; nothing where a non-blocking descriptor is full. A file system that goes past the
 * page cache (9p, FUSE with direct I/O) pins the memory that it writes from. Memory of a device cannot be pinned
 * (mm/gup.c, VM_IO), and is copied first.
 *
 * @param fd the destination's, or another of the same file
 * @throws the destination's failure
 */
export function writeSome(to: Destination, fd: number, bytes: Buffer): number {
  for (let from = bytes, isCopy = false; ; from = Buffer.from(bytes), isCopy = true) {
    try {
      return writeSync(fd, from);
    } catch (error) {
      const { code = 'EIO' } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 0;
      if (code !== 'EFAULT' || isCopy) throw to.failure(code);
    }
  }
}

/** Standard output or error. All is written in order, and before the command ends, so that nothing is lost. */
export class OutputStream implements Destination {
  /** Standard error of this process, which signals are answered on, whatever the command. */
  static ofErrors: OutputStream | undefined;
  readonly fd: number;
  readonly isTTY: boolean;
  /** Runs before each write: takes away what stands on the terminal for the time being. */
  beforeWrite: (() => void) | undefined;
  readonly #name: string;

  constructor(fd: number, name: string) {
    this.fd = fd;
    this.#name = name;
    const { rdev, mode } = fstatSync(fd);
    // node:tty costs start-up time, and /dev/null (major 1) is a character device too, but no terminal.
    const candidate = (mode & constants.S_IFMT) === constants.S_IFCHR && rdev >> 8 !== 1;
    this.isTTY = candidate && require('node:tty').isatty(fd);
  }

  /** @throws BrokenPipe where nobody reads any more, a UdrvError where the disk is full */
  write(data: string | Buffer): void {
    this.beforeWrite?.();
    write(this, data);
  }

  failure(code: string): Error {
    return code === 'EPIPE' ? new BrokenPipe() : fromSysError(new SysError('write', code, this.#name), { exit: 1 });
  }
}
