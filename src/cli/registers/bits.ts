import type { BitField } from '../../model/location';
import { visible } from '../output/escape';

/** Bits in a row of a picture, and columns of each: 80 columns hold no more. */
const BITS = 16;
const COLUMNS = 4;

/** Returns `7:4`, or `3` for one bit. */
export function bitsText({ lsb, bits }: BitField): string {
  return bits === 1 ? `${lsb}` : `${lsb + bits - 1}:${lsb}`;
}

/**
 * Draws the bits of a register in rows of 16, the highest first. A name that is wider than its bits is cut, and bits
 * without a field are dots.
 */
export function drawBits(width: number, fields: readonly (BitField & { name: string })[]): string[] {
  const lines: string[] = [];
  for (let high = Math.ceil(width / BITS) * BITS - 1; high >= 0; high -= BITS) {
    const cells = row(Math.min(high, width - 1), high - BITS + 1, fields);
    const edge = `+${cells.map(({ bits }) => '-'.repeat(bits * COLUMNS - 1)).join('+')}+`;
    lines.push(` ${cells.map(numbers).join(' ')}`.trimEnd(), edge, `|${cells.map(label).join('|')}|`, edge);
  }
  return lines;
}

interface Cell {
  high: number;
  bits: number;
  name: string | null;
}

/** Lists the cells of the bits from `high` down to `low`; where fields overlap, the first in the file is shown. */
function row(high: number, low: number, fields: readonly (BitField & { name: string })[]): Cell[] {
  const cells: Cell[] = [];
  for (let bit = high; bit >= low; ) {
    const field = fields.find(({ lsb, bits }) => bit >= lsb && bit < lsb + bits);
    const bits = field === undefined ? 1 : bit - Math.max(field.lsb, low) + 1;
    cells.push({ high: bit, bits, name: field?.name ?? null });
    bit -= bits;
  }
  return cells;
}

/** The numbers of a cell's highest and lowest bit, at its ends. */
function numbers({ high, bits }: Cell): string {
  const columns = bits * COLUMNS - 1;
  const low = bits === 1 ? '' : String(high - bits + 1);
  return `${String(high).padEnd(columns - low.length)}${low}`;
}

function label({ bits, name }: Cell): string {
  const columns = bits * COLUMNS - 1;
  const text = name === null ? '.' : visible(name).slice(0, columns);
  const left = Math.floor((columns - text.length) / 2);
  return `${' '.repeat(left)}${text}`.padEnd(columns);
}
