import { type Meaning, PLAIN, type Style } from '../output/style';
import { textWidth } from './text-width';

/** Text of one line, coloured by what it means. */
export interface Cell {
  /** Strokes of a tree before the text, each of one column. They have no colour. */
  branch?: string;
  text: string;
  /** Follows the text, and stays where the text is shortened. */
  tail?: string;
  /** Stands in the place of the tail where the table does not fit its terminal. */
  shortTail?: string;
  meaning?: Meaning | undefined;
}

export type Row = readonly (string | Cell)[];

export interface Column {
  title?: string;
  align?: 'right';
  /** The width that it has at least. */
  least?: number;
  /** Rank in which columns go where a terminal is too narrow: the lowest first, one without a rank never. */
  need?: number;
}

export interface TableOptions {
  /** One for each column, for a table with titles, or with columns that are not the usual ones. */
  columns?: readonly Column[];
  /** Whether the first line has the titles of the columns. */
  headings?: boolean;
  style?: Style;
  /** The width of the terminal; nothing is shortened without one. */
  width?: number | undefined;
  /** Breaks long text of the last column into lines instead of shortening it. */
  wrap?: boolean;
}

/** Two blanks between columns, and nothing behind the last. */
export const GAP = '  ';

/** Formats rows that fit. */
export function drawn(
  rows: readonly Row[],
  titles: readonly string[] | undefined,
  widths: readonly number[],
  { columns = [], style = PLAIN }: TableOptions,
): string {
  const line = (row: Row) => {
    const end = row.findLastIndex((cell) => `${branchOf(cell)}${plain(cell)}`.trimEnd() !== '');
    return row
      .slice(0, end + 1)
      .map((cell, i) => {
        if (i === end && columns[i]?.align !== 'right') return painted(cell, style, plain(cell).trimEnd()).trimEnd();
        const blanks = ' '.repeat(Math.max(0, (widths[i] ?? 0) - cellWidth(cell)));
        return columns[i]?.align === 'right' ? `${blanks}${painted(cell, style)}` : `${painted(cell, style)}${blanks}`;
      })
      .join(GAP);
  };
  const lines = rows.map(line);
  if (titles !== undefined) lines.unshift(style.heading(line(titles)));
  return lines.map((text) => `${text}\n`).join('');
}

/** Returns the text of a cell, without the branch before it. */
export function plain(cell: string | Cell): string {
  return typeof cell === 'string' ? cell : `${cell.text}${cell.tail ?? ''}`;
}

export function branchOf(cell: string | Cell): string {
  return (typeof cell === 'string' ? undefined : cell.branch) ?? '';
}

export function painted(cell: string | Cell, style: Style, text = plain(cell)): string {
  const shown = typeof cell === 'string' || cell.meaning === undefined ? text : style[cell.meaning](text);
  return `${branchOf(cell)}${shown}`;
}

export function cellWidth(cell: string | Cell): number {
  return branchOf(cell).length + textWidth(plain(cell));
}

/** Returns the width of a line with these columns. */
export function widthOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP.length * Math.max(0, widths.length - 1));
}
