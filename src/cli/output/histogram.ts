const BARS = 12;
const WIDTH = 50;

/**
 * Draws a histogram, a line for each class. The classes end at the 99th percentile, with one more for all beyond, so
 * that one outlier does not press all the others into the first.
 */
export function histogram(values: ArrayLike<number>): string {
  const sorted = Float64Array.from(values).sort();
  const low = sorted[0] ?? 0;
  const high = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? low;
  const step = Math.max((high - low) / BARS, 0.1);
  const counts = new Array<number>(BARS + 1).fill(0);
  for (const value of sorted) {
    const bar = Math.min(BARS, Math.floor((value - low) / step));
    counts[bar] = (counts[bar] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return counts
    .map((count, i) => {
      const label = `${(low + i * step).toFixed(1).padStart(9)} us${i === BARS ? ' +' : '  '}`;
      return `${label} ${'#'.repeat(Math.ceil((count / most) * WIDTH))} ${count}\n`;
    })
    .join('');
}
