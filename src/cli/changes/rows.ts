import type { Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { visible } from '../output/escape';
import type { Style } from '../output/style';
import { placeText, valueText } from './lines';
import type { Cell, Cells } from './parts';

/** The marks behind values, as the meaning is never in a colour alone. */
const CHANGED_NOW = '*';
const CHANGED_BEFORE = '+';

/** The state of a cell in a frame. */
export interface Seen {
  /** Readings that it changed in. */
  count: number;
  changedNow: boolean;
  /** Its value before the last change. */
  before: Word;
}

/** A line of a frame: one register by its name, or those of a range that stand side by side. */
export interface FrameRow {
  /** Indices of the cells in it, among all. */
  cells: readonly number[];
  text(values: readonly Word[], seen: ReadonlyMap<number, Seen>, style: Style): string;
}

/** Columns of the names, so that 80 columns have room for the values. */
const WIDEST_NAME = 30;

/** Lays registers out in lines of at most 80 columns. */
export function frameRows(parts: readonly Cells[]): FrameRow[] {
  const named = parts.filter(({ isRange }) => !isRange).flatMap(({ cells }) => cells);
  const widest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, text.length), 0);
  const placeWidth = widest(named.map(placeText));
  const nameWidth = Math.min(WIDEST_NAME, widest(named.map(({ name }) => visible(name ?? ''))));
  const rows: FrameRow[] = [];
  let first = 0;
  for (const { isRange, cells } of parts) {
    if (isRange) rows.push(...rangeRows(cells, first));
    else for (const [i, cell] of cells.entries()) rows.push(namedRow(cell, first + i, placeWidth, nameWidth));
    first += cells.length;
  }
  return rows;
}

function namedRow(cell: Cell, index: number, placeWidth: number, nameWidth: number): FrameRow {
  const place = placeText(cell).padEnd(placeWidth);
  const name = visible(cell.name ?? '').padEnd(nameWidth);
  return {
    cells: [index],
    text(values, seen, style) {
      const state = seen.get(index);
      const value = marked(valueText(cell, values[index] ?? 0), state, style);
      const past = state === undefined ? '' : `  was ${valueText(cell, state.before)}, ${times(state.count)}`;
      return `${place}  ${name}  ${value}${past}`;
    },
  };
}

const times = (count: number): string => (count === 1 ? '1 change' : `${count} changes`);

function rangeRows(cells: readonly Cell[], first: number): FrameRow[] {
  const [begin] = cells;
  if (begin === undefined) return [];
  const { region, width, offset: start } = begin;
  // 16 words of a byte would need 96 columns with their marks.
  const bytes = width === 1 ? 8 : 16;
  const digits = Math.max(4, ((cells.at(-1)?.offset ?? 0) + width).toString(16).length);
  const lines = new Map<number, number[]>();
  for (const [i, { offset }] of cells.entries()) {
    const line = Math.floor((offset - start) / bytes);
    const known = lines.get(line);
    if (known === undefined) lines.set(line, [i]);
    else known.push(i);
  }
  // A word that is not read leaves its place empty.
  const empty = ' '.repeat(2 + 2 * width + CHANGED_NOW.length);
  return Array.from(lines, ([line, indices]) => ({
    cells: indices.map((i) => first + i),
    text(values, seen, style) {
      const words = Array.from({ length: bytes / width }, () => empty);
      for (const i of indices) {
        const { offset, text } = cells[i] as Cell;
        words[(offset - start - line * bytes) / width] = marked(
          text(values[first + i] ?? 0),
          seen.get(first + i),
          style,
        );
      }
      return `${visible(region)}:${hex(start + line * bytes, digits)}  ${words.join(' ').trimEnd()}`;
    },
  }));
}

function marked(text: string, seen: Seen | undefined, style: Style): string {
  if (seen === undefined) return `${text} `;
  return seen.changedNow ? style.warning(`${text}${CHANGED_NOW}`) : style.heading(`${text}${CHANGED_BEFORE}`);
}

/** Returns the indices of rows by those of their cells. */
export function rowsOfCells(rows: readonly FrameRow[]): number[] {
  const found: number[] = [];
  for (const [i, { cells }] of rows.entries()) for (const cell of cells) found[cell] = i;
  return found;
}

/**
 * Chooses the rows that fit: all, or those that changed last and then the first ones, in their order.
 *
 * @param rowOf {@link rowsOfCells}
 * @param recent indices of cells, that changed last first
 */
export function fittingRows(
  rows: readonly FrameRow[],
  rowOf: readonly number[],
  room: number,
  recent: Iterable<number>,
): readonly FrameRow[] {
  if (rows.length <= room) return rows;
  const chosen = new Set<number>();
  for (const cell of recent) {
    if (chosen.size >= room) break;
    const row = rowOf[cell];
    if (row !== undefined) chosen.add(row);
  }
  for (let i = 0; chosen.size < room; i++) chosen.add(i);
  return [...chosen].sort((a, b) => a - b).flatMap((i) => rows[i] ?? []);
}
