import { constants } from 'node:buffer';
import { getSystemErrorName } from 'node:util';
import { closedError, Exit, errnoNumber, SysError, UdrvError } from '../../errors';
import {
  AF_NETLINK,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLIN,
  EPOLLOUT,
  epollEvent,
  IOV_MAX,
  iovec,
  LOCK_EX,
  LOCK_NB,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MSG_TRUNC,
  NETLINK_KOBJECT_UEVENT,
  POLLIN,
  POLLOUT,
  PROT_READ,
  PROT_WRITE,
  pollfd,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
  sockaddrNl,
} from '../../uapi/libc';
import type { Datagram, Mapping, Memory, MemoryOptions, PollEvent, PollResult, Unanswered, Watch, Width } from '../sys';
import { LONGEST_TIMER_MS } from '../wait';
import type { BusErrors } from './bus-errors';
import { Mmio } from './mmio';

/** V8 aborts the process on an ArrayBuffer that is longer. */
const MAX_LENGTH = constants.MAX_LENGTH;

/** The size of a uevent socket's receive buffer, in bytes. */
const RECEIVE_BUFFER = 1024 * 1024;

/** mmap's failure value, (void *)-1, as koffi returns it. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * The C functions that Node has no name for. The only module that loads koffi, and only once a device is opened:
 * inspection does without.
 *
 * The library handle is `load(null)`, the process's own symbol scope, so that preloaded libraries (umockdev) see the calls.
 */
export class Libc {
  readonly #koffi: typeof import('koffi');
  readonly #lib: ReturnType<typeof import('koffi')['load']>;
  /** Null: this machine has none. */
  #busErrors: BusErrors | null | undefined;
  /** @param argument a value, or an address */
  readonly #ioctl: (fd: number, request: number, argument: number) => number;
  readonly #mmap: (
    address: bigint | null,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ) => bigint;
  readonly #munmap: (address: bigint, length: number) => number;
  readonly #eventfd: (initial: number, flags: number) => number;
  readonly #poll: (fds: number, count: number, timeoutMs: number) => number;
  readonly #epollCreate1: (flags: number) => number;
  readonly #epollCtl: (epfd: number, op: number, fd: number, event: Buffer) => number;
  readonly #close: (fd: number) => number;
  readonly #flock: (fd: number, operation: number) => number;
  readonly #read: (fd: number, buffer: number, length: number) => number;
  readonly #write: (fd: number, buffer: number, length: number) => number;
  readonly #pread: (fd: number, buffer: number, length: number, position: number) => number;
  readonly #pwrite: (fd: number, buffer: number, length: number, position: number) => number;
  readonly #preadv: (fd: number, iov: bigint, count: number, position: number) => number;
  readonly #socket: (family: number, type: number, protocol: number) => number;
  readonly #bind: (fd: number, address: Buffer, length: number) => number;
  readonly #setsockopt: (fd: number, level: number, option: number, value: Buffer, length: number) => number;
  readonly #recvfrom: (fd: number, buf: Buffer, len: number, flags: number, address: Buffer, size: Buffer) => number;
  readonly pageSize: number;
  readonly #pollfd = Buffer.allocUnsafeSlow(pollfd.size);
  /** User space ends at 2^47 (or 2^56): a number holds it, and costs less to pass than a buffer. */
  readonly #pollfdAddress: number;
  readonly #addresses = new WeakMap<Buffer, number>();
  /** The last request in it. */
  #polled: { fd: number; event: PollEvent } | undefined;
  readonly #interrupted = errnoNumber('EINTR');
  readonly #nothingYet = errnoNumber('EAGAIN');
  readonly #vectors = new Map<Width, { iovecs: bigint; words: Buffer }>();
  /** Unmaps the empty pages that stand where memory was, once its buffers are gone. */
  readonly #left = new FinalizationRegistry<{ address: bigint; size: number }>(({ address, size }) =>
    this.#munmap(address, size),
  );
  /** The watched descriptors by handle. Held here, because a handle that nothing references is collected and stops firing. */
  readonly #watches = new Map<object, number>();

  constructor() {
    this.#koffi = loadKoffi();
    const lib = this.#koffi.load(null);
    this.#lib = lib;
    this.#ioctl = lib.func('int ioctl(int fd, unsigned long request, intptr_t argument)');
    this.#mmap = lib.func('void *mmap(void *address, size_t length, int prot, int flags, int fd, int64_t offset)');
    this.#munmap = lib.func('int munmap(void *address, size_t length)');
    this.#eventfd = lib.func('int eventfd(unsigned int initial, int flags)');
    this.#poll = lib.func('int poll(intptr_t fds, unsigned long count, int timeout)');
    this.#pollfdAddress = Number(this.#koffi.address(this.#pollfd));
    this.#epollCreate1 = lib.func('int epoll_create1(int flags)');
    this.#epollCtl = lib.func('int epoll_ctl(int epfd, int op, int fd, void *event)');
    this.#close = lib.func('int close(int fd)');
    this.#flock = lib.func('int flock(int fd, int operation)');
    this.#read = lib.func('intptr_t read(int fd, intptr_t buffer, size_t length)');
    this.#write = lib.func('intptr_t write(int fd, intptr_t buffer, size_t length)');
    this.#pread = lib.func('intptr_t pread(int fd, intptr_t buffer, size_t length, int64_t position)');
    this.#pwrite = lib.func('intptr_t pwrite(int fd, intptr_t buffer, size_t length, int64_t position)');
    this.#preadv = lib.func('intptr_t preadv(int fd, intptr_t iov, int count, int64_t position)');
    this.#socket = lib.func('int socket(int family, int type, int protocol)');
    this.#bind = lib.func('int bind(int fd, void *address, unsigned int length)');
    this.#setsockopt = lib.func('int setsockopt(int fd, int level, int option, void *value, unsigned int length)');
    this.#recvfrom = lib.func(
      'intptr_t recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *addressLength)',
    );
    this.pageSize = lib.func('int getpagesize()')();
  }

  ioctl(fd: number, request: number, argument: Buffer | number, path: string): number {
    const result = this.#ioctl(fd, request, typeof argument === 'number' ? argument : this.#addressOf(argument));
    if (result < 0) throw this.#error('ioctl', path);
    return result;
  }

  preparedIoctl(
    fd: number,
    request: number,
    argument: Buffer,
    expected: string | undefined,
    path: string,
  ): () => number {
    const ioctl = this.#ioctl;
    const answer = expected === undefined ? undefined : errnoNumber(expected);
    // The buffer is held with its address, which is good as long as the buffer lives.
    const struct = { buffer: argument, address: this.#addressOf(argument) };
    return () => {
      const result = ioctl(fd, request, struct.address);
      if (result >= 0) return result;
      const error = this.#koffi.errno();
      if (error === answer) return -1;
      throw new SysError('ioctl', errnoName(error), path);
    };
  }

  /**
   * Returns a buffer's address. It is good as long as the buffer lives, and asking costs as much as a short ioctl: the
   * structs that are used for each URB and each mapping are the same ones again and again.
   */
  #addressOf(buffer: Buffer): number {
    let address = this.#addresses.get(buffer);
    if (address === undefined) {
      address = Number(this.#koffi.address(buffer));
      this.#addresses.set(buffer, address);
    }
    return address;
  }

  // Not by Node's functions of these names: they run a hundred times the code that the call needs, which shows in all that
  // is measured between two of them.

  read(fd: number, buffer: Buffer, path: string): number {
    if (buffer.length === 0) return 0;
    return this.#moved('read', this.#read(fd, this.#addressOf(buffer), buffer.length), path);
  }

  write(fd: number, buffer: Buffer, path: string): number {
    if (buffer.length === 0) return 0;
    return this.#moved('write', this.#write(fd, this.#addressOf(buffer), buffer.length), path);
  }

  pread(fd: number, buffer: Buffer, position: number, path: string): number {
    if (buffer.length === 0) return 0;
    return this.#moved('pread', this.#pread(fd, this.#addressOf(buffer), buffer.length, position), path);
  }

  pwrite(fd: number, buffer: Buffer, position: number, path: string): number {
    if (buffer.length === 0) return 0;
    return this.#moved('pwrite', this.#pwrite(fd, this.#addressOf(buffer), buffer.length, position), path);
  }

  #moved(syscall: string, length: number, path: string): number {
    if (length < 0) throw this.#error(syscall, path);
    return length;
  }

  mmap(fd: number, length: number, writable: boolean, offset: number, path: string, unanswered?: Unanswered): Mapping {
    const prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = this.#mmap(null, length, prot, MAP_SHARED, fd, offset);
    if (address === MAP_FAILED) throw this.#error('mmap', path);
    const mapping = new Mmio(
      length,
      (start, bytes) => this.#koffi.view(address + BigInt(start), bytes),
      () => {
        if (this.#munmap(address, length) < 0) throw this.#error('munmap', path);
      },
    );
    return unanswered === undefined ? mapping : (this.#guards?.guard(mapping, address, unanswered) ?? mapping);
  }

  /** Made when the first mapping is guarded. */
  get #guards(): BusErrors | null {
    if (this.#busErrors === undefined) {
      const { BusErrors } = require('./bus-errors') as typeof import('./bus-errors');
      const mprotect = this.#lib.func('int mprotect(void *address, size_t length, int protection)');
      const sigaction = this.#lib.func('int sigaction(int signal, void *action, void *before)');
      this.#busErrors = BusErrors.install({
        allocate: (length) => {
          const address = this.#mmap(null, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          if (address === MAP_FAILED) throw this.#error('mmap', 'memory');
          return address;
        },
        view: (address, length) => this.#koffi.view(address, length),
        protect: (address, length, protection) => mprotect(address, length, protection) === 0,
        sigaction: (signal, action) => sigaction(signal, action, null) === 0,
      });
    }
    return this.#busErrors;
  }

  allocate(length: number, { hugePage, numaNode }: MemoryOptions = {}): Memory {
    if (hugePage === undefined && numaNode === undefined) return this.#mapMemory(length, MAP_ANONYMOUS, -1, 'memory');
    const { hugePageFlags, placePages } = require('./page-placement') as typeof import('./page-placement');
    const flags = MAP_ANONYMOUS | (hugePage === undefined ? 0 : hugePageFlags(hugePage));
    const memory = this.#mapMemory(length, flags, -1, 'memory', hugePage);
    try {
      placePages(this.#koffi, memory, numaNode);
      return memory;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  allocateDma(fd: number, length: number, path: string): Memory {
    return this.#mapMemory(length, 0, fd, path);
  }

  #mapMemory(length: number, flags: number, fd: number, path: string, page = this.pageSize): Memory {
    if (!Number.isSafeInteger(length) || length <= 0 || length > MAX_LENGTH)
      throw new RangeError(`${length} bytes cannot be allocated`);
    const size = Math.ceil(length / page) * page;
    // Shared, so that a fork does not part the pages that a device was given from those that the process sees.
    const address = this.#mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);
    if (address === MAP_FAILED) throw this.#error('mmap', path);
    const view = this.#koffi.view(address, size);
    return new MappedMemory(address, Buffer.from(view), () => this.#leave(view, address, size, path));
  }

  /**
   * Gives memory back, and puts pages of the process's own, empty ones, in its place until no buffer refers to it any more:
   * one that somebody kept would otherwise be a segmentation fault, or memory that is somebody else's by then. Node cannot
   * detach an ArrayBuffer whose memory is not its own.
   */
  #leave(view: ArrayBuffer, address: bigint, size: number, path: string): void {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (this.#mmap(address, size, PROT_READ | PROT_WRITE, flags, -1, 0) === MAP_FAILED) throw this.#error('mmap', path);
    this.#left.register(view, { address, size });
  }

  /**
   * preadv(2) with a piece for each register. A file without read_iter, as VFIO's devices are, is asked for each piece by
   * itself (fs/read_write.c, do_loop_readv_writev()): so many reads for one call.
   */
  preadWords(fd: number, buffer: Buffer, width: Width, position: number, path: string): number {
    const { iovecs, words } = this.#vectorOf(width);
    const count = Math.min(Math.floor(buffer.length / width), IOV_MAX);
    const length = this.#preadv(fd, iovecs, count, position);
    if (length < 0) throw this.#error('preadv', path);
    words.copy(buffer, 0, 0, length);
    return length;
  }

  /** Made once for each width: IOV_MAX pieces of it, one behind the other. */
  #vectorOf(width: Width): { iovecs: bigint; words: Buffer } {
    let vector = this.#vectors.get(width);
    if (vector === undefined) {
      const table = this.allocate(IOV_MAX * (iovec.size + width));
      const words = IOV_MAX * iovec.size;
      for (let i = 0; i < IOV_MAX; i++) {
        const address = table.address + BigInt(words + i * width);
        table.bytes.writeBigUInt64LE(address, i * iovec.size + iovec.base);
        table.bytes.writeBigUInt64LE(BigInt(width), i * iovec.size + iovec.length);
      }
      vector = { iovecs: table.address, words: table.bytes.subarray(words) };
      this.#vectors.set(width, vector);
    }
    return vector;
  }

  ueventSocket(groups: number): number {
    const fd = this.#socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    if (fd < 0) throw this.#error('socket', 'uevents');
    // A burst must not be lost while the program is busy; the kernel gives what it allows, and that will do.
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(RECEIVE_BUFFER);
    this.#setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes, bytes.length);
    const address = Buffer.alloc(sockaddrNl.size);
    address.writeUInt16LE(AF_NETLINK, sockaddrNl.family);
    address.writeUInt32LE(groups, sockaddrNl.groups);
    if (this.#bind(fd, address, address.length) < 0) {
      const error = this.#error('bind', 'uevents');
      this.#close(fd);
      throw error;
    }
    return fd;
  }

  receive(fd: number, buffer: Buffer, path: string): Datagram {
    const address = Buffer.alloc(sockaddrNl.size);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(address.length);
    const length = this.#recvfrom(fd, buffer, buffer.length, MSG_TRUNC, address, size);
    if (length < 0) throw this.#error('recvfrom', path);
    return { length, port: address.readUInt32LE(sockaddrNl.pid), groups: address.readUInt32LE(sockaddrNl.groups) };
  }

  eventfd(): number {
    const fd = this.#eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) throw this.#error('eventfd', 'eventfd');
    return fd;
  }

  /**
   * Takes the lock of an open file. The kernel releases it when the file's last descriptor is closed, also where the
   * process dies.
   *
   * @returns false where another open file has it
   */
  tryLock(fd: number, path: string): boolean {
    if (this.#flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
    const error = this.#error('flock', path);
    // EWOULDBLOCK is the same number.
    if (error.code === 'EAGAIN') return false;
    throw error;
  }

  /** A descriptor in error counts as ready: the read that follows says what is wrong. */
  poll(fd: number, timeoutMs: number, event: PollEvent, path: string): PollResult {
    // A measurement of latency asks for the same again and again.
    if (fd !== this.#polled?.fd || event !== this.#polled.event) {
      this.#polled = { fd, event };
      this.#pollfd.writeInt32LE(fd, pollfd.fd);
      this.#pollfd.writeInt16LE(event === 'readable' ? POLLIN : POLLOUT, pollfd.events);
    }
    const ready = this.#poll(this.#pollfdAddress, 1, Math.min(timeoutMs, LONGEST_TIMER_MS));
    if (ready > 0) return 'ready';
    if (ready === 0) return 'timeout';
    const error = this.#error('poll', path);
    if (error.code === 'EINTR') return 'interrupted';
    throw error;
  }

  /** Reads without an exception for EAGAIN, which is the common case. */
  readWithin(fd: number, buffer: Buffer, timeoutMs: number, path: string): PollResult {
    const address = this.#addressOf(buffer);
    while (this.#read(fd, address, buffer.length) < 0) {
      const error = this.#koffi.errno();
      if (error === this.#interrupted) return 'interrupted';
      if (error !== this.#nothingYet) throw new SysError('read', errnoName(error), path);
      const outcome = this.poll(fd, timeoutMs, 'readable', path);
      if (outcome !== 'ready') return outcome;
    }
    return 'ready';
  }

  watch(fd: number, onReady: () => void, event: PollEvent, path: string): Watch {
    // A second one for the same descriptor aborts the process (libuv: a descriptor has one handle).
    for (const watched of this.#watches.values()) if (watched === fd) throw new SysError('epoll_ctl', 'EEXIST', path);
    this.#mustBePollable(fd, event, path);
    // Any status or event means "read it now": libuv reports a UIO node whose device is gone as EBADF, and the
    // read that follows tells the truth.
    const events = { readable: event === 'readable', writable: event === 'writable', disconnect: false };
    const handle = this.#koffi.node.poll(fd, events, () => onReady());
    this.#watches.set(handle, fd);
    return {
      close: () => {
        if (!this.#watches.delete(handle)) return;
        handle.stop();
        handle.close();
      },
    };
  }

  /** libuv aborts the process where a descriptor is closed under a watch. */
  mustNotBeWatched(fd: number): void {
    for (const watched of this.#watches.values())
      if (watched === fd) throw new RangeError('the descriptor is being watched: close the watch first');
  }

  /** koffi.node.poll aborts the process on a descriptor that epoll refuses: ask epoll first. */
  #mustBePollable(fd: number, wanted: PollEvent, path: string): void {
    const epoll = this.#epollCreate1(EPOLL_CLOEXEC);
    if (epoll < 0) throw this.#error('epoll_create1', path);
    const event = Buffer.alloc(epollEvent.size);
    event.writeUInt32LE(wanted === 'readable' ? EPOLLIN : EPOLLOUT, epollEvent.events);
    const result = this.#epollCtl(epoll, EPOLL_CTL_ADD, fd, event);
    const error = result < 0 ? this.#error('epoll_ctl', path) : undefined;
    this.#close(epoll);
    if (error !== undefined) throw error;
  }

  /** errno survives only until the next call of any kind, so this comes straight after the one that failed. */
  #error(syscall: string, path: string): SysError {
    return new SysError(syscall, errnoName(this.#koffi.errno()), path);
  }
}

/** Returns the name of an errno, `errno 524` for one that has none: the kernel lets some of its own out. */
function errnoName(errno: number): string {
  const name = getSystemErrorName(-errno);
  return /^E[A-Z0-9]+$/.test(name) ? name : `errno ${errno}`;
}

class MappedMemory implements Memory {
  readonly address: bigint;
  readonly #unmap: () => void;
  #bytes: Buffer | null;

  constructor(address: bigint, bytes: Buffer, unmap: () => void) {
    this.address = address;
    this.#bytes = bytes;
    this.#unmap = unmap;
  }

  get bytes(): Buffer {
    if (this.#bytes === null) throw closedError('the memory');
    return this.#bytes;
  }

  close(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#unmap();
  }
}

function loadKoffi(): typeof import('koffi') {
  try {
    return require('koffi') as typeof import('koffi');
  } catch (error) {
    throw new UdrvError(`koffi, which makes the system calls, cannot be loaded: ${(error as Error).message}`, {
      code: 'ENOKOFFI',
      exit: Exit.failed,
      subject: 'koffi',
      hint: 'npm ci --include=optional  (its binaries are optional packages)',
    });
  }
}
