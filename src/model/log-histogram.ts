import type { Summary } from './statistics';

/** Classes in a factor of two: a value is off by 2.2 percent at most when it is read back. */
const PER_OCTAVE = 16;
/** The least value that has a class of its own, 2**-10, and the number of factors of two from there on. */
const LEAST_EXPONENT = -10;
const OCTAVES = 64;
const CLASSES = OCTAVES * PER_OCTAVE;

/**
 * Counts values in classes whose width grows with the value, so that percentiles of any number of them take the same
 * few kilobytes. The least and the largest are exact.
 */
export class LogHistogram {
  readonly #counts = new Float64Array(CLASSES);
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#count;
  }

  /** @param value not negative */
  add(value: number): void {
    const place = Math.floor((Math.log2(value) - LEAST_EXPONENT) * PER_OCTAVE);
    const index = Math.min(CLASSES - 1, Math.max(0, place));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** Returns a percentile by nearest rank: the middle of its class. NaN where there are no values. */
  percentile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let below = 0;
    for (let index = 0; index < CLASSES; index++) {
      below += this.#counts[index] ?? 0;
      if (below < rank) continue;
      const middle = 2 ** ((index + 0.5) / PER_OCTAVE + LEAST_EXPONENT);
      return Math.min(this.#max, Math.max(this.#min, middle));
    }
    return Number.NaN;
  }

  /** Returns what `summarize` returns, rounded to a tenth; null where there are no values. */
  summary(): Summary | null {
    if (this.#count === 0) return null;
    const tenth = (value: number) => Math.round(value * 10) / 10;
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((fraction) => tenth(this.percentile(fraction))) as [
      number,
      number,
      number,
    ];
    return { min: tenth(this.#min), p50, p90, p99, max: tenth(this.#max) };
  }
}
