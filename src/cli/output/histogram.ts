/** Classes in a factor of ten, from coarse to fine. */
const SERIES = [1, 3, 6, 12, 24, 48, 96];
/** Classes that the values up to the 99th percentile have at least, where a series has so many for them. */
const ENOUGH = 8;
/** Classes in a factor of ten beyond the 99th percentile: 1, 2, 5. */
const TAIL = 3;
/** Logarithms begin here: a latency of nothing was too short for the clock. */
const LEAST_US = 0.001;

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export interface HistogramOptions {
  /** The width that lines may have. */
  columns: number;
  /** Whether block characters can be shown. */
  utf8: boolean;
  /** The number of values that each one stands for. */
  each?: number;
}

/**
 * Draws a histogram of latencies, a line for each class, named by its lower end. The classes are as wide on a
 * logarithmic scale, fine up to the 99th percentile; those beyond it are coarse, and left out where they are empty, so
 * that outliers are seen and do not press the others together. The length of a bar is the count; the least has a mark.
 *
 * @param values in microseconds
 */
export function histogram(values: ArrayLike<number>, { columns, utf8, each = 1 }: HistogramOptions): string {
  const sorted = Float64Array.from(values, (value) => Math.max(LEAST_US, value)).sort();
  const low = sorted[0];
  const high = sorted[Math.ceil(sorted.length * 0.99) - 1];
  if (low === undefined || high === undefined) return '';
  const series = SERIES.find((one) => classes(low, high, one).length >= ENOUGH) ?? 96;
  const ends = classes(low, high, series);
  const top = lowerEnd(placeOf(high, series) + 1, series);
  const rows = counted(sorted, ends, top);
  const beyond = sorted.subarray(rows.reduce((sum, { count }) => sum + count, 0));
  const tail = beyond.length === 0 ? [] : counted(beyond, [top, ...tailEnds(top, sorted.at(-1) ?? top)], Infinity);
  const outliers = tail.filter(({ count }) => count > 0);

  const all = [...rows, ...outliers];
  const most = Math.max(...all.map(({ count }) => count * each));
  const labels = Math.max(...all.map(({ from }) => timeText(from).length));
  const digits = String(most).length;
  const width = Math.max(1, Math.min(MOST_WIDE, columns - 1) - labels - digits - 4);
  const line = ({ from, count: kept }: Class) => {
    const count = kept * each;
    return `  ${timeText(from).padStart(labels)} ${bar((count / most) * width, utf8)}${count === 0 ? '' : ' '}${count}\n`;
  };
  const heading = outliers.length === 0 ? '' : `beyond the 99th percentile:\n`;
  return rows.map(line).join('') + heading + outliers.map(line).join('');
}

/** Longer bars are no easier to compare. */
const MOST_WIDE = 120;

interface Class {
  from: number;
  count: number;
}

/** Counts sorted values by class. @param ends the lower ends @param top the upper end of the last, not in it */
function counted(sorted: Float64Array, ends: readonly number[], top: number): Class[] {
  let at = 0;
  return ends.map((from, i) => {
    const end = ends[i + 1] ?? top;
    const before = at;
    while (at < sorted.length && (sorted[at] ?? 0) < end) at++;
    return { from, count: at - before };
  });
}

/** Returns the lower ends of the classes that hold values from `low` to `high`. */
function classes(low: number, high: number, series: number): number[] {
  const first = placeOf(low, series);
  return Array.from({ length: placeOf(high, series) - first + 1 }, (_, i) => lowerEnd(first + i, series));
}

function tailEnds(top: number, max: number): number[] {
  return classes(top, max, TAIL).filter((end) => end > top);
}

/** Returns the number of the class that holds a value. */
function placeOf(value: number, series: number): number {
  let place = Math.floor(Math.log10(value) * series);
  // The ends are rounded: the neighbours may have it.
  while (lowerEnd(place, series) > value) place--;
  while (lowerEnd(place + 1, series) <= value) place++;
  return place;
}

/** Returns the lower end of a class, a number with few digits: 1, 2, 5; 1, 1.5, 2.2. */
function lowerEnd(place: number, series: number): number {
  return Number((10 ** (place / series)).toPrecision(series <= TAIL ? 1 : series <= 24 ? 2 : 3));
}

function bar(eighths: number, utf8: boolean): string {
  if (eighths === 0) return '';
  if (!utf8) return '#'.repeat(Math.ceil(eighths));
  const length = Math.max(1, Math.round(eighths * 8));
  return '█'.repeat(Math.floor(length / 8)) + (EIGHTHS[length % 8] ?? '');
}

/** Formats microseconds in the unit that a person would name. */
export function timeText(us: number): string {
  if (us < 1000) return `${digits(us)} us`;
  return us < 1e6 ? `${digits(us / 1000)} ms` : `${digits(us / 1e6)} s`;
}

/** Three digits, without zeros that say nothing. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
