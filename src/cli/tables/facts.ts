import { visible } from '../output/escape';
import { type Cell, GAP, type Row, type TableOptions } from './row';
import { table } from './table';

/** A line of a description; left out where the value is null. */
export type Fact = readonly [key: string, value: string | Cell | null];

/** Formats facts of a device, a line each, indented. */
export function factTable(facts: readonly Fact[], options: TableOptions): string {
  const rows = facts.flatMap(([key, value]) => (value === null ? [] : [visibleRow([`  ${key}`, value])]));
  return table(rows, options);
}

/** Formats one line of parts, the first of which is the device: an address, ids, a name. Empty parts are left out. */
export function titleLine([device, ...parts]: readonly [string, ...string[]], options: TableOptions): string {
  const rest = parts.filter((part) => part !== '');
  return table([visibleRow([{ text: device, meaning: 'heading' }, ...rest])], { ...options, wrap: true });
}

/** Breaks a line that is wider than the terminal between words; what follows is indented as the line is. */
export function brokenLine(line: string, width: number | undefined): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const row = indent === '' ? [line] : [indent.slice(GAP.length), line.slice(indent.length)];
  return table([row], { width, wrap: true });
}

export function visibleRow(row: Row): Row {
  return row.map(visibleCell);
}

/** Escapes what would drive the terminal. */
export function visibleCell(cell: string | Cell): string | Cell {
  return typeof cell === 'string' ? visible(cell) : { ...cell, text: visible(cell.text) };
}
