import { Exit, UdrvError } from '../../errors';
import type { Memory, Sys } from '../../sys/sys';
import type { DmaAccess, DmaMapping, Iommu } from './iommu';
import { IovaAllocator } from './iova';

export const READ_WRITE: DmaAccess = { read: true, write: true };

/** Memory with an I/O virtual address of its own, mapped or not: it stays where it is while the device loses its way to it. */
export interface DmaBuffer {
  /** Where the device finds it, once it is mapped. */
  readonly iova: bigint;
  readonly length: number;
  readonly bytes: Buffer;
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
   * @param addressBits how many the device drives
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
   * Whole pages, zeroed, not mapped yet.
   *
   * @param alignment of the address
   * @throws exit 9 where there is no IOMMU, exit 1 where it has no room for them within the device's reach
   */
  allocate(length: number, alignment?: bigint): DmaBuffer {
    const memory = this.#sys.allocate(length);
    const iova = this.#addresses.allocate(memory.bytes.length, alignment);
    if (iova === null) {
      memory.close();
      throw this.#noRoom(length);
    }
    const buffer = new PoolBuffer(this.#iommu, iova, memory, () => {
      this.#buffers.delete(buffer);
      this.#addresses.free(iova, buffer.length);
    });
    this.#buffers.add(buffer);
    return buffer;
  }

  close(): void {
    for (const buffer of [...this.#buffers]) buffer.close();
  }

  #noRoom(length: number): UdrvError {
    const without = this.#iommu.kind === 'noiommu';
    return new UdrvError(
      without
        ? 'there is no IOMMU to map memory in'
        : `no I/O virtual addresses for ${length} bytes are free within the reach of the device`,
      {
        code: without ? 'ENOTTY' : 'ENOSPC',
        exit: without ? Exit.unsupported : Exit.failed,
        subject: this.#device,
        device: this.#device,
      },
    );
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
    // In this order: memory that is given back while a device reaches it would be somebody else's.
    this.unmap();
    this.#closed = true;
    this.#memory.close();
    this.#onClose();
  }
}
