import { type UdrvError, usageError } from '../../errors';
import { putWordLE } from '../../model/registers';
import type { Width } from '../../sys/sys';

/** Bytes of registers that follow each other, each register's in little-endian order. */
export interface Block {
  offset: number;
  bytes: Buffer;
}

/** Registers as a dump has them, in the order of their offsets. */
export interface Dump {
  /** Null where the format does not tell. */
  region: string | null;
  /** Bytes of each register; null where the format has bytes alone. */
  width: Width | null;
  blocks: Block[];
  /** Raw bytes, which do not tell their offset: it is 0 here. */
  isRaw: boolean;
}

const WORDS = /^(0x[0-9a-f]{1,13}) {2}(0x[0-9a-f]+(?: 0x[0-9a-f]+)*)$/;
const HEX = /^(0x[0-9a-f]{1,13}) {2}([0-9a-f]{2}(?: [0-9a-f]{2})*) +\|.*\|$/;

/** The most bytes that the `*` of a dump may stand for, all together. */
const MOST_FOLDED = 64 * 1024 * 1024;

/**
 * Parses what `dump` wrote, in any of its formats: words, bytes with ASCII, JSON, or raw bytes, which is all that looks
 * like none of the others.
 *
 * @param path for errors
 * @throws usage, where it begins as one of the formats and goes on otherwise
 */
export function parseDump(content: Buffer, path: string): Dump {
  const start = content.toString('latin1', 0, 200);
  if (start.trimStart().startsWith('{')) {
    const dump = parseJson(content.toString('utf8'));
    if (dump !== null) return dump;
  }
  const [first = ''] = start.split('\n', 1);
  if (WORDS.test(first) || HEX.test(first)) return parseLines(content.toString('latin1'), path);
  return { region: null, width: null, blocks: [{ offset: 0, bytes: content }], isRaw: true };
}

/** Parses the document of `dump --json`; null: it is another. */
function parseJson(text: string): Dump | null {
  try {
    const { region, offset, width, words } = JSON.parse(text) as Record<string, unknown>;
    if (typeof region !== 'string' || !isOffset(offset) || !isWidth(width) || !Array.isArray(words)) return null;
    const bytes = Buffer.alloc(words.length * width);
    for (const [i, word] of words.entries()) {
      if (typeof word !== 'string' || !/^0x[0-9a-f]+$/.test(word) || word.length !== 2 + 2 * width) return null;
      putWordLE(bytes, i * width, width, width === 8 ? BigInt(word) : Number(word));
    }
    return { region, width, blocks: [{ offset, bytes }], isRaw: false };
  } catch {
    return null;
  }
}

const isWidth = (value: unknown): value is Width => [1, 2, 4, 8].includes(value as number);
const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Parses lines of words, or of bytes with ASCII; `*` stands for lines as the one before. */
function parseLines(text: string, path: string): Dump {
  const blocks: { offset: number; pieces: Buffer[]; length: number }[] = [];
  let width: Width | null = null;
  let last: Buffer | null = null;
  let isFolded = false;
  let room = MOST_FOLDED;
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const [i, line] of lines.entries()) {
    if (line === '*' && last !== null) {
      isFolded = true;
      continue;
    }
    const wrong = (): UdrvError => usageError(`${path}:${i + 1}`, 'is no line of this dump');
    const [, at = '', digits] = WORDS.exec(line) ?? [];
    const [, byteAt = '', pairs] = HEX.exec(line) ?? [];
    let bytes: Buffer;
    if (digits !== undefined) {
      const words = digits.split(' ');
      const each = ((words[0] ?? '').length - 2) / 2;
      if (!isWidth(each) || (width !== null && width !== each) || (i > 0 && width === null)) throw wrong();
      width = each;
      if (words.some((word) => word.length !== 2 + 2 * each)) throw wrong();
      bytes = Buffer.alloc(words.length * each);
      for (const [n, word] of words.entries())
        putWordLE(bytes, n * each, each, each === 8 ? BigInt(word) : Number(word));
    } else if (pairs !== undefined && width === null) bytes = Buffer.from(pairs.replaceAll(' ', ''), 'hex');
    else throw wrong();
    const offset = Number(digits === undefined ? byteAt : at);
    const block = blocks.at(-1);
    if (block !== undefined && isFolded && last !== null) {
      const missing = offset - block.offset - block.length;
      if (missing < 0 || missing > room || missing % last.length !== 0) throw wrong();
      if (missing > 0) block.pieces.push(Buffer.alloc(missing, last));
      room -= missing;
      block.length += missing;
      isFolded = false;
    }
    if (block !== undefined && offset < block.offset + block.length) throw wrong();
    if (block !== undefined && offset === block.offset + block.length) {
      block.pieces.push(bytes);
      block.length += bytes.length;
    } else blocks.push({ offset, pieces: [bytes], length: bytes.length });
    last = bytes;
  }
  return {
    region: null,
    width,
    blocks: blocks.map(({ offset, pieces }) => ({ offset, bytes: Buffer.concat(pieces) })),
    isRaw: false,
  };
}

/** Returns the part of a dump that lies in a range, in bytes. */
export function clipped(blocks: readonly Block[], start: number, end: number): Block[] {
  return blocks.flatMap(({ offset, bytes }) => {
    const [from, to] = [Math.max(offset, start), Math.min(offset + bytes.length, end)];
    return from < to ? [{ offset: from, bytes: bytes.subarray(from - offset, to - offset) }] : [];
  });
}
