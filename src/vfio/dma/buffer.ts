import { Cleanup } from '../../cleanup';
import type { Memory, Sys } from '../../sys/sys';
import { noIommu, noIovaLeft } from '../errors';
import type { DmaAccess, DmaMapping, Iommu } from './iommu';
import { IovaAllocator } from './iova';

export const READ_WRITE: DmaAccess = { read: true, write: true };

/** Memory with an I/O virtual address of its own, mapped or not: it keeps both while the device loses its way to it. */
export interface DmaBuffer {
  /** I/O virtual address, by which the device reaches it once it is mapped. */
  readonly iova: bigint;
  readonly length: number;
  readonly bytes: Buffer;
  readonly mapped: boolean;
  map(access: DmaAccess): void;
  unmap(): void;
  /** Unmaps and gives the memory back. A second close does nothing. */
  close(): void;
}

/** Memory for a device's DMA, in the address ranges that its IOMMU translates. Closing it leaves nothing mapped. */
export class DmaPool {
  readonly #sys: Sys;
  readonly #iommu: Iommu;
  readonly #device: string;
  readonly #addresses: IovaAllocator;
  readonly #buffers = new Set<PoolBuffer>();

  /**
   * @param device for messages
   * @param addressBits number that the device drives
   */
  constructor(sys: Sys, iommu: Iommu, device: string, addressBits = 64) {
    this.#sys = sys;
    this.#iommu = iommu;
    this.#device = device;
    const { ranges, pageSizes } = iommu.info();
    const page = pageSizes.reduce((least, size) => (size < least ? size : least), 1n << 63n);
    this.#addresses = new IovaAllocator(
      ranges,
      page > BigInt(sys.pageSize) ? page : BigInt(sys.pageSize),
      (1n << BigInt(addressBits)) - 1n,
    );
  }

  /**
   * Allocates whole pages, zeroed, not mapped yet.
   *
   * @param alignment of the address
   * @throws exit 9 without an IOMMU, exit 1 if no addresses are free within the device's reach
   */
  allocate(length: number, alignment?: bigint): DmaBuffer {
    const memory = this.#sys.allocate(length);
    const iova = this.#addresses.allocate(memory.bytes.length, alignment);
    if (iova === null) {
      memory.close();
      throw this.#iommu.kind === 'noiommu' ? noIommu(this.#device) : noIovaLeft(this.#device, length);
    }
    const buffer = new PoolBuffer(this.#iommu, iova, memory, () => {
      this.#buffers.delete(buffer);
      this.#addresses.free(iova, buffer.length);
    });
    this.#buffers.add(buffer);
    return buffer;
  }

  close(): void {
    const cleanup = new Cleanup();
    for (const buffer of this.#buffers) cleanup.own(buffer);
    cleanup.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class PoolBuffer implements DmaBuffer {
  readonly iova: bigint;
  readonly length: number;
  readonly #iommu: Iommu;
  readonly #memory: Memory;
  readonly #onClose: () => void;
  #mapping: { read: boolean; write: boolean; prepared: DmaMapping } | undefined;
  #mapped = false;
  #closed = false;

  constructor(iommu: Iommu, iova: bigint, memory: Memory, onClose: () => void) {
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
