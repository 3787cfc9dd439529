import type { Style } from './style';
import { padding, shortened, textWidth } from './text-width';

/** A cell of one line, coloured by its meaning. */
export interface Cell {
  text: string;
  style?: (text: string) => string;
}

/** A line of a tree. Its first cell stands behind the branch, the others are columns below each other. */
export interface TreeNode {
  cells: readonly (string | Cell)[];
  children: readonly TreeNode[];
}

export interface TreeOptions {
  titles: readonly string[];
  style: Style;
  /** Draws with box characters; without them, in ASCII. */
  unicode: boolean;
  /** The width of the terminal; nothing is shortened without one. */
  width: number | undefined;
}

interface Strokes {
  /** Before a child with others behind it, and before the last one. */
  fork: string;
  last: string;
  /** Before what is behind them. */
  line: string;
  blank: string;
}

const BOX: Strokes = { fork: '├─ ', last: '└─ ', line: '│  ', blank: '   ' };
const ASCII: Strokes = { fork: '|- ', last: '`- ', line: '|  ', blank: '   ' };

const GAP = '  ';

/** Draws trees with their columns, a line for each node. On a terminal the last column is shortened to its width. */
export function drawTrees(roots: readonly TreeNode[], { titles, style, unicode, width }: TreeOptions): string {
  const rows: (readonly Cell[])[] = [titles.map((text) => ({ text, style: style.heading }))];
  for (const { branch, node } of branches(roots, unicode ? BOX : ASCII)) {
    const [first = cell(''), ...others] = node.cells.map(cell);
    rows.push([behind(branch, first), ...others]);
  }
  const widths = titles.map((_, i) => Math.max(...rows.map((row) => textWidth(row[i]?.text ?? ''))));
  return rows.map((row) => `${line(row, widths, width)}\n`).join('');
}

/** Yields the nodes of trees from the top down, each with the strokes that stand before it. */
export function* branches<N extends { children: readonly N[] }>(
  roots: readonly N[],
  { fork, last, line, blank }: Strokes,
): Generator<{ branch: string; node: N }> {
  // A stack instead of recursion: a tree may be as deep as whoever wrote it wanted it to be.
  const left = roots.map((node) => ({ node, branch: '', below: '' })).reverse();
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { node, branch, below } = next;
    yield { branch, node };
    for (const [i, child] of [...node.children.entries()].reverse()) {
      const isLast = i === node.children.length - 1;
      left.push({ node: child, branch: below + (isLast ? last : fork), below: below + (isLast ? blank : line) });
    }
  }
}

const plain = (text: string): string => text;

const cell = (given: string | Cell): Cell => (typeof given === 'string' ? { text: given } : given);

/** Puts the branch before a cell, which keeps its own colour. */
function behind(branch: string, { text, style = plain }: Cell): Cell {
  return {
    text: branch + text,
    style: (whole) => whole.slice(0, branch.length) + style(whole.slice(branch.length)),
  };
}

/** Puts cells side by side, and leaves out what a terminal has no room for: the last that is seen ends in an ellipsis. */
function line(row: readonly Cell[], widths: readonly number[], width = Number.POSITIVE_INFINITY): string {
  let drawn = '';
  let room = width;
  for (const [i, { text, style = plain }] of row.entries()) {
    if (room <= 0) break;
    const shown = shortened(text, room);
    const columns = Math.min(room, (widths[i] ?? 0) + GAP.length);
    room -= columns;
    drawn += `${shown === '' ? '' : style(shown)}${padding(shown, columns)}`;
  }
  return drawn.trimEnd();
}
