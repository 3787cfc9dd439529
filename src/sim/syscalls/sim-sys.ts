import { SysError } from '../../errors';
import { readOrPoll, unprepared } from '../../sys/composed';
import { sleep } from '../../sys/sleep';
import {
  type Access,
  type Datagram,
  type Mapping,
  type Memory,
  type MemoryOptions,
  type OpenFlags,
  type Permissions,
  type PollEvent,
  type PollResult,
  READ_LIMIT,
  type Sys,
  type Unanswered,
  type Watch,
  type Width,
} from '../../sys/sys';
import { LONGEST_TIMER_MS } from '../../sys/wait';
import type { OpenDescriptor } from '../kernel/descriptor-table';
import { Blocked, Errno } from '../kernel/errno';
import { EventFd } from '../kernel/eventfd';
import { AttributeFile, DirectoryFile, type FileFlags, type OpenFile, RegularFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { InjectedErrors, Syscall } from './injected-errors';
import { SimMapping } from './mapping';
import { Watches } from './watches';

/** The calls behind methods that are named otherwise. */
const SYSCALLS: Partial<Record<Syscall, string>> = {
  watch: 'epoll_ctl',
  ioctlOpen: 'ioctl',
  allocateDma: 'mmap',
  preadWords: 'preadv',
  receive: 'recvfrom',
};
/** The longest time that a wait without bound keeps signals out. */
const UNBOUNDED_MS = 1000;

/**
 * The system calls of a simulated kernel: descriptors, permissions and the order of checks as in Linux 6.12 (fs/open.c,
 * fs/read_write.c, mm/mmap.c), verified on it; what a call does is for the file behind the descriptor.
 */
export class SimSys implements Sys {
  readonly pageSize: number;
  readonly #kernel: Kernel;
  readonly #injected: InjectedErrors;
  readonly #watches: Watches;

  /** @internal */
  constructor(kernel: Kernel, injected: InjectedErrors) {
    this.#kernel = kernel;
    this.#injected = injected;
    this.pageSize = kernel.pageSize;
    this.#watches = new Watches(kernel.timeline);
    kernel.onWake = () => this.#watches.wake();
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    return this.#call('readFile', 'read', path, () => this.#kernel.tree.readFile(path, limit));
  }

  readDir(path: string): string[] {
    return this.#call('readDir', 'opendir', path, () => this.#kernel.tree.readDir(path));
  }

  readLink(path: string): string {
    return this.#call('readLink', 'readlink', path, () => this.#kernel.tree.readLink(path));
  }

  writeFile(path: string, data: string): void {
    this.#kernel.onUse();
    this.#call('writeFile', 'write', path, () => {
      const entry = this.#find(path);
      if (entry.kind === 'dir') throw new Errno('EISDIR', 'open');
      if (entry.kind !== 'file' || entry.write === undefined) throw new Errno('EACCES', 'open');
      // sysfs_kf_write(): nothing to write is nothing done.
      if (data.length > 0) entry.write(Buffer.from(data));
    });
  }

  replaceFile(path: string, data: string): void {
    this.#kernel.onUse();
    this.#call('replaceFile', 'open', path, () => this.#kernel.files.replace(path, data));
  }

  removeFile(path: string): void {
    this.#kernel.onUse();
    this.#call('removeFile', 'unlink', path, () => this.#kernel.files.remove(path));
  }

  access(path: string): Access | null {
    return this.#call('access', 'access', path, () => this.#kernel.tree.access(path));
  }

  permissions(path: string): Permissions | null {
    return this.#kernel.tree.permissions(path);
  }

  open(path: string, { write = false, nonblock = false }: OpenFlags): number {
    this.#kernel.onUse();
    return this.#call('open', 'open', path, () => {
      const flags = { write, nonblock };
      return this.#kernel.descriptors.add(path, this.#openFile(path, flags), flags);
    });
  }

  close(fd: number): void {
    this.#io('close', fd, ({ file }) => {
      // On a machine libuv would abort the process.
      if (this.#watches.has(file)) throw new RangeError('the descriptor is being watched: close the watch first');
      this.#kernel.descriptors.delete(fd);
    });
  }

  read(fd: number, buffer: Buffer): number {
    return this.#io('read', fd, ({ file, flags }) => {
      // LinuxSys does not make a call for nothing.
      if (buffer.length === 0) return 0;
      if (file.read === undefined) throw new Errno('EINVAL');
      for (;;) {
        try {
          return file.read(buffer);
        } catch (error) {
          if (!(error instanceof Errno) || error.code !== 'EAGAIN' || flags.nonblock) throw error;
        }
        this.#sleep(Number.POSITIVE_INFINITY);
      }
    });
  }

  write(fd: number, buffer: Buffer): number {
    return this.#io('write', fd, ({ file, flags }) => {
      if (!flags.write) throw new Errno('EBADF');
      if (file.write === undefined) throw new Errno('EINVAL');
      return file.write(Buffer.from(buffer));
    });
  }

  pread(fd: number, buffer: Buffer, position: number): number {
    return this.#io('pread', fd, ({ file }) => {
      if (buffer.length === 0) return 0;
      if (file.pread === undefined) throw new Errno('ESPIPE');
      return file.pread(buffer, position);
    });
  }

  pwrite(fd: number, buffer: Buffer, position: number): number {
    return this.#io('pwrite', fd, ({ file, flags }) => {
      if (!flags.write) throw new Errno(file.seq ? 'ESPIPE' : 'EBADF');
      if (file.pwrite === undefined) throw new Errno('ESPIPE');
      return file.pwrite(Buffer.from(buffer), position);
    });
  }

  preadWords(fd: number, buffer: Buffer, width: Width, position: number): number {
    return this.#io('preadWords', fd, ({ file }) => {
      if (file.pread === undefined) throw new Errno('ESPIPE');
      let done = 0;
      for (; done + width <= buffer.length; done += width) {
        try {
          const length = file.pread(buffer.subarray(done, done + width), position + done);
          if (length !== width) return done + length;
        } catch (error) {
          // The words that were read before count; the error comes with the next call.
          if (done > 0 && error instanceof Errno) return done;
          throw error;
        }
      }
      return done;
    });
  }

  ioctl(fd: number, request: number, argument: Buffer | number): number {
    return this.#ioctl('ioctl', fd, request, argument);
  }

  preparedIoctl(fd: number, request: number, argument: Buffer, expected?: string): () => number {
    return unprepared(this, fd, request, argument, expected);
  }

  ioctlOpen(fd: number, request: number, argument: Buffer | number, name: string): number {
    const opened = this.#ioctl('ioctlOpen', fd, request, argument);
    this.#kernel.descriptors.rename(opened, name);
    return opened;
  }

  mmap(fd: number, length: number, writable: boolean, offset: number, unanswered?: Unanswered): Mapping {
    return this.#io('mmap', fd, ({ file, flags }) => {
      if (offset % this.pageSize !== 0 || length <= 0) throw new Errno('EINVAL');
      if (writable && !flags.write) throw new Errno('EACCES');
      if (file.mmap === undefined) throw new Errno('ENODEV');
      // The kernel maps whole pages; the caller sees as much of them as it asked for.
      const region = file.mmap(this.#kernel.pages(length), writable, offset);
      const { descriptors, timeline } = this.#kernel;
      descriptors.hold(file);
      return new SimMapping(region, length, writable, {
        update: () => timeline.run(),
        unmap: () => descriptors.put(file),
        unanswered,
      });
    });
  }

  allocate(length: number, { hugePage, numaNode }: MemoryOptions = {}): Memory {
    if (!Number.isSafeInteger(length) || length <= 0) throw new RangeError(`${length} bytes cannot be allocated`);
    return this.#call('allocate', 'mmap', 'memory', () => {
      const { memory, hugePages } = this.#kernel;
      if (numaNode !== undefined && numaNode !== 0) throw new Errno('EINVAL', 'mbind');
      const taken = hugePage === undefined ? undefined : hugePages.take(length, hugePage);
      return memory.allocate(taken?.bytes ?? length, taken?.giveBack);
    });
  }

  allocateDma(fd: number, length: number): Memory {
    return this.#io('allocateDma', fd, ({ file, flags }) => {
      if (!flags.write) throw new Errno('EACCES');
      if (file.lend === undefined) throw new Errno('ENODEV');
      const { descriptors } = this.#kernel;
      const memory = file.lend(this.#kernel.pages(length), () => descriptors.put(file));
      descriptors.hold(file);
      return memory;
    });
  }

  ueventSocket(groups: number): number {
    return this.#call('ueventSocket', 'socket', 'uevents', () =>
      this.#kernel.descriptors.add('uevents', this.#kernel.uevents.open(groups), { write: true, nonblock: true }),
    );
  }

  receive(fd: number, buffer: Buffer): Datagram {
    return this.#io('receive', fd, ({ file }) => {
      if (file.receive === undefined) throw new Errno('ENOTSOCK');
      return file.receive(buffer);
    });
  }

  eventfd(): number {
    return this.#call('eventfd', 'eventfd', 'eventfd', () =>
      this.#kernel.descriptors.add('eventfd', new EventFd(() => this.#kernel.wake()), { write: true, nonblock: true }),
    );
  }

  /**
   * Sleeps for real until an event of the simulated machine. No signal gets through to the program meanwhile, so that
   * a wait without bound ends as `interrupted` now and then.
   */
  poll(fd: number, timeoutMs: number, event: PollEvent = 'readable'): PollResult {
    const descriptor = this.#kernel.descriptors.get(fd);
    // POLLNVAL: the read that follows says what is wrong.
    if (descriptor === undefined) return 'ready';
    return this.#call('poll', 'poll', descriptor.path, () => {
      const { timeline } = this.#kernel;
      const isUnbounded = timeoutMs < 0 || timeoutMs >= LONGEST_TIMER_MS;
      const deadline = timeline.now() + (isUnbounded ? UNBOUNDED_MS : timeoutMs);
      for (;;) {
        if (descriptor.file.ready?.(event) ?? true) return 'ready';
        if (timeline.now() >= deadline) return isUnbounded ? 'interrupted' : 'timeout';
        this.#sleep(deadline);
      }
    });
  }

  readWithin(fd: number, buffer: Buffer, timeoutMs: number): PollResult {
    return readOrPoll(this, fd, buffer, timeoutMs);
  }

  watch(fd: number, onReady: () => void, event: PollEvent = 'readable'): Watch {
    return this.#io('watch', fd, ({ file }) => {
      if (file.ready === undefined) throw new Errno('EPERM');
      // libuv: a descriptor has one handle.
      if (this.#watches.has(file)) throw new Errno('EEXIST');
      return this.#watches.add(file, event, () => this.#kernel.descriptors.get(fd)?.file === file, onReady);
    });
  }

  #ioctl(method: 'ioctl' | 'ioctlOpen', fd: number, request: number, argument: Buffer | number): number {
    return this.#io(method, fd, ({ file }) => {
      if (file.ioctl === undefined) throw new Errno('ENOTTY');
      for (;;) {
        try {
          return file.ioctl(request, argument);
        } catch (error) {
          if (!(error instanceof Blocked)) throw error;
        }
        this.#sleep(Number.POSITIVE_INFINITY);
      }
    });
  }

  /** Sleeps until the next event or the deadline, then runs what is due. */
  #sleep(deadline: number): void {
    const { timeline } = this.#kernel;
    const until = Math.min(deadline, timeline.next);
    if (until === Number.POSITIVE_INFINITY)
      throw new Error('a read of the simulated machine would wait for ever: nothing is going to happen there');
    const milliseconds = until - timeline.now();
    if (milliseconds > 0) sleep(milliseconds);
    timeline.run();
  }

  #openFile(path: string, flags: FileFlags): OpenFile {
    const entry = this.#find(path);
    switch (entry.kind) {
      case 'dir':
        if (flags.write) throw new Errno('EISDIR');
        return new DirectoryFile();
      case 'error':
        return new AttributeFile(() => {
          throw new Errno(entry.code);
        });
      case 'node':
        if (entry.access === 'none' || (flags.write && entry.access === 'r')) throw new Errno('EACCES');
        break;
      case 'file':
        if (flags.write && entry.write === undefined) throw new Errno('EACCES');
        break;
      case 'link':
        throw new Errno('ELOOP');
    }
    const opener = this.#kernel.openerOf(entry);
    if (opener !== undefined) return opener(flags);
    // A node whose driver is not modelled.
    if (entry.kind === 'node') throw new Errno('ENXIO');
    if (!path.startsWith('/sys/')) return new RegularFile(entry.read());
    return new AttributeFile(() => entry.read(), entry.write && ((data) => entry.write?.(data)));
  }

  /** @throws Errno where the path leads nowhere */
  #find(path: string) {
    const entry = this.#kernel.tree.find(path);
    if (entry !== null) return entry;
    try {
      this.#kernel.tree.readDir(path);
    } catch (error) {
      if (error instanceof SysError) throw new Errno(error.code, 'open');
      throw error;
    }
    throw new Errno('ENOENT', 'open');
  }

  #io<T>(method: Syscall, fd: number, body: (descriptor: OpenDescriptor) => T): T {
    const syscall = SYSCALLS[method] ?? method;
    const descriptor = this.#kernel.descriptors.get(fd);
    if (descriptor === undefined) throw new SysError(syscall, 'EBADF', `fd ${fd}`);
    return this.#call(method, syscall, descriptor.path, () => body(descriptor));
  }

  /**
   * Makes a call: due events come first, then errors that a test injected, then the call; an Errno gets its call and
   * path.
   */
  #call<T>(method: Syscall, syscall: string, path: string, body: () => T): T {
    this.#kernel.timeline.run();
    try {
      this.#injected.check(method, path);
      return body();
    } catch (error) {
      if (error instanceof Errno) throw new SysError(error.syscall ?? syscall, error.code, path);
      throw error;
    }
  }
}
