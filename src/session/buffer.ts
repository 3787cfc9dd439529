import { type RegisterSpace, Registers } from '../model/registers';
import type { Memory, Width, Word } from '../sys/sys';
import type { UDmaBuf } from '../uio/u-dma-buf';
import type { DmaBuffer } from '../vfio/dma/buffer';
import type { DmaAccess } from '../vfio/dma/iommu';
import { bufferRegion } from './scope';

/** Memory that has a name in the session; with VFIO the device can reach it. */
export interface SessionBuffer {
  readonly name: string;
  readonly length: number;
  /** Address by which the device reaches it: a physical one with UIO; null for USB, which copies. */
  readonly iova: bigint | null;
  /** Access that the device has now; null: not mapped. */
  readonly access: DmaAccess | null;
  readonly bytes: Buffer;
  readonly registers: Registers;
}

/** A buffer of the session, with what frees it. */
export class OwnedBuffer implements SessionBuffer {
  readonly name: string;
  readonly length: number;
  readonly iova: bigint | null;
  readonly registers: Registers;
  readonly #memory: DmaBuffer | UDmaBuf | Memory;
  #access: DmaAccess | null = null;

  constructor(name: string, device: string, memory: DmaBuffer | UDmaBuf | Memory) {
    this.name = name;
    this.#memory = memory;
    this.length = memory.bytes.length;
    this.iova = 'iova' in memory ? memory.iova : null;
    this.registers = new Registers(device, bufferRegion(name, this.length), () => new MemorySpace(memory.bytes));
  }

  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  get access(): DmaAccess | null {
    return this.#access;
  }

  map(access: DmaAccess): void {
    if ('map' in this.#memory) this.#memory.map(access);
    this.#access = access;
  }

  unmap(): void {
    if ('unmap' in this.#memory) this.#memory.unmap();
    this.#access = null;
  }

  close(): void {
    this.#memory.close();
  }
}

/** Words of memory that a device may change meanwhile: one access each. */
class MemorySpace implements RegisterSpace {
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;

  /** @param memory at a multiple of 8 */
  constructor(memory: Buffer) {
    const { buffer, byteOffset, length } = memory;
    this.#bytes = new Uint8Array(buffer, byteOffset, length);
    this.#halves = new Uint16Array(buffer, byteOffset, length >> 1);
    this.#words = new Uint32Array(buffer, byteOffset, length >> 2);
    this.#longs = new BigUint64Array(buffer, byteOffset, length >> 3);
  }

  read(offset: number, width: Width): Word {
    switch (width) {
      case 1:
        return Atomics.load(this.#bytes, offset);
      case 2:
        return Atomics.load(this.#halves, offset / 2);
      case 4:
        return Atomics.load(this.#words, offset / 4);
      case 8:
        return Atomics.load(this.#longs, offset / 8);
    }
  }

  write(offset: number, width: Width, value: Word): void {
    switch (width) {
      case 1:
        this.#bytes[offset] = Number(value);
        break;
      case 2:
        this.#halves[offset / 2] = Number(value);
        break;
      case 4:
        this.#words[offset / 4] = Number(value);
        break;
      case 8:
        this.#longs[offset / 8] = BigInt(value);
        break;
    }
  }

  close(): void {}
}
