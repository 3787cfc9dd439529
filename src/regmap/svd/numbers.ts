/** Numbers as CMSIS-SVD writes them (its schema, scaledNonNegativeInteger and enumeratedValueDataType). */

/** The longest number has 64 binary digits, and a prefix. */
const LONGEST = 80;

const SCALE: Readonly<Record<string, bigint>> = { k: 1n << 10n, m: 1n << 20n, g: 1n << 30n, t: 1n << 40n };

/** Parses a decimal, `0x` hex, `0b` or `#` binary number, with a scale behind: `4k`. @returns null: it is none */
export function parseNumber(text: string | undefined): bigint | null {
  if (text === undefined || text.length > LONGEST) return null;
  const match = /^\+?(?:0x([0-9a-f]+)|(?:#|0b)([01]+)|(\d+))([kmgt]?)$/i.exec(text.trim());
  if (match === null) return null;
  const [, hex, binary, decimal, scale = ''] = match;
  const value = BigInt(hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : (decimal ?? '0'));
  const scaled = value * (SCALE[scale.toLowerCase()] ?? 1n);
  return scaled >> 64n === 0n ? scaled : null;
}

/** Parses a value of a field, in which an `x` is a bit that does not count: `#01xx`. @returns null: it is none */
export function parsePattern(text: string | undefined): { value: bigint; mask: bigint } | null {
  const digits = /^\+?(?:#|0b)([01x]+)$/i.exec(text?.trim() ?? '')?.[1]?.toLowerCase();
  if (digits === undefined || digits.length > 64) {
    const value = parseNumber(text);
    return value === null ? null : { value, mask: ~0n };
  }
  const value = BigInt(`0b${digits.replaceAll('x', '0')}`);
  const anything = BigInt(`0b${digits.replace(/[01]/g, '0').replaceAll('x', '1')}`);
  return { value, mask: ~anything };
}
