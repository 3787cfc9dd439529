import { type Summary, summarize } from './statistics';

/** Values that are kept; a power of two. */
const MOST_KEPT = 1 << 16;

/**
 * Values of a measurement that may be of any length, in bounded memory: all of them up to 65,536, and then every second,
 * every fourth and so on, evenly over the whole. Count, sum, the least and the largest are always those of all. Adding
 * allocates nothing.
 */
export class Samples {
  readonly #kept = new Float64Array(MOST_KEPT);
  #length = 0;
  /** Each value that is kept stands for so many. */
  #each = 1;
  #skip = 0;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** The values that are kept, in their order. Good until the next one is added. */
  get kept(): Float64Array {
    return this.#kept.subarray(0, this.#length);
  }

  /** The number of values that each one of {@link kept} stands for. */
  get each(): number {
    return this.#each;
  }

  add(value: number): void {
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (this.#skip > 0) {
      this.#skip--;
      return;
    }
    if (this.#length === MOST_KEPT) {
      this.#length = MOST_KEPT / 2;
      for (let i = 0; i < this.#length; i++) this.#kept[i] = this.#kept[2 * i] ?? 0;
      this.#each *= 2;
    }
    this.#kept[this.#length++] = value;
    this.#skip = this.#each - 1;
  }

  addAll(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.add(values[i] ?? 0);
  }

  /** Returns what {@link summarize} does, the percentiles of the values that are kept; zeros where there are none. */
  summary(): Summary {
    if (this.#count === 0) return { min: 0, p50: 0, p90: 0, p99: 0, max: 0 };
    const tenth = (value: number) => Math.round(value * 10) / 10;
    return { ...summarize(this.kept), min: tenth(this.#min), max: tenth(this.#max) };
  }
}
