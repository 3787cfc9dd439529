import { constants, fstatSync, writeSync } from 'node:fs';
import { fromSysError, SysError } from '../../errors';
import { sleep } from '../../sys/sleep';

/** Thrown where the reader of our output went away: not an error, just the end. */
export class BrokenPipe extends Error {}

/**
 * Writes by write(2), perhaps not all. A file system that goes past the page cache (9p, FUSE with direct I/O) pins the
 * memory that it writes from. Memory of a device cannot be pinned (mm/gup.c, VM_IO), and is copied first.
 */
export function writeSome(fd: number, data: Buffer): number {
  try {
    return writeSync(fd, data);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EFAULT') throw error;
    return writeSync(fd, Buffer.from(data));
  }
}

/** Returns the columns of the terminal, or those that COLUMNS asks for where its size is not known; else 80. */
export function terminalColumns(env: NodeJS.ProcessEnv): number {
  const asked = Number(env['COLUMNS']);
  return process.stdout.columns || (Number.isSafeInteger(asked) && asked > 0 ? asked : 80);
}

/** Standard output or error. All is written at once and in order, so that nothing is lost when the command ends. */
export class OutputStream {
  readonly fd: number;
  readonly isTTY: boolean;
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
    let rest = typeof data === 'string' ? Buffer.from(data) : data;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSome(this.fd, rest));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE') throw new BrokenPipe();
        // Somebody made the pipe non-blocking: wait for the reader.
        if (code === 'EAGAIN') sleep(5);
        else throw fromSysError(new SysError('write', code ?? 'EIO', this.#name), { exit: 1 });
      }
    }
  }
}
