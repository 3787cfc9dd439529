import { closeSync, constants, fstatSync, openSync, readlinkSync, unlinkSync, writeSync } from 'node:fs';
import { SysError } from '../../errors';
import {
  type Access,
  type Datagram,
  type Mapping,
  type Memory,
  type MemoryOptions,
  type OpenOptions,
  type Permissions,
  type PollEvent,
  type PollResult,
  READ_LIMIT,
  type Sys,
  type Unanswered,
  type Watch,
  type Width,
} from '../sys';
import type { Libc } from './libc';
import { accessOf, listDirectory, permissionsOf, readToEnd, sysCall } from './node-fs';

const { O_EXCL, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY } = constants;

export interface LinuxSysOptions {
  /**
   * Makes an error of an access to a mapping that nothing answers, which is the end of the process otherwise. It takes the
   * process's SIGBUS, and a look at memory for each access.
   */
  survivesBusErrors?: boolean;
}

/** This machine. */
export class LinuxSys implements Sys {
  readonly #survivesBusErrors: boolean;
  #libc: Libc | undefined;
  /** The path that each of our descriptors was opened from, by number: each call looks here, in measured loops too. */
  readonly #paths: (string | undefined)[] = [];

  constructor({ survivesBusErrors = false }: LinuxSysOptions = {}) {
    this.#survivesBusErrors = survivesBusErrors;
  }

  get pageSize(): number {
    return this.#c.pageSize;
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    // Non-blocking, because a path in a hostile tree may be a FIFO that nobody writes to.
    const fd = sysCall('open', path, () => openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    try {
      return readToEnd(fd, path, limit);
    } finally {
      closeSync(fd);
    }
  }

  readDir(path: string): string[] {
    return listDirectory(path);
  }

  readLink(path: string): string {
    return sysCall('readlink', path, () => readlinkSync(path));
  }

  writeFile(path: string, data: string): void {
    const fd = sysCall('open', path, () => openSync(path, O_WRONLY | O_NOCTTY));
    try {
      sysCall('write', path, () => writeSync(fd, data));
    } finally {
      closeSync(fd);
    }
  }

  replaceFile(path: string, data: string): void {
    // Few commands write files.
    const { replaceFile } = require('./replace-file') as typeof import('./replace-file');
    replaceFile(path, data, { mode: 0o644, isExact: true, isSynced: true });
  }

  removeFile(path: string): void {
    sysCall('unlink', path, () => unlinkSync(path));
  }

  access(path: string): Access | null {
    return accessOf(path);
  }

  permissions(path: string): Permissions | null {
    return permissionsOf(path);
  }

  open(path: string, { write = false, nonblock = false, exclusive = false, sync = false }: OpenOptions): number {
    const access = write ? O_RDWR : O_RDONLY;
    const flags = access | (nonblock ? O_NONBLOCK : 0) | (exclusive ? O_EXCL : 0) | (sync ? O_SYNC : 0) | O_NOCTTY;
    const fd = sysCall('open', path, () => openSync(path, flags));
    return this.#own(fd, path);
  }

  close(fd: number): void {
    const path = this.#path('close', fd);
    this.#libc?.mustNotBeWatched(fd);
    this.#paths[fd] = undefined;
    sysCall('close', path, () => closeSync(fd));
  }

  read(fd: number, buffer: Buffer): number {
    return this.#c.read(fd, buffer, this.#path('read', fd));
  }

  write(fd: number, buffer: Buffer): number {
    return this.#c.write(fd, buffer, this.#path('write', fd));
  }

  pread(fd: number, buffer: Buffer, position: number): number {
    return this.#c.pread(fd, buffer, position, this.#path('pread', fd));
  }

  pwrite(fd: number, buffer: Buffer, position: number): number {
    return this.#c.pwrite(fd, buffer, position, this.#path('pwrite', fd));
  }

  preadWords(fd: number, buffer: Buffer, width: Width, position: number): number {
    return this.#c.preadWords(fd, buffer, width, position, this.#path('preadv', fd));
  }

  ioctl(fd: number, request: number, argument: Buffer | number): number {
    return this.#c.ioctl(fd, request, argument, this.#path('ioctl', fd));
  }

  preparedIoctl(fd: number, request: number, argument: Buffer, expected?: string): () => number {
    const call = this.#c.preparedIoctl(fd, request, argument, expected, this.#path('ioctl', fd));
    return () => {
      this.#path('ioctl', fd);
      return call();
    };
  }

  ioctlOpen(fd: number, request: number, argument: Buffer | number, name: string): number {
    return this.#own(this.ioctl(fd, request, argument), name);
  }

  mmap(fd: number, length: number, writable: boolean, offset: number, unanswered?: Unanswered): Mapping {
    const guarded = this.#survivesBusErrors ? unanswered : undefined;
    return this.#c.mmap(fd, length, writable, offset, this.#path('mmap', fd), guarded);
  }

  eventfd(): number {
    return this.#own(this.#c.eventfd(), 'eventfd');
  }

  allocate(length: number, options?: MemoryOptions): Memory {
    return this.#c.allocate(length, options);
  }

  allocateDma(fd: number, length: number, { uncached = false } = {}): Memory {
    const path = this.#path('mmap', fd);
    // umockdev's nodes are files: what lies behind the end of one is SIGBUS.
    if ((!uncached && !hasCachedDmaMemory()) || !fstatSync(fd).isCharacterDevice())
      throw new SysError('mmap', 'ENODEV', path);
    return this.#c.allocateDma(fd, length, path);
  }

  ueventSocket(groups: number): number {
    return this.#own(this.#c.ueventSocket(groups), 'uevents');
  }

  receive(fd: number, buffer: Buffer): Datagram {
    return this.#c.receive(fd, buffer, this.#path('recvfrom', fd));
  }

  poll(fd: number, timeoutMs: number, event: PollEvent = 'readable'): PollResult {
    return this.#c.poll(fd, timeoutMs, event, this.#path('poll', fd));
  }

  readWithin(fd: number, buffer: Buffer, timeoutMs: number): PollResult {
    return this.#c.readWithin(fd, buffer, timeoutMs, this.#path('read', fd));
  }

  watch(fd: number, onReady: () => void, event: PollEvent = 'readable'): Watch {
    return this.#c.watch(fd, onReady, event, this.#path('watch', fd));
  }

  get #c(): Libc {
    // A listing calls nothing of it.
    if (this.#libc === undefined) {
      // In two steps: tsc 7.0 leaves out the parentheses of `new (require(...) as ...).Libc()`.
      const { Libc } = require('./libc') as typeof import('./libc');
      const { mustBeSupported } = require('./platform') as typeof import('./platform');
      mustBeSupported();
      this.#libc = new Libc();
    }
    return this.#libc;
  }

  #own(fd: number, name: string): number {
    this.#paths[fd] = name;
    return fd;
  }

  /** A number that is not ours may be somebody else's descriptor by now: it is refused here. */
  #path(syscall: string, fd: number): string {
    const path = this.#paths[fd];
    if (path === undefined) throw new SysError(syscall, 'EBADF', `fd ${fd}`);
    return path;
  }
}

/**
 * Whether memory for DMA that a driver maps is ordinary memory to the processor. On x86 it is; elsewhere it is uncached
 * where caches do not see DMA, and reading it takes many times longer than copying it would have. Before commit a0e710a7def4
 * ("USB: usbfs: fix mmap dma mismatch"), which all of 5.8 has, usbfs could map other memory than it told the device.
 */
function hasCachedDmaMemory(): boolean {
  if (process.arch !== 'x64') return false;
  const [major = 0, minor = 0] = (require('node:os') as typeof import('node:os')).release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 8);
}
