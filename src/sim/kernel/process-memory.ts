import type { Memory } from '../../sys/sys';
import { Errno } from './errno';

/** Where mmap(2) puts things on x86-64, about. */
const FIRST_ADDRESS = 0x7f00_0000_0000n;

/**
 * Memory that may not be swapped out, counted against RLIMIT_MEMLOCK in bytes. CAP_IPC_LOCK waives the limit, which is
 * what it is without one.
 */
export class LockedMemory {
  limit = Number.POSITIVE_INFINITY;
  #bytes = 0;

  /** False: it would be more than the limit. */
  charge(bytes: number): boolean {
    if (this.#bytes + bytes > this.limit) return false;
    this.#bytes += bytes;
    return true;
  }

  uncharge(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * The memory of the one process that the kernel is told addresses of. Each allocation has pages that nothing follows,
 * so that a structure that reaches past its end is a bad address.
 */
export class ProcessMemory {
  readonly #pageSize: number;
  /** By address, ascending: addresses are never used again. */
  readonly #areas = new Map<bigint, Buffer>();
  #next = FIRST_ADDRESS;
  readonly locked = new LockedMemory();

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** @param length in bytes; whole pages are given */
  allocate(length: number, onClose?: () => void): Memory {
    const size = Math.ceil(length / this.#pageSize) * this.#pageSize;
    const address = this.#next;
    const area = Buffer.alloc(size);
    this.#areas.set(address, area);
    this.#next += BigInt(size + this.#pageSize);
    const areas = this.#areas;
    return {
      address,
      get bytes(): Buffer {
        if (areas.get(address) !== area) throw new RangeError('the memory is closed');
        return area;
      },
      close() {
        if (areas.get(address) !== area) return;
        areas.delete(address);
        onClose?.();
      },
    };
  }

  /**
   * Returns the memory of the process at an address, shared with it.
   *
   * @throws Errno EFAULT where any of it is not mapped
   */
  at(address: bigint, length: number): Buffer {
    if (Number.isSafeInteger(length))
      for (const [start, area] of this.#areas) {
        const offset = address - start;
        if (offset >= 0n && offset + BigInt(length) <= BigInt(area.length))
          return area.subarray(Number(offset), Number(offset) + length);
      }
    throw new Errno('EFAULT');
  }

  /**
   * Returns the address of memory that is passed as a buffer.
   *
   * @throws Errno EFAULT for memory that was not allocated here
   */
  addressOf(buffer: Buffer): bigint {
    for (const [start, area] of this.#areas)
      if (area.buffer === buffer.buffer) return start + BigInt(buffer.byteOffset - area.byteOffset);
    throw new Errno('EFAULT');
  }
}
