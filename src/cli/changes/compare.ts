import { getWordLE, type Range } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';
import type { Block } from './dump-file';

/** A register that has two values. */
export interface Difference {
  offset: number;
  before: Word;
  after: Word;
}

/** The result of a comparison, by ascending offsets. */
export interface Comparison {
  differences: Difference[];
  /** Parts that only one of the two has. */
  onlyBefore: Range[];
  onlyAfter: Range[];
}

/**
 * Compares registers by their offsets.
 *
 * @param before with the blocks of `after`: by ascending offsets, each at a multiple of the width, and as long as one
 */
export function compareBlocks(before: readonly Block[], after: readonly Block[], width: Width): Comparison {
  const differences: Difference[] = [];
  for (const { one, other } of overlaps(before, after)) {
    const start = Math.max(one.offset, other.offset);
    const end = Math.min(endOf(one), endOf(other));
    for (let offset = start; offset < end; offset += width) {
      const was = getWordLE(one.bytes, offset - one.offset, width);
      const is = getWordLE(other.bytes, offset - other.offset, width);
      if (was !== is) differences.push({ offset, before: was, after: is });
    }
  }
  return { differences, onlyBefore: without(before, after), onlyAfter: without(after, before) };
}

const endOf = ({ offset, bytes }: Block): number => offset + bytes.length;

/** Yields the pairs of blocks that have offsets in common. */
function* overlaps(blocks: readonly Block[], others: readonly Block[]): Generator<{ one: Block; other: Block }> {
  let first = 0;
  for (const one of blocks) {
    for (let other = others[first]; other !== undefined && endOf(other) <= one.offset; other = others[first]) first++;
    for (let i = first; i < others.length; i++) {
      const other = others[i];
      if (other === undefined || other.offset >= endOf(one)) break;
      yield { one, other };
    }
  }
}

/** Returns the ranges of blocks that others have nothing of. */
function without(blocks: readonly Block[], others: readonly Block[]): Range[] {
  const left: Range[] = [];
  const add = (from: number, to: number) => {
    if (to > from) left.push({ offset: from, length: to - from });
  };
  const pairs = overlaps(blocks, others);
  let pair = pairs.next().value as { one: Block; other: Block } | undefined;
  for (const one of blocks) {
    let at = one.offset;
    for (; pair?.one === one; pair = pairs.next().value as typeof pair) {
      add(at, pair.other.offset);
      at = endOf(pair.other);
    }
    add(at, endOf(one));
  }
  return left;
}
