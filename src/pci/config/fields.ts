import { hex, hexDigits } from '../../text/hex';

// A small language for registers: a field is a function of its register's value, a register is a record of fields, and a
// capability is a record of registers. The tables in this folder are written in it.

/**
 * A decoded value: flags are booleans, counts are numbers, ids, masks and addresses are `"0x..."`, and what the
 * specification gives in words (speeds, latencies, states) is text.
 */
export type RegisterValue = boolean | number | string | null | readonly RegisterValue[] | Fields;

/** Decoded fields, in the order in which they are shown. */
export interface Fields {
  [name: string]: RegisterValue;
}

/** Decodes one field from the value of its register. */
export type RegisterField = (register: number) => RegisterValue;
export type RegisterLayout = Readonly<Record<string, RegisterField>>;

/** Part of a capability; undefined where the image does not reach that far. */
export type Part = (space: Space, base: number) => RegisterValue | undefined;
export type Parts = Readonly<Record<string, Part>>;

export type RegisterWidth = 1 | 2 | 4;

/**
 * Bytes of a configuration space, with what was read of them. Reads beyond the end give undefined and are remembered:
 * images are cut short, and pointers in them lead anywhere.
 */
export class Space {
  readonly bytes: Buffer;
  /** Bytes that reads may reach. */
  readonly length: number;
  /** The start of the next structure: lists end there, so that garbage of 4 KiB is not decoded to megabytes. */
  next: number;
  /** The offset behind the last byte that was read. */
  end = 0;
  /** True once a read went beyond the end. */
  cutOff = false;

  constructor(bytes: Buffer, length = bytes.length) {
    this.bytes = bytes;
    this.length = Math.min(length, bytes.length);
    this.next = this.length;
  }

  /** Reads an unsigned little-endian number. */
  read(offset: number, width: RegisterWidth): number | undefined {
    if (offset + width > this.length) {
      this.cutOff = true;
      return undefined;
    }
    this.end = Math.max(this.end, offset + width);
    return this.bytes.readUIntLE(offset, width);
  }

  /** Reads two registers as one number; undefined if not both are there. */
  read64(low: number, high: number): bigint | undefined {
    const [lower, upper] = [this.read(low, 4), this.read(high, 4)];
    return lower === undefined || upper === undefined ? undefined : (BigInt(upper) << 32n) | BigInt(lower);
  }
}

/** An id: so many hex digits, without `0x`, as vendors and devices are written. */
export function id(value: number, digits = 4): string {
  return hexDigits(value, digits);
}

/** Takes bits of a number below 2^32. Not with `<<` alone: JavaScript's operators are signed. */
export function bitsOf(register: number, low: number, width: number): number {
  return Math.floor(register / 2 ** low) % 2 ** width;
}

// Fields

export const flag =
  (bit: number): RegisterField =>
  (register) =>
    bitsOf(register, bit, 1) === 1;

/** Makes several flags, by their bits. */
export function flags(bits: Readonly<Record<string, number>>): RegisterLayout {
  return Object.fromEntries(Object.entries(bits).map(([name, bit]) => [name, flag(bit)]));
}

export const number = (low: number, width: number): RegisterField => by(low, width, (value) => value);

export const hexBits = (low: number, width: number): RegisterField =>
  by(low, width, (value) => hex(value, Math.ceil(width / 4)));

/** Gives each value of some bits its meaning; values without one in the list are reserved. */
export const choice = (low: number, width: number, meanings: readonly (string | undefined)[]): RegisterField =>
  by(low, width, (value) => meanings[value] ?? `reserved (${value})`);

export const by =
  (low: number, width: number, meaning: RegisterField): RegisterField =>
  (register) =>
    meaning(bitsOf(register, low, width));

/** Lists the names of the bits that are set, the first for bit `low`. */
export const setOf = (low: number, names: readonly string[]): RegisterField =>
  by(low, names.length, (value) => names.filter((_, bit) => bitsOf(value, bit, 1) === 1));

/** Writes a routing id: bus, device and function. */
export const routingId: RegisterField = (value) =>
  `${id(bitsOf(value, 8, 8), 2)}:${id(bitsOf(value, 3, 5), 2)}.${bitsOf(value, 0, 3)}`;

// Registers

/** Decodes a register with its fields; its value is there too, as `value`. */
export const register =
  (offset: number, width: RegisterWidth, layout: RegisterLayout): Part =>
  (space, base) => {
    const value = space.read(base + offset, width);
    return value === undefined ? undefined : { value: hex(value, 2 * width), ...fieldsOf(value, layout) };
  };

/** Decodes a register that is one value. */
export const value =
  (offset: number, width: RegisterWidth, meaning: RegisterField = (number) => number): Part =>
  (space, base) => {
    const read = space.read(base + offset, width);
    return read === undefined ? undefined : meaning(read);
  };

/** Shows a register that is a mask, or has no meaning of its own. */
export const raw = (offset: number, width: RegisterWidth): Part => value(offset, width, (read) => hex(read, 2 * width));

/** Shows two registers that are one 64-bit mask or address, the lower first. */
export const raw64 =
  (offset: number, mask = ~0n): Part =>
  (space, base) => {
    const read = space.read64(base + offset, base + offset + 4);
    return read === undefined ? undefined : hex(BigInt.asUintN(64, read & mask), 16);
  };

export function fieldsOf(register: number, layout: RegisterLayout): Fields {
  return Object.fromEntries(Object.entries(layout).map(([name, field]) => [name, field(register)]));
}

/** Decodes the parts that the image has. */
export function decodeParts(space: Space, base: number, parts: Parts): Fields {
  const fields: Fields = {};
  for (const [name, part] of Object.entries(parts)) {
    const decoded = part(space, base);
    if (decoded !== undefined) fields[name] = decoded;
  }
  return fields;
}

/**
 * Decodes the part of a structure that repeats. Ends where the image or the next structure begins.
 *
 * @param decode gets the index; undefined where the image does not reach that far
 */
export function repeat(space: Space, count: number, decode: (index: number) => Fields | undefined): Fields[] {
  const found: Fields[] = [];
  for (let index = 0; index < count; index++) {
    const { end } = space;
    const fields = decode(index);
    if (fields === undefined || Object.keys(fields).length === 0 || space.end > space.next) {
      space.cutOff = true;
      // Bytes of the next structure are not part of this one.
      space.end = end;
      break;
    }
    found.push(fields);
  }
  return found;
}
