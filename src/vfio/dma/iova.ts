import type { Iommu, IovaRange } from './iommu';

/** Lowest address that is given out while there are others: devices exist that take address 0 for "none". */
const FIRST = 0x100000n;

/**
 * Gives out I/O virtual addresses from the ranges that the kernel named, lowest first: VFIO does not know how many
 * address bits a device drives (edu has 28), so low addresses are those that every device reaches.
 */
export class IovaAllocator {
  /** Free, ascending, apart from each other. */
  #free: IovaRange[];
  readonly #alignment: bigint;

  /** @param alignment of every address and length, a power of two: the smallest page of the IOMMU */
  constructor(ranges: readonly IovaRange[], alignment: bigint) {
    this.#alignment = alignment;
    this.#free = [];
    for (const { start, end } of [...ranges].sort((a, b) => (a.start < b.start ? -1 : 1))) {
      // Ranges that overlap would give an address twice.
      const before = this.#free.at(-1)?.end;
      const first = before !== undefined && start <= before ? before + 1n : start;
      if (first <= end) this.#free.push({ start: first, end });
    }
  }

  /**
   * @param limit the highest address that may be given out
   * @returns null where nothing is large enough
   */
  allocate(length: number | bigint, alignment: bigint = this.#alignment, limit?: bigint): bigint | null {
    const size = roundUp(BigInt(length), this.#alignment);
    const step = alignment > this.#alignment ? alignment : this.#alignment;
    if (size <= 0n) return null;
    for (const lowest of [FIRST, 0n])
      for (const [i, { start, end }] of this.#free.entries()) {
        const address = roundUp(start > lowest ? start : lowest, step);
        const last = address + size - 1n;
        if (last > end || (limit !== undefined && last > limit)) continue;
        this.#free.splice(i, 1, ...cut({ start, end }, { start: address, end: last }));
        return address;
      }
    return null;
  }

  /** Returns one for an address space: nothing is free in one that maps nothing. */
  static of(iommu: Pick<Iommu, 'info'>, pageSize: number): IovaAllocator {
    const { ranges, pageSizes } = iommu.info();
    const page = BigInt(pageSize);
    const least = pageSizes.reduce((least, size) => (size < least ? size : least), 1n << 63n);
    return new IovaAllocator(ranges, pageSizes.length > 0 && least > page ? least : page);
  }

  /** Gives back what {@link allocate} gave, with the same length. */
  free(address: bigint, length: number | bigint): void {
    const end = address + roundUp(BigInt(length), this.#alignment) - 1n;
    const all = [...this.#free, { start: address, end }].sort((a, b) => (a.start < b.start ? -1 : 1));
    this.#free = [];
    for (const range of all) {
      const last = this.#free.at(-1);
      if (last !== undefined && last.end + 1n === range.start) last.end = range.end;
      else this.#free.push({ ...range });
    }
  }
}

/** Returns the rests of a range on either side of a part of it. */
function cut(range: IovaRange, part: IovaRange): IovaRange[] {
  return [
    { start: range.start, end: part.start - 1n },
    { start: part.end + 1n, end: range.end },
  ].filter(({ start, end }) => start <= end);
}

/** @param step a power of two */
function roundUp(value: bigint, step: bigint): bigint {
  return (value + step - 1n) & ~(step - 1n);
}
