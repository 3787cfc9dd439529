/** What numbers mean: the few forms that tables of meanings have. */
import type { Meaning } from './layout';

/** A code among several. */
export const oneOf =
  (names: Readonly<Record<number, string>>, otherwise: string | null = null): Meaning<number> =>
  (value) =>
    names[value] ?? otherwise;

/**
 * Bits that mean something each where they are set, from bit 0 on; `''` and holes are reserved.
 * Bits that no name is given for are shown by number.
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
 * Pairs of bits, as UAC2 and UAC3 have for each control: whether the host may read it, and program it.
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

/** Of a bit field: its value. */
export function field(value: number, low: number, width: number): number {
  return Math.floor(value / 2 ** low) % 2 ** width;
}

/** At most three decimals, without trailing zeros. */
export function trimmed(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** `1 byte`, `2 bytes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function hex(value: number, bytes = 1): string {
  return `0x${value.toString(16).padStart(bytes * 2, '0')}`;
}

/** `02.10` is how nobody writes it: 2.10. */
export function bcd(value: number): string {
  return `${(value >>> 8).toString(16)}.${(value & 0xff).toString(16).padStart(2, '0')}`;
}
