import { usageError } from '../errors';
import type { Width, Word } from '../sys/sys';
import type { Range } from './registers';

/** Numbers, sizes, times and ranges that a person typed, to values. Each function is pure, and throws a usage error that names the text. */

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** The longest time that can be waited: setTimeout takes 31 bits of milliseconds: nearly 25 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Digits that underscores may part: `42`, `0x1_0000`, `0b101`, `0o17`. */
const NUMBER = '0x[0-9a-f]+(?:_[0-9a-f]+)*|0b[01]+(?:_[01]+)*|0o[0-7]+(?:_[0-7]+)*|\\d+(?:_\\d+)*';
const WORD = new RegExp(`^(-?)(${NUMBER})$`, 'i');
const SIZE = new RegExp(`^(${NUMBER})([KMG]?)$`, 'i');

/** Returns the value of text that {@link NUMBER} matches. */
const fromDigits = (digits: string): bigint => BigInt(digits.replaceAll('_', '').toLowerCase());

const wordOf = (value: bigint): Word => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value);

/** Parses a number of any size, decimal, `0x`, `0o` or `0b`, to a bigint where a number would lose digits. */
export function parseWord(text: string, what = 'a number'): Word {
  const value = numberIn(text);
  if (value === null) throw usageError(text, `is not ${what}: decimal or 0x hex`);
  return value;
}

/** Returns the number that a text is, as {@link parseWord}; null where it is none. */
export function numberIn(text: string): Word | null {
  const [, sign, digits] = WORD.exec(text) ?? [];
  return digits === undefined || sign !== '' ? null : wordOf(fromDigits(digits));
}

/** Parses the value of a register of `width` bytes: a negative one is its two's complement, -1 is 0xffff in two bytes. */
export function parseValue(text: string, width: Width): Word {
  const [, sign, digits] = WORD.exec(text) ?? [];
  if (digits === undefined || sign === '') return parseWord(text, 'a value');
  const [value, bits] = [fromDigits(digits), BigInt(8 * width)];
  if (value > 1n << (bits - 1n)) throw usageError(text, `does not fit a register of ${width} bytes`);
  return wordOf(BigInt.asUintN(8 * width, -value));
}

/** Parses a number of bytes, or an offset: as {@link parseWord}, with K, M or G (1024) behind it. */
export function parseSize(text: string, what = 'a size'): number {
  const match = SIZE.exec(text);
  const unit = UNITS[match?.[2]?.toUpperCase() ?? ''];
  if (match?.[1] === undefined || unit === undefined)
    throw usageError(text, `is not ${what}: decimal or 0x hex, with K, M or G`);
  const value = Number(fromDigits(match[1])) * unit;
  if (!Number.isSafeInteger(value)) throw usageError(text, `is not ${what}: too large`);
  return value;
}

export function parseCount(text: string): number {
  const value = parseSize(text, 'a count');
  if (value < 1) throw usageError(text, 'is not a count: at least 1');
  return value;
}

/** Parses a duration to milliseconds: `500ms`, `2s`, `1m`, a bare number is seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw usageError(text, 'is not a duration', 'write 500ms, 2s or 1m; a bare number is seconds');
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1000;
  const value = Math.ceil(Number(match[1]) * unit);
  if (value > LONGEST_MS) throw usageError(text, 'is too long a time: 24 days at most');
  return value;
}

export function parseWidth(text: string): Width {
  if (text === '1' || text === '2' || text === '4' || text === '8') return Number(text) as Width;
  throw usageError(text, 'is not an access width', 'widths are 1, 2, 4 and 8 bytes');
}

/** Parses `OFFSET` (one register of `width`), `OFFSET+LENGTH` or `OFFSET-END`, END exclusive. */
export function parseRange(text: string, width: Width): Range {
  const match = /^([^+-]+)(?:([+-])([^+-]+))?$/.exec(text);
  if (match?.[1] === undefined) throw usageError(text, 'is not a range', 'write OFFSET, OFFSET+LENGTH or OFFSET-END');
  const offset = parseSize(match[1], 'an offset');
  if (match[3] === undefined) return { offset, length: width };
  const second = parseSize(match[3], match[2] === '+' ? 'a length' : 'an offset');
  const length = match[2] === '+' ? second : second - offset;
  if (length <= 0) throw usageError(text, 'is an empty range', 'END is exclusive and lies behind OFFSET');
  return { offset, length };
}
