const BLOCKS = '▁▂▃▄▅▆▇█';
/** Stands in for the blocks where the locale has none: more ink for more. */
const ASCII = '_.-:=+*#';

/**
 * Draws values as a line of blocks, a column each, from nothing to the largest. Nothing at all is a blank, and whatever
 * is more has at least the lowest block.
 */
export function sparkline(values: ArrayLike<number>, utf8: boolean): string {
  const levels = utf8 ? BLOCKS : ASCII;
  const numbers = Array.from(values);
  const most = Math.max(0, ...numbers);
  return numbers
    .map((value) => {
      if (!(value > 0)) return ' ';
      return levels[Math.min(levels.length - 1, Math.floor((value / most) * levels.length))] ?? ' ';
    })
    .join('');
}
