/**
 * The seam: everything udrv learns from a machine and does to it passes through a {@link Sys}. Above it is ordinary
 * code that does not know whether a kernel is there. Implementations: `linux.ts` (this machine), `sysroot.ts`
 * (a copy of another machine's tree), `snapshot.ts` (a recorded machine), `../sim` (a simulated one), and the
 * decorators `trace.ts` and `record.ts`.
 *
 * Every method that fails throws {@link SysError} with the errno the kernel gave; there is no policy here.
 * Paths are absolute and as the machine itself would name them (`/sys/...`).
 */

/** What the calling user may do with a node: `none` is there but closed. */
export type Access = 'rw' | 'r' | 'none';

/** Access width in bytes. */
export type Width = 1 | 2 | 4 | 8;

/** A register's value: a number for widths 1, 2 and 4, a bigint for width 8. Unsigned, in the CPU's byte order. */
export type Word = number | bigint;

/** A mapping of device memory. One call is exactly one aligned access of the given width, never more, never fewer. */
export interface Mapping {
  readonly length: number;
  /** @param offset in bytes from the start of the mapping, a multiple of `width`; RangeError otherwise. */
  read(offset: number, width: Width): Word;
  /** @param value must fit the width; higher bits are dropped. */
  write(offset: number, width: Width, value: Word): void;
  /** Unmaps. Any access afterwards throws; a second close does nothing. */
  close(): void;
}

/** A file descriptor that is being watched by the event loop. */
export interface Watch {
  close(): void;
}

export type PollResult = 'ready' | 'timeout' | 'interrupted';

export interface OpenFlags {
  write?: boolean;
  /** Reads that would wait fail with EAGAIN. */
  nonblock?: boolean;
}

export interface OpenOptions extends OpenFlags {
  /** A block device that is mounted, swapped to or part of another fails with EBUSY (O_EXCL). */
  exclusive?: boolean;
}

export interface Sys {
  readonly pageSize: number;

  /** The whole content of a regular file (a sysfs attribute, a database), at most `limit` bytes (default 1 MiB): EFBIG beyond. */
  readFile(path: string, limit?: number): Buffer;
  /** The names in a directory, without `.` and `..`, in no order. */
  readDir(path: string): string[];
  readLink(path: string): string;
  /** One write(2) to an existing file, as a sysfs attribute wants it. */
  writeFile(path: string, data: string): void;
  /** What the calling user may do with a file or node, null if it is not there. Does not open it. */
  access(path: string): Access | null;

  /** Opens a device node or a sysfs file for positioned access. Always close-on-exec. */
  open(path: string, flags: OpenOptions): number;
  close(fd: number): void;
  read(fd: number, buffer: Buffer): number;
  write(fd: number, buffer: Buffer): number;
  pread(fd: number, buffer: Buffer, position: number): number;
  pwrite(fd: number, buffer: Buffer, position: number): number;
  /** @param argument a buffer is passed by address, a number by value. @returns what the ioctl returned. */
  ioctl(fd: number, request: number, argument: Buffer | number): number;
  /** Maps `length` bytes at `offset` (a multiple of the page size) shared with the device. */
  mmap(fd: number, length: number, writable: boolean, offset: number): Mapping;
  /** A counter that reads as 8 bytes; non-blocking, close-on-exec. */
  eventfd(): number;

  /** Waits for readability. Blocks the thread: for latency measurements; a signal ends it as `interrupted`. */
  poll(fd: number, timeoutMs: number): PollResult;
  /** Calls back from the event loop whenever the descriptor is readable or in error; level-triggered. */
  watch(fd: number, onReady: () => void): Watch;
}
