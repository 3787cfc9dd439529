import { hexDigits } from '../../text/hex';
/** Meanings of numbers, in the few forms that tables of meanings have. */
import type { Meaning } from './layout';

/** Names a code among several. */
export const oneOf =
  (names: Readonly<Record<number, string>>, otherwise: string | null = null): Meaning<number> =>
  (value) =>
    names[value] ?? otherwise;

/**
 * Names each bit that is set, from bit 0 on. A bit without a name (`''`, a hole) is reserved and shown by number.
 */
export const bits =
  (...names: readonly (string | undefined)[]): Meaning<number> =>
  (value) =>
    setBits(value, names);

export function setBits(value: number, names: readonly (string | undefined)[]): string[] {
  const set: string[] = [];
  for (let bit = 0; bit < 32; bit++)
    if (Math.floor(value / 2 ** bit) % 2 === 1) set.push(names[bit] || `reserved bit ${bit}`);
  return set;
}

/**
 * Names controls by pairs of bits (UAC2, UAC3): the host may read a control, or read and program it.
 */
export const controlPairs =
  (...names: readonly string[]): Meaning<number> =>
  (value) => {
    const found: string[] = [];
    for (let pair = 0; pair < 16; pair++) {
      const access = Math.floor(value / 4 ** pair) % 4;
      if (access !== 0) found.push(`${names[pair] || `control ${pair}`} (${PAIRS[access]})`);
    }
    return found;
  };

const PAIRS = ['none', 'read only', 'not allowed', 'read and write'];

export const unit =
  (text: string, factor = 1): Meaning<number> =>
  (value) =>
    `${trimmed(value * factor)} ${text}`;

/** Returns the value of a bit field. */
export function field(value: number, low: number, width: number): number {
  return Math.floor(value / 2 ** low) % 2 ** width;
}

/** Formats a number with three decimals at most, without trailing zeros. */
export function trimmed(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** Formats a count: `1 byte`, `2 bytes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Formats binary coded decimal: 0x0210 is 2.10. */
export function bcd(value: number): string {
  return `${hexDigits(value >>> 8)}.${hexDigits(value & 0xff, 2)}`;
}
