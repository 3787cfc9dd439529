/**
 * The seam: everything udrv learns from a machine and does to it passes through a {@link Sys}. Above it is ordinary
 * code that does not know whether a kernel is there. Machines: `linux/linux-sys.ts` (this one), `../sim` (a simulated
 * one), and the decorator `trace.ts`. Trees that can only be read: `tree/sysroot.ts` (a copy of another machine's),
 * `tree/snapshot.ts` (a recorded machine) and the decorator `tree/recording.ts`.
 *
 * Every method that fails throws {@link SysError} with the errno the kernel gave; there is no policy here.
 * Paths are absolute and as the machine itself would name them (`/sys/...`).
 */

/** The calling user's access to a node: `none` is there but closed. */
export type Access = 'rw' | 'r' | 'none';

/** The owner of a node and its mode, which say to whom it is closed. Access control lists come on top. */
export interface Permissions {
  /** The nine bits for owner, group and others. */
  mode: number;
  uid: number;
  gid: number;
}

/** The most that {@link SysTree.readFile} takes unless told otherwise: attributes are a page, configuration spaces little more. */
export const READ_LIMIT = 1024 * 1024;

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
  /** {@link read} of one register, checked beforehand, for loops. */
  reader(offset: number, width: Width): () => Word;
  /** {@link write} to one register, checked beforehand, for loops. */
  writer(offset: number, width: Width): (value: Word) => void;
  /** Unmaps. Any access afterwards throws; a second close does nothing. */
  close(): void;
}

/**
 * Makes the error of an access to a mapping that nothing answered, which is SIGBUS and the end of the process where the
 * machine does not survive it. Offset and width in bytes.
 */
export type Unanswered = (offset: number, width: Width) => Error;

/**
 * Memory whose address the kernel is given: DMA buffers, URBs, the target of an ioctl's pointer. Whole pages,
 * zeroed, shared with nobody but the kernel, and never moved.
 */
export interface Memory {
  /** The address in this process, `vaddr` or a user pointer in the kernel's structures. A multiple of the page size. */
  readonly address: bigint;
  /** The memory itself. A UdrvError once it is closed; a buffer that was taken before is of empty pages then. */
  readonly bytes: Buffer;
  /** Unmaps it, which must not happen while the kernel or a device still uses it. A second close does nothing. */
  close(): void;
}

/** The pages of {@link Sys.allocate}: ordinary ones, of any NUMA node, where nothing is said. */
export interface MemoryOptions {
  /** Size of the huge pages in bytes, a power of two: 2 MiB and 1 GiB on x86-64. The length is rounded up to whole ones. */
  hugePage?: number | undefined;
  /** Number of the NUMA node that all of the memory is on. */
  numaNode?: number | undefined;
}

/** A received datagram's length and sender. */
export interface Datagram {
  /** In bytes, as sent: more than the buffer holds where it was cut. */
  length: number;
  /** Netlink port of the sender: 0 is the kernel. */
  port: number;
  /** Multicast groups it was sent to, a bit each; 0 for one that was sent to this socket alone. */
  groups: number;
}

/** A file descriptor that is being watched by the event loop. */
export interface Watch {
  close(): void;
}

/** The event to wait for; an error or a hang-up ends the wait in any case. A usbfs node with an URB to reap is `writable`. */
export type PollEvent = 'readable' | 'writable';

export type PollResult = 'ready' | 'timeout' | 'interrupted';

export interface OpenFlags {
  write?: boolean;
  /** Reads that would wait fail with EAGAIN. */
  nonblock?: boolean;
  /** O_SYNC: u-dma-buf then maps memory that needs no handing over between the processor and a device. */
  sync?: boolean;
  /** The name in a trace, where the path does not say it well. */
  name?: string;
}

export interface OpenOptions extends OpenFlags {
  /** A block device that is mounted, swapped to or part of another fails with EBUSY (O_EXCL). */
  exclusive?: boolean;
}

/**
 * The part of a machine that can only be read: /sys, /proc, /dev and the name databases. No call here opens a device
 * node. Listing, inspection, snapshots and diagnosis take this type and no more.
 */
export interface SysTree {
  /** The whole content of a regular file (a sysfs attribute, a database), at most `limit` bytes (default 1 MiB): EFBIG beyond. */
  readFile(path: string, limit?: number): Buffer;
  /** The names in a directory, without `.` and `..`, in no order. */
  readDir(path: string): string[];
  /** The target of a symbolic link as it stands there, not resolved. */
  readLink(path: string): string;
  /** The access that the calling user has to a file or node, null if it is not there. Does not open it. */
  access(path: string): Access | null;
  /** The owner and mode of a node; null if it is not there, or a copy of a machine does not tell. Does not open it. */
  permissions(path: string): Permissions | null;
}

/** A machine whose devices can be opened. */
export interface Sys extends SysTree {
  readonly pageSize: number;

  /** Makes one write(2) to an existing file, as a sysfs attribute wants it. */
  writeFile(path: string, data: string): void;
  /**
   * Puts a regular file in the place of what has that name, whole or not at all; its directory has to be there. A
   * symbolic link of that name is replaced, not followed. For configuration below /etc: mode 0644.
   */
  replaceFile(path: string, data: string): void;
  /** Removes a file, or a symbolic link itself. */
  removeFile(path: string): void;

  /** Opens a device node or a sysfs file for positioned access. Always close-on-exec. */
  open(path: string, flags: OpenOptions): number;
  close(fd: number): void;
  read(fd: number, buffer: Buffer): number;
  write(fd: number, buffer: Buffer): number;
  pread(fd: number, buffer: Buffer, position: number): number;
  pwrite(fd: number, buffer: Buffer, position: number): number;
  /**
   * Reads consecutive registers through a file that makes one access for each read, as VFIO's do: `width` bytes each, in
   * as few calls as the kernel needs. Returns the bytes that were read, which may be fewer than the buffer holds.
   */
  preadWords(fd: number, buffer: Buffer, width: Width, position: number): number;
  /** @param argument a buffer is passed by address, a number by value. @returns what the ioctl returned. */
  ioctl(fd: number, request: number, argument: Buffer | number): number;
  /**
   * {@link ioctl} of one struct, again and again, for loops that measure.
   *
   * @param expected an errno that is an answer: the call returns -1 and does not throw
   */
  preparedIoctl(fd: number, request: number, argument: Buffer, expected?: string): () => number;
  /** An ioctl that returns a new descriptor, as VFIO_GROUP_GET_DEVICE_FD does. @param name of what it opens, for messages */
  ioctlOpen(fd: number, request: number, argument: Buffer | number, name: string): number;
  /**
   * Maps `length` bytes at `offset` (a multiple of the page size) shared with the device.
   *
   * @param unanswered makes the error of an access that nothing answers, where the implementation survives one
   */
  mmap(fd: number, length: number, writable: boolean, offset: number, unanswered?: Unanswered): Mapping;
  /**
   * Allocates memory. What was asked for is there when it returns: a page that is missing later would be SIGBUS.
   *
   * @param length in bytes, rounded up to whole pages; RangeError where it is nothing or more than a buffer can hold
   * @throws EINVAL where the kernel has no such pages or no such node, ENOMEM where fewer huge pages are free
   */
  allocate(length: number, options?: MemoryOptions): Memory;
  /**
   * Memory that the driver behind `fd` lends for transfers, so that the device reaches it without a copy: usbfs does, at
   * mmap(2). Whole pages, zeroed, in one piece for the device. The descriptor's file stays open until it is closed too.
   *
   * @param options.uncached whether memory will do that is slow for the processor
   * @throws ENODEV where there is none that will do; ENOMEM where not so much is left
   */
  allocateDma(fd: number, length: number, options?: { uncached?: boolean }): Memory;
  /** A counter that reads as 8 bytes; non-blocking, close-on-exec. */
  eventfd(): number;

  /** A socket for NETLINK_KOBJECT_UEVENT; non-blocking, close-on-exec. @param groups bits: 1 the kernel's own events, 2 udev's */
  ueventSocket(groups: number): number;
  /** Receives one datagram from a socket; EAGAIN where none waits, ENOBUFS where some were lost. */
  receive(fd: number, buffer: Buffer): Datagram;

  /**
   * Waits. Blocks the thread: for latency measurements; a signal ends it as `interrupted`.
   *
   * @param timeoutMs negative: without bound
   * @param event `readable` if not given
   */
  poll(fd: number, timeoutMs: number, event?: PollEvent): PollResult;
  /**
   * Reads what a non-blocking descriptor has, and only where it has nothing yet waits for it first, as {@link poll} does:
   * one system call where an interrupt is there already. The buffer is filled where the result is `ready`.
   */
  readWithin(fd: number, buffer: Buffer, timeoutMs: number): PollResult;
  /**
   * Calls back from the event loop whenever the descriptor is ready or in error; level-triggered. The watch has to be
   * closed before the descriptor.
   *
   * @throws EEXIST where the descriptor is watched already, EPERM where it cannot be
   */
  watch(fd: number, onReady: () => void, event?: PollEvent): Watch;
}
