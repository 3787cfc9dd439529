/** Addresses from `first` to `last`, both of them included. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** Intervals that have no address in common, in ascending order; the kernel has interval trees. */
export class Intervals<T extends Interval> {
  readonly #sorted: T[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#sorted[Symbol.iterator]();
  }

  /** Finds the lowest that has an address in common with these. */
  find(first: bigint, last: bigint): T | undefined {
    const found = this.#sorted[this.#indexFrom(first)];
    return found !== undefined && found.first <= last ? found : undefined;
  }

  /** Finds all that have an address in common with these. */
  within(first: bigint, last: bigint): T[] {
    const found: T[] = [];
    for (let index = this.#indexFrom(first); index < this.#sorted.length; index++) {
      const interval = this.#sorted[index] as T;
      if (interval.first > last) break;
      found.push(interval);
    }
    return found;
  }

  /** @param interval has no address in common with those that are there */
  add(interval: T): void {
    this.#sorted.splice(this.#indexFrom(interval.first), 0, interval);
  }

  delete(interval: T): void {
    const index = this.#indexFrom(interval.first);
    if (this.#sorted[index] === interval) this.#sorted.splice(index, 1);
  }

  /** Finds the index of the first that ends at or after an address. */
  #indexFrom(address: bigint): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as T).last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
