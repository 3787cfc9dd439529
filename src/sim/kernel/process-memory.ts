import { closedError } from '../../errors';
import type { Memory } from '../../sys/sys';
import { Errno } from './errno';

/** The first address, about where mmap(2) begins on x86-64. */
const FIRST_ADDRESS = 0x7f00_0000_0000n;

/**
 * Memory that may not be swapped out, counted against RLIMIT_MEMLOCK in bytes. No limit is the same as CAP_IPC_LOCK.
 */
export class LockedMemory {
  limit = Number.POSITIVE_INFINITY;
  #bytes = 0;

  /** Returns false where it would be more than the limit. */
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
 * The memory of the one process, by the addresses that the kernel is given. No other memory follows an allocation, so
 * that a structure that reaches past its end is a bad address.
 */
export class ProcessMemory {
  readonly #pageSize: number;
  /** Keyed by address, ascending: addresses are never used again. */
  readonly #areas = new Map<bigint, Buffer>();
  #next = FIRST_ADDRESS;
  readonly locked = new LockedMemory();

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** Allocates whole pages. @param length in bytes */
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
        if (areas.get(address) !== area) throw closedError('the memory');
        return area;
      },
      close() {
        if (areas.get(address) !== area) return;
        areas.delete(address);
        // A buffer that was kept has empty pages.
        area.fill(0);
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
