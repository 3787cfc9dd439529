import type { Datagram, Memory, OpenFlags, PollEvent } from '../../sys/sys';
import type { SimRegion } from '../hardware/region';
import { Errno } from './errno';

/**
 * The file behind a descriptor, as a kernel's file_operations: a method that is missing is an operation the file does
 * not have. Methods throw {@link Errno}.
 */
export interface OpenFile {
  read?(buffer: Buffer): number;
  write?(data: Buffer): number;
  /** Missing where the file has no position: ESPIPE. */
  pread?(buffer: Buffer, position: number): number;
  pwrite?(data: Buffer, position: number): number;
  /** @throws Errno ENOTTY for what it does not know */
  ioctl?(request: number, argument: Buffer | number): number;
  /** Returns the region at `offset`, a multiple of the page size. */
  mmap?(length: number, writable: boolean, offset: number): SimRegion;
  /** Lends memory for DMA, in whole pages. Missing where the driver lends none: ENODEV. */
  lend?(length: number, onClose: () => void): Memory;
  /** Missing where the file is no socket: ENOTSOCK. */
  receive?(buffer: Buffer): Datagram;
  /**
   * Returns whether a wait for the event ends, by the event or by an error. Missing: always, and epoll refuses the
   * file.
   */
  ready?(event: PollEvent): boolean;
  close?(): void;
  /** seq_open() takes pwrite away from a file that is open for reading only: ESPIPE, not EBADF. */
  readonly seq?: boolean;
}

/** All flags of open(2); the name that OpenFlags has is for messages alone. */
export type FileFlags = Required<Omit<OpenFlags, 'name' | 'sync'>>;

/** Opens a node or a file; `flags` have been checked against what the calling user may do. */
export type Opener = (flags: FileFlags) => OpenFile;

/** The most that one read or write of sysfs takes (fs/kernfs/file.c). */
const PAGE = 4096;

/**
 * An attribute of text: computed when it is read from the start, written as a whole (fs/kernfs/file.c, fs/seq_file.c).
 */
export class AttributeFile implements OpenFile {
  readonly seq = true;
  readonly #show: () => Buffer;
  readonly #store: ((data: Buffer) => void) | undefined;
  #content: Buffer | undefined;
  #position = 0;

  constructor(show: () => Buffer, store?: (data: Buffer) => void) {
    this.#show = show;
    this.#store = store;
  }

  read(buffer: Buffer): number {
    const length = this.pread(buffer, this.#position);
    this.#position += length;
    return length;
  }

  pread(buffer: Buffer, position: number): number {
    if (position === 0 || this.#content === undefined) this.#content = this.#show();
    return this.#content.copy(buffer, 0, position);
  }

  write(data: Buffer): number {
    if (this.#store === undefined) throw new Errno('EINVAL');
    this.#store(data.subarray(0, PAGE));
    return Math.min(data.length, PAGE);
  }

  pwrite(data: Buffer): number {
    return this.write(data);
  }

  ready(): boolean {
    return true;
  }
}

/** The work of a binary attribute of sysfs. A method that is missing gives EIO, or ENODEV for mmap. */
export interface BinaryAttribute {
  /** Its size in bytes. */
  readonly size: number;
  /** @returns the number of bytes read; never asked for more than the attribute has */
  read?(buffer: Buffer, position: number): number;
  write?(data: Buffer, position: number): number;
  mmap?(length: number, offset: number): SimRegion;
  /** Returns whether its device is still there: ENODEV if not (kernfs_get_active()). */
  present(): boolean;
}

/** An open binary attribute: bounds as in fs/sysfs/file.c, sysfs_kf_bin_read() and sysfs_kf_bin_write(). */
export class BinaryFile implements OpenFile {
  readonly seq = true;
  readonly #attribute: BinaryAttribute;
  #position = 0;

  constructor(attribute: BinaryAttribute) {
    this.#attribute = attribute;
  }

  read(buffer: Buffer): number {
    const length = this.pread(buffer, this.#position);
    this.#position += length;
    return length;
  }

  pread(buffer: Buffer, position: number): number {
    const { size } = this.#active();
    const count = Math.min(buffer.length, PAGE, size - position);
    if (count <= 0) return 0;
    if (this.#attribute.read === undefined) throw new Errno('EIO');
    return this.#attribute.read(buffer.subarray(0, count), position);
  }

  write(data: Buffer): number {
    const length = this.pwrite(data, this.#position);
    this.#position += length;
    return length;
  }

  pwrite(data: Buffer, position: number): number {
    const { size } = this.#active();
    if (position >= size) throw new Errno('EFBIG');
    const count = Math.min(data.length, PAGE, size - position);
    if (count === 0) return 0;
    if (this.#attribute.write === undefined) throw new Errno('EIO');
    return this.#attribute.write(data.subarray(0, count), position);
  }

  mmap(length: number, _writable: boolean, offset: number): SimRegion {
    const attribute = this.#active();
    if (attribute.mmap === undefined) throw new Errno('ENODEV');
    return attribute.mmap(length, offset);
  }

  ready(): boolean {
    return true;
  }

  #active(): BinaryAttribute {
    if (!this.#attribute.present()) throw new Errno('ENODEV');
    return this.#attribute;
  }
}

/** A file of another file system than sysfs, with fixed content. */
export class RegularFile implements OpenFile {
  readonly #content: Buffer;
  #position = 0;

  constructor(content: Buffer) {
    this.#content = content;
  }

  read(buffer: Buffer): number {
    const length = this.pread(buffer, this.#position);
    this.#position += length;
    return length;
  }

  pread(buffer: Buffer, position: number): number {
    return this.#content.copy(buffer, 0, position);
  }
}

/** A directory: it can be opened, and nothing else. */
export class DirectoryFile implements OpenFile {
  read(): number {
    throw new Errno('EISDIR');
  }

  pread(): number {
    throw new Errno('EISDIR');
  }
}

/** A node of a driver that has ioctls and no data: vfs_read() and vfs_write() find no method, EINVAL. */
export class IoctlFile implements OpenFile {
  read(): number {
    throw new Errno('EINVAL');
  }

  pread(): number {
    throw new Errno('EINVAL');
  }

  pwrite(): number {
    throw new Errno('EINVAL');
  }
}
