import { Cleanup } from '../../cleanup';
import { closedError, SysError } from '../../errors';
import type { Memory, MemoryOptions, Sys } from '../../sys/sys';
import { noIommu, noIovaLeft } from '../errors';
import type { DmaAccess, DmaMapping, Iommu } from './iommu';
import { IovaAllocator } from './iova';
import { pagesRefused } from './pages-refused';

export const READ_WRITE: DmaAccess = { read: true, write: true };

/** Memory with an I/O virtual address of its own, mapped or not: it keeps both while the device loses its way to it. */
export interface DmaBuffer {
  /** I/O virtual address, by which the device reaches it once it is mapped. */
  readonly iova: bigint;
  readonly length: number;
  /** The memory. Once the buffer is closed this throws, and one that was taken before has empty pages. */
  readonly bytes: Buffer;
  readonly mapped: boolean;
  map(access: DmaAccess): void;
  unmap(): void;
  /** Unmaps and gives the memory back. A second close does nothing. */
  close(): void;
}

/** The place of a buffer: its pages, and its address for the device. */
export interface DmaMemoryOptions extends MemoryOptions {
  /** Alignment of the I/O virtual address in bytes, a power of two; that of the pages if not given. */
  alignment?: bigint | undefined;
  /** Address bits that the device drives: 64 if not given, 32 for a device with 32-bit address registers. */
  addressBits?: number | undefined;
}

/** A device's address space for DMA: the addresses in it that are free, and the pools that share them. */
export class DmaSpace {
  readonly sys: Sys;
  readonly iommu: Iommu;
  /** Address of the device, for messages. */
  readonly device: string;
  readonly addresses: IovaAllocator;
  readonly #pools = new Set<DmaPool>();

  constructor(sys: Sys, iommu: Iommu, device: string) {
    this.sys = sys;
    this.iommu = iommu;
    this.device = device;
    this.addresses = IovaAllocator.of(iommu, sys.pageSize);
  }

  /** Makes a pool. {@link close} closes it. */
  pool(defaults?: DmaMemoryOptions): DmaPool {
    const pool = new DmaPool(this, defaults, () => this.#pools.delete(pool));
    this.#pools.add(pool);
    return pool;
  }

  close(): void {
    closeAll(this.#pools);
  }
}

/**
 * Buffers for a device's DMA, in the address ranges that its IOMMU translates. Pools of one device share its address
 * space: no two buffers have an address in common. Closing a pool leaves nothing of it mapped.
 */
export class DmaPool {
  readonly #space: DmaSpace;
  readonly #defaults: DmaMemoryOptions;
  readonly #onClose: () => void;
  readonly #buffers = new Set<PoolBuffer>();

  /** @param defaults for buffers that do not say otherwise */
  constructor(space: DmaSpace, defaults: DmaMemoryOptions = {}, onClose: () => void = () => {}) {
    this.#space = space;
    this.#defaults = defaults;
    this.#onClose = onClose;
  }

  /**
   * Allocates whole pages, zeroed, not mapped yet.
   *
   * @param length in bytes
   * @throws exit 9 without an IOMMU, or where the machine has no such pages or NUMA node; exit 1 where not so many huge
   *   pages are free, or no addresses within the device's reach
   */
  allocate(length: number, options: DmaMemoryOptions = {}): DmaBuffer {
    const { hugePage, numaNode } = { ...this.#defaults, ...options };
    return this.#place(new SharedMemory(this.#pages(length, { hugePage, numaNode })), options);
  }

  /**
   * Gives the memory of another device's buffer an address here too, not mapped yet: both devices then reach it, each by
   * an address of its own. The memory is given back once both buffers are closed.
   *
   * @throws exit 9 without an IOMMU, exit 1 where no addresses within the device's reach are free
   */
  share(buffer: DmaBuffer, options: Omit<DmaMemoryOptions, keyof MemoryOptions> = {}): DmaBuffer {
    if (!(buffer instanceof PoolBuffer)) throw new RangeError('the buffer is of no pool');
    return this.#place(buffer.share(), options);
  }

  #place(memory: SharedMemory, options: DmaMemoryOptions): DmaBuffer {
    const { sys, iommu, addresses, device } = this.#space;
    const { hugePage, addressBits, ...asked } = { ...this.#defaults, ...options };
    const alignment = asked.alignment ?? BigInt(hugePage ?? sys.pageSize);
    const limit = addressBits === undefined ? undefined : (1n << BigInt(addressBits)) - 1n;
    const { length } = memory.bytes;
    const iova = addresses.allocate(length, alignment, limit);
    if (iova === null) {
      memory.close();
      throw iommu.kind === 'noiommu' ? noIommu(device) : noIovaLeft(device, length);
    }
    const buffer = new PoolBuffer(iommu, iova, memory, () => {
      this.#buffers.delete(buffer);
      addresses.free(iova, buffer.length);
    });
    this.#buffers.add(buffer);
    return buffer;
  }

  #pages(length: number, pages: MemoryOptions): Memory {
    const { sys, device } = this.#space;
    try {
      return sys.allocate(length, pages);
    } catch (error) {
      if (!(error instanceof SysError) || (pages.hugePage ?? pages.numaNode) === undefined) throw error;
      throw pagesRefused(sys, device, { length, ...pages }, error);
    }
  }

  close(): void {
    closeAll(this.#buffers);
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function closeAll(resources: Iterable<{ close(): void }>): void {
  const cleanup = new Cleanup();
  for (const resource of resources) cleanup.own(resource);
  cleanup.close();
}

/** Memory of one buffer or several, which the last one gives back. */
class SharedMemory implements Memory {
  readonly #memory: Memory;
  #users = 1;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get address(): bigint {
    return this.#memory.address;
  }

  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  share(): this {
    this.#users++;
    return this;
  }

  close(): void {
    if (--this.#users === 0) this.#memory.close();
  }
}

class PoolBuffer implements DmaBuffer {
  readonly iova: bigint;
  readonly length: number;
  readonly #iommu: Iommu;
  readonly #memory: SharedMemory;
  readonly #onClose: () => void;
  #mapping: { read: boolean; write: boolean; prepared: DmaMapping } | undefined;
  #mapped = false;
  #closed = false;

  constructor(iommu: Iommu, iova: bigint, memory: SharedMemory, onClose: () => void) {
    this.#iommu = iommu;
    this.iova = iova;
    this.length = memory.bytes.length;
    this.#memory = memory;
    this.#onClose = onClose;
  }

  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  get mapped(): boolean {
    return this.#mapped;
  }

  /** Returns the memory for a buffer of another device. */
  share(): SharedMemory {
    if (this.#closed) throw closedError('the buffer');
    return this.#memory.share();
  }

  map(access: DmaAccess): void {
    const { read, write } = access;
    if (this.#mapping?.read !== read || this.#mapping.write !== write)
      this.#mapping = { read, write, prepared: this.#iommu.mapping(this.iova, this.#memory, this.length, access) };
    this.#mapping.prepared.map();
    this.#mapped = true;
  }

  unmap(): void {
    if (!this.#mapped) return;
    this.#mapping?.prepared.unmap();
    this.#mapped = false;
  }

  close(): void {
    if (this.#closed) return;
    // If this fails the memory is kept: freed, it would be somebody else's while the device reaches it.
    this.unmap();
    this.#closed = true;
    this.#memory.close();
    this.#onClose();
  }
}
