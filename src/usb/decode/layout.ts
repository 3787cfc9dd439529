/**
 * Descriptors as tables: a layout names the fields of one descriptor in the order of its bytes, and both the parser
 * and the writer walk that one table. So what is read and written again is the same bytes, whatever they were: where a
 * descriptor is shorter than its layout or longer, what the layout does not cover is kept as `rest`.
 */

/**
 * What a field holds, in a form that JSON has too: numbers, `0x` hex for 64 bits, hex digits for bytes, the usual form
 * of a UUID, lists, and lists of groups.
 */
export type Value = number | string | readonly number[] | readonly Values[];

/** By the specification's names, in the order of the bytes; what a short descriptor has not is absent. */
export interface Values {
  readonly [name: string]: Value | undefined;
}

/** What a meaning may depend on beside the field itself. */
export interface MeaningScope {
  /** The other fields of the descriptor. */
  values: Values;
  /** In Mbit/s; null where it is not known. */
  speedMbps: number | null;
  /** Of a descriptor behind an endpoint: bits 0 and 1 of that one's bmAttributes. */
  endpointType?: number;
  /** What usb.ids calls the device's vendor and the device. */
  vendorName: string | null;
  productName: string | null;
  /** The text behind a string index, where it is known. */
  string(index: number): string | undefined;
}

/** What a value means, in words: several where bits mean something each. Null: nothing to say. */
export type Meaning<V> = (value: V, scope: MeaningScope) => string | readonly string[] | null;

/** How a person reads it. */
export type Notation = 'decimal' | 'hex' | 'bcd' | 'text';

export interface Field<N extends string = string, V extends Value = Value> {
  readonly name: N;
  /** Bytes of one item; of a field that is no list, of all of it. */
  readonly unit: number;
  readonly notation: Notation;
  /** For a group: what it consists of. */
  readonly group?: readonly AnyField[];
  /** How many bytes it takes, given the fields before it and the bytes that are left; null where it is left out. */
  size(values: Values, left: number): number | null;
  /** Of a list whose items are as large as a field before says: that size. */
  unitIn?(values: Values): number;
  read(bytes: Buffer, values: Values): V;
  write(value: V, values: Values): Buffer;
  means(value: V, scope: MeaningScope): string | readonly string[] | null;
}

/** A field whose types are not known here: in a list of fields. Methods are bivariant, so each field is one. */
export type AnyField = Field;

export interface Layout<F extends readonly AnyField[] = readonly AnyField[]> {
  /** For programs: `endpoint`, `uac1.featureUnit`. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  readonly fields: F;
}

type ValueOf<F> = F extends Field<string, infer V> ? V : never;

/** The values of a layout, typed: each field by its name. */
export type ValuesOf<L extends Layout> = {
  readonly [F in L['fields'][number] as F['name']]?: ValueOf<F>;
};

export interface Decoded<V> {
  values: V;
  /** What the layout does not cover: longer than it, or cut off within a field. */
  rest: Buffer;
  /** The field that is cut off, or that nothing is left for; null where the descriptor holds all of its layout. */
  missing: string | null;
}

export function layout<const F extends readonly AnyField[]>(id: string, title: string, ...fields: F): Layout<F> {
  return { id, title, fields };
}

/** Reads the fields of a layout; never fails, whatever the bytes. */
export function decode<L extends Layout>(layout: L, bytes: Buffer): Decoded<ValuesOf<L>> {
  const values: Record<string, Value> = {};
  let offset = 0;
  for (const field of layout.fields) {
    const left = bytes.length - offset;
    const wanted = field.size(values, left);
    if (wanted === null) continue;
    // Of a list that is cut off, the items that are whole.
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

/** How many, how large: from the fields before, and from the bytes that are left. */
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

/** Counts and sizes. */
export const u8: ScalarField = (name, means) => scalar(name, 1, 'decimal', means);
export const u16: ScalarField = (name, means) => scalar(name, 2, 'decimal', means);
export const u24: ScalarField = (name, means) => scalar(name, 3, 'decimal', means);
export const u32: ScalarField = (name, means) => scalar(name, 4, 'decimal', means);
/** Bits and codes. */
export const x8: ScalarField = (name, means) => scalar(name, 1, 'hex', means);
export const x16: ScalarField = (name, means) => scalar(name, 2, 'hex', means);
export const x32: ScalarField = (name, means) => scalar(name, 4, 'hex', means);
/** Binary coded decimal: 0x0210 is 2.10. */
export const bcd16: ScalarField = (name, means) => scalar(name, 2, 'bcd', means);

/** An index of a string, 0 for none. */
export function string8<const N extends string>(name: N): Field<N, number> {
  return scalar(name, 1, 'decimal', (index, { string }) => (index === 0 ? null : (string(index) ?? null)));
}

export function x64<const N extends string>(name: N, means: Meaning<string> = NOTHING): Field<N, string> {
  return {
    name,
    unit: 8,
    notation: 'text',
    size: () => 8,
    read: (bytes) => `0x${bytes.readBigUInt64LE(0).toString(16).padStart(16, '0')}`,
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

/** Bytes that are shown as they are; without `size`, all that are left. */
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

/** ASCII without its trailing NULs, in a place of fixed size. */
export function ascii<const N extends string>(name: N, size: number): Field<N, string> {
  return {
    name,
    unit: size,
    notation: 'text',
    size: () => size,
    // As hex where the text would not give the same bytes again.
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

/** As {@link list}, with items as large as the field `unitName` says: 1 to 6 bytes, else nothing is read of it. */
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
        const values: Record<string, Value> = {};
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

/** A field that is only there where the fields before say so. */
export function when<F extends AnyField>(field: F, there: (values: Values, left: number) => boolean): F {
  return { ...field, size: (values: Values, left: number) => (there(values, left) ? field.size(values, left) : null) };
}

/** The number that a field before has; 0 where it is not there. */
export function numberOf(values: Values, name: string): number {
  const value = values[name];
  return typeof value === 'number' ? value : 0;
}

/** As many as a field before says. */
export const counted =
  (name: string): Sizing =>
  (values) =>
    numberOf(values, name);

/** All that is left but the last `after` bytes, in items of `unit` bytes. */
export const allBut =
  (after: number, unit = 1): Sizing =>
  (_, left) =>
    Math.floor((left - after) / unit);
