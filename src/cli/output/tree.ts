import type { Cell, Column } from '../tables/row';
import { table } from '../tables/table';
import type { Style } from './style';

/** A line of a tree. Its first cell stands behind the branch, the others are columns below each other. */
export interface TreeNode {
  cells: readonly (string | Cell)[];
  children: readonly TreeNode[];
}

export interface TreeOptions {
  columns: readonly Column[];
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

/** Draws trees with their columns, a line for each node. */
export function drawTrees(roots: readonly TreeNode[], { unicode, ...options }: TreeOptions): string {
  const rows = Array.from(branches(roots, unicode ? BOX : ASCII), ({ branch, node: { cells } }) => {
    const [first = '', ...others] = cells;
    return [{ ...(typeof first === 'string' ? { text: first } : first), branch }, ...others];
  });
  return table(rows, { ...options, headings: true });
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
