import Table from 'cli-table3';
import { PLAIN } from '../output/style';
import {
  type Cell,
  type Column,
  cellWidth,
  drawn,
  GAP,
  painted,
  plain,
  type Row,
  type TableOptions,
  widthOf,
} from './row';
import { shortened, textWidth } from './text-width';

/** Tables that are wider than the terminal: columns are left out, and text is shortened or broken into lines. */

/**
 * The columns that the shortened text of the last column has at least, before another is left out for it, unless that
 * column says otherwise; fewer where a tail tells the most.
 */
const LEAST_TEXT = 20;
const LEAST_BESIDE_TAIL = 8;
/** The columns that broken text has at least, before the table is shortened instead. */
const LEAST_WRAPPED = 20;

interface Narrow extends TableOptions {
  width: number;
}

/**
 * Formats a table in which no line is wider than the terminal: the last column is shortened, then the columns that are
 * needed least are left out, then the widest ones are shortened.
 */
export function narrowed(
  whole: readonly Row[],
  titles: readonly string[] | undefined,
  wholeWidths: readonly number[],
  options: Narrow,
): string {
  const rows = whole.map((row) => row.map(withShortTail));
  const natural = wholeWidths.map((width, i) =>
    whole.some((row) => hasShortTail(row[i])) ? columnWidth(rows, titles, i) : width,
  );
  const columns = natural.map((_, i) => options.columns?.[i] ?? {});
  const kept = keptColumns(rows, columns, natural, options.width);
  const pick = <T>(from: readonly T[]) => kept.flatMap((i) => from.slice(i, i + 1));
  const widths = squeezed(pick(natural), options.width, columns.at(-1)?.least);
  const cut = (row: Row): Row => pick(row).map((cell, i) => shortCell(cell, widths[i] ?? 0));
  return drawn(rows.map(cut), titles && cut(titles).map(plain), widths, { ...options, columns: pick(columns) });
}

function hasShortTail(cell: string | Cell | undefined): cell is Cell {
  return typeof cell === 'object' && cell.shortTail !== undefined;
}

function withShortTail(cell: string | Cell): string | Cell {
  return hasShortTail(cell) ? { ...cell, tail: cell.shortTail ?? '' } : cell;
}

function columnWidth(rows: readonly Row[], titles: readonly string[] | undefined, i: number): number {
  return Math.max(...[...rows, titles ?? []].map((row) => cellWidth(row[i] ?? '')));
}

/** Returns the indices of the columns that stay. */
function keptColumns(
  rows: readonly Row[],
  columns: readonly Column[],
  natural: readonly number[],
  width: number,
): number[] {
  const last = natural.length - 1;
  const wanted = [...natural];
  const leastText = columns[last]?.least ?? LEAST_TEXT;
  const least = rows.reduce((most, row) => Math.max(most, leastWidth(row[last] ?? '', leastText)), 0);
  wanted[last] = Math.min(natural[last] ?? 0, least);
  const order = columns
    .map(({ need }, i) => ({ need: need ?? Number.POSITIVE_INFINITY, i }))
    .filter(({ need }) => need < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.need - b.need);
  let kept = [...natural.keys()];
  for (const { i } of order) {
    if (widthOf(kept.map((k) => wanted[k] ?? 0)) <= width) break;
    kept = kept.filter((k) => k !== i);
  }
  return kept;
}

function leastWidth(cell: string | Cell, leastText: number): number {
  const { text, tail = '' } = typeof cell === 'string' ? { text: cell } : cell;
  // A tail that is short already leaves room for as much as without one.
  const least = tail === '' || hasShortTail(cell) ? leastText : LEAST_BESIDE_TAIL;
  return Math.min(textWidth(text), least) + textWidth(tail);
}

/** Takes away what is too much: from the last column as long as it has room, then from whichever is the widest. */
function squeezed(natural: readonly number[], width: number, least = LEAST_TEXT): number[] {
  const widths = [...natural];
  const last = widths.length - 1;
  let excess = widthOf(widths) - width;
  const take = (i: number, columns: number) => {
    widths[i] = (widths[i] ?? 0) - columns;
    excess -= columns;
  };
  take(last, Math.max(0, Math.min(excess, (widths[last] ?? 0) - least)));
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 1) break;
    take(widest, 1);
  }
  // Gaps alone fill a terminal that is narrower than that: the columns behind it are left out.
  while (widths.length > 1 && widthOf(widths) > width) widths.pop();
  return widths;
}

function shortCell(cell: string | Cell, columns: number): string | Cell {
  if (cellWidth(cell) <= columns) return cell;
  if (typeof cell === 'string') return shortened(cell, columns);
  const { branch = '', text, tail = '', ...rest } = cell;
  if (branch.length >= columns) return branch.slice(0, columns);
  const room = columns - branch.length - textWidth(tail);
  if (tail === '' || room < 2) return { ...rest, branch, text: shortened(plain(cell), columns - branch.length) };
  return { ...rest, branch, text: shortened(text, room), tail };
}

/**
 * Formats a table whose last column is broken into lines between words.
 *
 * @returns null where that leaves it too little room, or where cli-table3 takes characters for narrower than they are:
 *   it knows the emoji of 2019
 */
export function wrapped(
  rows: readonly Row[],
  titles: readonly string[] | undefined,
  natural: readonly number[],
  { width, columns = [], style = PLAIN }: Narrow,
): string | null {
  const before = natural.slice(0, -1);
  const room = width - widthOf([...before, 0]);
  if (room < LEAST_WRAPPED) return null;
  const made = new Table({
    ...UNRULED,
    colWidths: [...before.map((columns) => columns + GAP.length), room],
    colAligns: natural.map((_, i) => columns[i]?.align ?? 'left'),
    wordWrap: true,
  });
  const head = titles === undefined ? [] : [titles.map(style.heading)];
  made.push(...head, ...rows.map((row) => row.map((cell) => painted(cell, style))));
  const lines = made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return lines.every((line) => textWidth(line) <= width) ? `${lines.join('\n')}\n` : null;
}

/** No lines between cells, and no colours but udrv's own. */
const UNRULED = {
  chars: Object.fromEntries(
    'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle'
      .split(' ')
      .map((place) => [place, '']),
  ),
  style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
};
