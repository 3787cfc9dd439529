import * as fs from 'node:fs';
import { SysError } from '../errors';
import { Libc } from './libc';
import type { Access, Mapping, OpenFlags, PollResult, Sys, Watch } from './sys';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, R_OK, W_OK } = fs.constants;

/** Reads land here first: sysfs attributes are a page at most, so nearly all of them need no more. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
const DEFAULT_LIMIT = 1024 * 1024;

/** This machine. */
export class LinuxSys implements Sys {
  #libc: Libc | undefined;
  /** What each descriptor was opened from, for messages. */
  readonly #paths = new Map<number, string>();

  get pageSize(): number {
    return this.#c.pageSize;
  }

  readFile(path: string, limit = DEFAULT_LIMIT): Buffer {
    // Non-blocking, because a path in a hostile tree may be a FIFO that nobody writes to.
    const fd = call('open', path, () => fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    try {
      const chunks: Buffer[] = [];
      let total = 0;
      for (;;) {
        // To the end, not to the first short read: procfs gives a file in pieces.
        const length = call('read', path, () => fs.readSync(fd, scratch, 0, scratch.length, null));
        if (length === 0) break;
        total += length;
        if (total > limit) throw new SysError('read', 'EFBIG', path);
        chunks.push(Buffer.from(scratch.subarray(0, length)));
      }
      return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    } finally {
      fs.closeSync(fd);
    }
  }

  readDir(path: string): string[] {
    // opendir(3) and readdir(3), not fs.readdirSync: that is scandir(3), which umockdev does not see.
    const dir = call('opendir', path, () => fs.opendirSync(path));
    try {
      const names: string[] = [];
      for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) names.push(entry.name);
      return names;
    } finally {
      dir.closeSync();
    }
  }

  readLink(path: string): string {
    return call('readlink', path, () => fs.readlinkSync(path));
  }

  writeFile(path: string, data: string): void {
    const fd = call('open', path, () => fs.openSync(path, O_WRONLY | O_NOCTTY));
    try {
      call('write', path, () => fs.writeSync(fd, data));
    } finally {
      fs.closeSync(fd);
    }
  }

  access(path: string): Access | null {
    if (!fs.existsSync(path)) return null;
    for (const [access, mode] of [['rw', R_OK | W_OK] as const, ['r', R_OK] as const]) {
      try {
        fs.accessSync(path, mode);
        return access;
      } catch {}
    }
    return 'none';
  }

  open(path: string, { write = false, nonblock = false }: OpenFlags): number {
    const flags = (write ? O_RDWR : O_RDONLY) | (nonblock ? O_NONBLOCK : 0) | O_NOCTTY;
    const fd = call('open', path, () => fs.openSync(path, flags));
    this.#paths.set(fd, path);
    return fd;
  }

  close(fd: number): void {
    const path = this.#path(fd);
    this.#paths.delete(fd);
    call('close', path, () => fs.closeSync(fd));
  }

  read(fd: number, buffer: Buffer): number {
    return call('read', this.#path(fd), () => fs.readSync(fd, buffer, 0, buffer.length, null));
  }

  write(fd: number, buffer: Buffer): number {
    return call('write', this.#path(fd), () => fs.writeSync(fd, buffer, 0, buffer.length, null));
  }

  pread(fd: number, buffer: Buffer, position: number): number {
    return call('pread', this.#path(fd), () => fs.readSync(fd, buffer, 0, buffer.length, position));
  }

  pwrite(fd: number, buffer: Buffer, position: number): number {
    return call('pwrite', this.#path(fd), () => fs.writeSync(fd, buffer, 0, buffer.length, position));
  }

  ioctl(fd: number, request: number, argument: Buffer | number): number {
    return this.#c.ioctl(fd, request, argument, this.#path(fd));
  }

  mmap(fd: number, length: number, writable: boolean, offset: number): Mapping {
    return this.#c.mmap(fd, length, writable, offset, this.#path(fd));
  }

  eventfd(): number {
    const fd = this.#c.eventfd();
    this.#paths.set(fd, 'eventfd');
    return fd;
  }

  poll(fd: number, timeoutMs: number): PollResult {
    return this.#c.poll(fd, timeoutMs, this.#path(fd));
  }

  watch(fd: number, onReady: () => void): Watch {
    return this.#c.watch(fd, onReady, this.#path(fd));
  }

  get #c(): Libc {
    this.#libc ??= new Libc();
    return this.#libc;
  }

  #path(fd: number): string {
    return this.#paths.get(fd) ?? `fd ${fd}`;
  }
}

/** Runs one of Node's calls; its error becomes ours. Not `instanceof Error`: under jest that is another realm's class. */
function call<T>(syscall: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code !== undefined && /^E[A-Z0-9]+$/.test(code) ? new SysError(syscall, code, path) : error;
  }
}
