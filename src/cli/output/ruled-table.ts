import Table from 'cli-table3';
import type { Style } from './style';

/** Draws a table with lines, for a terminal. */
export function ruledTable(titles: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  // The table's own colours are off: udrv decides about colour itself.
  const table = new Table({
    head: titles.map((title) => style.heading(title)),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return `${table.toString()}\n`;
}
