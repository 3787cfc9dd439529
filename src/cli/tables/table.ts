import { cellWidth, drawn, type Row, type TableOptions, widthOf } from './row';

/** Formats a table: columns as wide as their widest cell, as far as the terminal has room for them. */
export function table(rows: readonly Row[], options: TableOptions = {}): string {
  const { columns = [], headings = false, width } = options;
  const titles = headings ? columns.map(({ title = '' }) => title) : undefined;
  const count = rows.reduce((most, row) => Math.max(most, row.length), titles?.length ?? 0);
  const widths = columns.slice(0, count).map(({ least = 0 }) => least);
  for (const row of titles === undefined ? rows : [titles, ...rows])
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cellWidth(cell));
  if (width !== undefined && widthOf(widths) > width) {
    // Loaded only on a terminal.
    const { narrowed, wrapped } = require('./narrow-table') as typeof import('./narrow-table');
    const text = options.wrap ? wrapped(rows, titles, widths, { ...options, width }) : null;
    return text ?? narrowed(rows, titles, widths, { ...options, width });
  }
  return drawn(rows, titles, widths, options);
}
