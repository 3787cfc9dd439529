import { hex } from '../../text/hex';

/**
 * Descriptors as tables: a layout names the fields of one descriptor in the order of its bytes, and both the parser
 * and the writer walk that one table. Bytes that are read and written again are the same, whatever they were: those
 * that the layout does not cover are kept as `rest`.
 */

/**
 * The value of a field, in a form that JSON has too: numbers, `0x` hex for 64 bits, hex digits for bytes, the usual
 * form of a UUID, lists, and lists of groups.
 */
export type DescriptorValue = number | string | readonly number[] | readonly Values[];

/** Fields by the specification's names, in the order of the bytes; a short descriptor lacks some. */
export interface Values {
  readonly [name: string]: DescriptorValue | undefined;
}

/** The facts that a meaning may depend on beside the field itself. */
export interface MeaningScope {
  /** The other fields of the descriptor. */
  values: Values;
  /** The device's speed in Mbit/s; null where it is not known. */
  speedMbps: number | null;
  /** The transfer type (bits 0 and 1 of bmAttributes) of the endpoint that the descriptor stands behind. */
  endpointType?: number;
  /** The names of the device's vendor and product in the name database. */
  vendorName: string | null;
  productName: string | null;
  /** The text behind a string index, where it is known. */
  string(index: number): string | undefined;
}

/** Returns the meaning of a value in words: several where bits mean something each. Null: nothing to say. */
export type Meaning<V> = (value: V, scope: MeaningScope) => string | readonly string[] | null;

/** The form in which a person reads a number. */
export type Notation = 'decimal' | 'hex' | 'bcd' | 'text';

export interface Field<N extends string = string, V extends DescriptorValue = DescriptorValue> {
  readonly name: N;
  /** The length in bytes of one item of a list, of all of any other field. */
  readonly unit: number;
  readonly notation: Notation;
  /** The fields of one item of a list of groups. */
  readonly group?: readonly AnyField[];
  /** Returns the length in bytes, given the fields before it and the bytes that are left; null where it is left out. */
  size(values: Values, left: number): number | null;
  /** Returns the length of an item where a field before says it. */
  unitIn?(values: Values): number;
  read(bytes: Buffer, values: Values): V;
  write(value: V, values: Values): Buffer;
  means(value: V, scope: MeaningScope): string | readonly string[] | null;
}

/** A field whose types are not known here. Methods are bivariant, so each field is one. */
export type AnyField = Field;

export interface Layout<F extends readonly AnyField[] = readonly AnyField[]> {
  /** The name for programs: `endpoint`, `uac1.featureUnit`. */
  readonly id: string;
  /** The name for people. */
  readonly title: string;
  readonly fields: F;
}

export type ValueOf<F> = F extends Field<string, infer V> ? V : never;

/** The values of a layout, typed: each field by its name. */
export type ValuesOf<L extends Layout> = {
  readonly [F in L['fields'][number] as F['name']]?: ValueOf<F>;
};

export interface Decoded<V> {
  values: V;
  /** The bytes that the layout does not cover: behind its last field, or of a field that is cut off. */
  rest: Buffer;
  /** The field that is cut off, or that nothing is left for; null where the descriptor holds all of its layout. */
  missing: string | null;
}

export function layout<const F extends readonly AnyField[]>(id: string, title: string, ...fields: F): Layout<F> {
  return { id, title, fields };
}

/** Reads the fields of a layout; never fails, whatever the bytes. */
export function decode<L extends Layout>(layout: L, bytes: Buffer): Decoded<ValuesOf<L>> {
  const values: Record<string, DescriptorValue> = {};
  let offset = 0;
  for (const field of layout.fields) {
    const left = bytes.length - offset;
    const wanted = field.size(values, left);
    if (wanted === null) continue;
    // A list that is cut off keeps the items that are whole.
    const unit = field.unitIn?.(values) ?? field.unit;
    const isWhole = wanted <= left;
    const size = isWhole ? wanted : left - (left % unit);
    if (isWhole || (size > 0 && unit < wanted)) {
      values[field.name] = field.read(bytes.subarray(offset, offset + size), values);
      offset += size;
    }
    if (!isWhole) return { values: values as ValuesOf<L>, rest: bytes.subarray(offset), missing: field.name };
  }
  return { values: values as ValuesOf<L>, rest: bytes.subarray(offset), missing: null };
}

/**
 * Writes the fields of a layout, the inverse of {@link decode}. Fields without a value are left out; bLength, where it
 * has none, becomes what the descriptor takes.
 *
 * @throws RangeError where a value does not fit its field
 */
export function encode<L extends Layout>(layout: L, values: ValuesOf<L>, rest: Buffer = Buffer.alloc(0)): Buffer {
  const given = values as Values;
  const pieces: Buffer[] = [];
  const needsLength = given['bLength'] === undefined && Object.keys(given).length > 0;
  for (const field of layout.fields) {
    const value = given[field.name] ?? (field.name === 'bLength' && needsLength ? 0 : undefined);
    if (value !== undefined) pieces.push(field.write(value, given));
  }
  const bytes = Buffer.concat([...pieces, rest]);
  if (needsLength && layout.fields[0]?.name === 'bLength') bytes.writeUInt8(bytes.length, 0);
  return bytes;
}

// Fields

const NOTHING = () => null;

/** Returns a count or a length, from the fields before and the number of bytes that are left. */
export type Sizing = (values: Values, left: number) => number;

function scalar<N extends string>(
  name: N,
  unit: number,
  notation: Notation,
  means: Meaning<number> = NOTHING,
): Field<N, number> {
  return {
    name,
    unit,
    notation,
    size: () => unit,
    read: (bytes) => bytes.readUIntLE(0, unit),
    write: (value) => unsigned(value, unit),
    means,
  };
}

function unsigned(value: number, unit: number): Buffer {
  const bytes = Buffer.alloc(unit);
  bytes.writeUIntLE(value, 0, unit);
  return bytes;
}

type ScalarField = <const N extends string>(name: N, means?: Meaning<number>) => Field<N, number>;

/** Fields of counts and sizes. */
export const u8: ScalarField = (name, means) => scalar(name, 1, 'decimal', means);
export const u16: ScalarField = (name, means) => scalar(name, 2, 'decimal', means);
export const u24: ScalarField = (name, means) => scalar(name, 3, 'decimal', means);
export const u32: ScalarField = (name, means) => scalar(name, 4, 'decimal', means);
/** Fields of bits and codes. */
export const x8: ScalarField = (name, means) => scalar(name, 1, 'hex', means);
export const x16: ScalarField = (name, means) => scalar(name, 2, 'hex', means);
export const x32: ScalarField = (name, means) => scalar(name, 4, 'hex', means);
/** Binary coded decimal: 0x0210 is 2.10. */
export const bcd16: ScalarField = (name, means) => scalar(name, 2, 'bcd', means);

/** A field with the index of a string, 0 for none. */
export function string8<const N extends string>(name: N): Field<N, number> {
  return scalar(name, 1, 'decimal', (index, { string }) => (index === 0 ? null : (string(index) ?? null)));
}

export function x64<const N extends string>(name: N, means: Meaning<string> = NOTHING): Field<N, string> {
  return {
    name,
    unit: 8,
    notation: 'text',
    size: () => 8,
    read: (bytes) => hex(bytes.readBigUInt64LE(0), 16),
    write: (value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value));
      return bytes;
    },
    means,
  };
}

/** The order in which Microsoft's GUIDs and the USB specifications keep a UUID: the first three parts little-endian. */
const UUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

export function uuid<const N extends string>(name: N, means: Meaning<string> = NOTHING): Field<N, string> {
  return {
    name,
    unit: 16,
    notation: 'text',
    size: () => 16,
    read: (bytes) => {
      const digits = Buffer.from(UUID_ORDER.map((i) => bytes.readUInt8(i))).toString('hex');
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
    write: (value) => {
      const inOrder = fromHex(value.replaceAll('-', ''), 16);
      return Buffer.from(UUID_ORDER.map((i) => inOrder.readUInt8(i)));
    },
    means,
  };
}

/** A field of bytes that are shown in hex; without `size`, all that are left. */
export function bytes<const N extends string>(
  name: N,
  size: Sizing = (_, left) => left,
  means: Meaning<string> = NOTHING,
): Field<N, string> {
  return {
    name,
    unit: 1,
    notation: 'text',
    size: (values, left) => Math.max(0, size(values, left)),
    read: (value) => value.toString('hex'),
    write: (value) => fromHex(value),
    means,
  };
}

/** A field of ASCII without its trailing NULs, in a place of fixed size. */
export function ascii<const N extends string>(name: N, size: number): Field<N, string> {
  return {
    name,
    unit: size,
    notation: 'text',
    size: () => size,
    // Hex where the text would not give the same bytes again.
    read: (value) => {
      const text = value.toString('latin1').replace(/\0+$/, '');
      return /^[\x20-\x7e]*$/.test(text) && !text.startsWith('0x') ? text : `0x${value.toString('hex')}`;
    },
    write: (value) => {
      if (value.startsWith('0x')) return fromHex(value.slice(2), size);
      if (value.length > size) throw new RangeError(`longer than ${size} bytes: ${value.slice(0, 64)}`);
      const bytes = Buffer.alloc(size);
      bytes.write(value, 'latin1');
      return bytes;
    },
    means: NOTHING,
  };
}

function fromHex(text: string, length?: number): Buffer {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length * 2 !== text.length || (length !== undefined && bytes.length !== length))
    throw new RangeError(`not ${length ?? 'whole'} bytes of hex: ${text.slice(0, 64)}`);
  return bytes;
}

/** A list of numbers of `unit` bytes each; without `count`, as many as are left. */
export function list<const N extends string>(
  name: N,
  unit: number,
  count: Sizing = (_, left) => Math.floor(left / unit),
  { notation = 'decimal', means }: { notation?: Notation; means?: Meaning<number> } = {},
): Field<N, readonly number[]> {
  return {
    name,
    unit,
    notation,
    size: (values, left) => Math.max(0, count(values, left)) * unit,
    read: (bytes) =>
      bytes.length === 0 ? [] : Array.from({ length: bytes.length / unit }, (_, i) => bytes.readUIntLE(i * unit, unit)),
    write: (items) => Buffer.concat(items.map((item) => unsigned(item, unit))),
    means: (items, scope) => {
      if (means === undefined) return null;
      const meanings = items.map((item) => [means(item, scope) ?? []].flat().join(', '));
      return meanings.every((text) => text === '') ? null : meanings;
    },
  };
}

/** A {@link list} with items as large as the field `unitName` says: 1 to 6 bytes, else nothing is read of it. */
export function sizedList<const N extends string>(
  name: N,
  unitName: string,
  count: (values: Values, left: number, unit: number) => number,
  means: Meaning<number>,
): Field<N, readonly number[]> {
  const unitIn = (values: Values) => numberOf(values, unitName);
  const readable = (unit: number) => unit >= 1 && unit <= 6;
  return {
    ...list(name, 1, undefined, { notation: 'hex', means }),
    unitIn: (values) => (readable(unitIn(values)) ? unitIn(values) : Number.MAX_SAFE_INTEGER),
    size: (values, left) => {
      const unit = unitIn(values);
      if (unit === 0) return 0;
      return readable(unit) ? Math.max(0, count(values, left, unit)) * unit : left + 1;
    },
    read: (bytes, values) => list(name, unitIn(values)).read(bytes, values),
    write: (items, values) => list(name, unitIn(values)).write(items, values),
  };
}

/** Groups of fields of fixed size, one behind the other. */
export function groups<const N extends string>(
  name: N,
  count: Sizing,
  ...group: readonly AnyField[]
): Field<N, readonly Values[]> {
  const sizes = group.map((field) => field.size({}, Number.MAX_SAFE_INTEGER) ?? 0);
  const unit = sizes.reduce((sum, size) => sum + size, 0);
  return {
    name,
    unit,
    notation: 'text',
    group,
    size: (values, left) => Math.max(0, count(values, left)) * unit,
    read: (bytes) =>
      Array.from({ length: bytes.length / unit }, (_, i) => {
        const values: Record<string, DescriptorValue> = {};
        let offset = i * unit;
        for (const [j, field] of group.entries()) {
          const end = offset + (sizes[j] ?? 0);
          values[field.name] = field.read(bytes.subarray(offset, end), values);
          offset = end;
        }
        return values;
      }),
    write: (items) =>
      Buffer.concat(items.flatMap((values) => group.map((field) => field.write(values[field.name] ?? 0, values)))),
    means: NOTHING,
  };
}

/** Makes a field that is only there where the fields before say so. */
export function when<F extends AnyField>(field: F, there: (values: Values, left: number) => boolean): F {
  return { ...field, size: (values: Values, left: number) => (there(values, left) ? field.size(values, left) : null) };
}

/** Returns the number that a field has; 0 where it is not there. */
export function numberOf(values: Values, name: string): number {
  const value = values[name];
  return typeof value === 'number' ? value : 0;
}

/** Sizes a list by a field before it. */
export const counted =
  (name: string): Sizing =>
  (values) =>
    numberOf(values, name);

/** Sizes a list to all that is left but the last `after` bytes, in items of `unit` bytes. */
export const allBut =
  (after: number, unit = 1): Sizing =>
  (_, left) =>
    Math.floor((left - after) / unit);
