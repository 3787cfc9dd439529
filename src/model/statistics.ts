export interface Summary {
  min: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** Returns percentiles by nearest rank, rounded to a tenth. @param values at least one; not changed */
export function summarize(values: ArrayLike<number>): Summary {
  const sorted = Float64Array.from(values).sort();
  const at = (fraction: number) => {
    const rank = Math.max(1, Math.ceil(fraction * sorted.length));
    return Math.round((sorted[rank - 1] ?? Number.NaN) * 10) / 10;
  };
  return { min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
