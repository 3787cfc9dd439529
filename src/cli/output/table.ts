import type { Style } from './style';

/** Formats columns as wide as their widest cell, two blanks between, nothing behind the last. */
export function columns(
  rows: readonly (readonly string[])[],
  heading?: { titles: readonly string[]; style: Style },
): string {
  const all = heading === undefined ? rows : [heading.titles, ...rows];
  const widths: number[] = [];
  for (const row of all) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const lines = rows.map(line);
  if (heading !== undefined) lines.unshift(heading.style.heading(line(heading.titles)));
  return lines.map((text) => `${text}\n`).join('');
}
