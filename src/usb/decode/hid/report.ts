/** HID report descriptors: items of a prefix and up to 4 bytes of data, or long ones (HID 1.11, chapter 6.2.2). */

import { field, hex, setBits } from '../meaning';
import { usageName, usagePageName } from './usages';

export interface ReportItem {
  /** Its first byte: the size of the data in bits 0 and 1, the type in 2 and 3, the tag in 4 to 7. */
  prefix: number;
  /** Of a long item, its tag; undefined: a short item. */
  longTag?: number;
  /** As it stands: signed where the tag is one of a signed value is up to who reads it. Little-endian. */
  data: Buffer;
}

export interface ReportDescriptor {
  items: ReportItem[];
  /** The bytes of an item that is cut off. */
  rest: Buffer;
}

/** One line of a report descriptor, decoded. */
export interface ReportLine {
  /** How many collections are open around it. */
  depth: number;
  tag: string;
  value: number;
  means: string | null;
}

const LONG_ITEM = 0xfe;

export function decodeReport(bytes: Buffer): ReportDescriptor {
  const items: ReportItem[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const prefix = bytes.readUInt8(offset);
    const isLong = prefix === LONG_ITEM;
    // A long item: the size of its data, its tag, and the data.
    if (isLong && offset + 3 > bytes.length) break;
    const start = offset + (isLong ? 3 : 1);
    const end = start + (isLong ? bytes.readUInt8(offset + 1) : dataSize(prefix));
    if (end > bytes.length) break;
    const data = bytes.subarray(start, end);
    items.push(isLong ? { prefix, longTag: bytes.readUInt8(offset + 2), data } : { prefix, data });
    offset = end;
  }
  return { items, rest: bytes.subarray(offset) };
}

export function encodeReport({ items, rest }: ReportDescriptor): Buffer {
  const pieces = items.map(({ prefix, longTag, data }) =>
    Buffer.concat([Buffer.from(longTag === undefined ? [prefix] : [prefix, data.length, longTag]), data]),
  );
  return Buffer.concat([...pieces, rest]);
}

/** 0, 1, 2 or 4 bytes. */
function dataSize(prefix: number): number {
  return (prefix & 3) === 3 ? 4 : prefix & 3;
}

/** By the prefix without its size: type in bits 2 and 3, tag in 4 to 7. */
const TAGS: Readonly<Record<number, string>> = {
  128: 'Input',
  144: 'Output',
  176: 'Feature',
  160: 'Collection',
  192: 'End Collection',
  4: 'Usage Page',
  20: 'Logical Minimum',
  36: 'Logical Maximum',
  52: 'Physical Minimum',
  68: 'Physical Maximum',
  84: 'Unit Exponent',
  100: 'Unit',
  116: 'Report Size',
  132: 'Report ID',
  148: 'Report Count',
  164: 'Push',
  180: 'Pop',
  8: 'Usage',
  24: 'Usage Minimum',
  40: 'Usage Maximum',
  56: 'Designator Index',
  72: 'Designator Minimum',
  88: 'Designator Maximum',
  120: 'String Index',
  136: 'String Minimum',
  152: 'String Maximum',
  168: 'Delimiter',
};

/** A minimum is signed; the maximum behind it is where that is negative (as the kernel's hid-core.c reads them). */
const MINIMUM = new Set([0x14, 0x34]);
const MAXIMUM = new Set([0x24, 0x44]);
const COLLECTIONS = ['Physical', 'Application', 'Logical', 'Report', 'Named Array', 'Usage Switch', 'Usage Modifier'];

/** How deep Push may go before it is ignored: real descriptors use one or two. */
const DEEPEST = 64;

/** What the items say, one by one, with the usage page that counts at each. */
export function describeReport({ items }: ReportDescriptor): ReportLine[] {
  const lines: ReportLine[] = [];
  const pages: number[] = [];
  const minima = new Map<number, number>();
  let page = 0;
  let depth = 0;
  for (const { prefix, longTag, data } of items) {
    if (longTag !== undefined) {
      lines.push({ depth, tag: `Long Item ${hex(longTag)}`, value: data.length, means: data.toString('hex') });
      continue;
    }
    const kind = prefix & 0xfc;
    const isSigned = MINIMUM.has(kind) || (MAXIMUM.has(kind) && (minima.get(kind - 0x10) ?? 0) < 0);
    const value = data.length === 0 ? 0 : isSigned ? data.readIntLE(0, data.length) : data.readUIntLE(0, data.length);
    if (MINIMUM.has(kind)) minima.set(kind, value);
    if (kind === 0xc0) depth = Math.max(0, depth - 1);
    lines.push({
      depth,
      tag: TAGS[kind] ?? `Reserved Item ${hex(kind)}`,
      value,
      means: itemMeaning(kind, value, data.length, page),
    });
    if (kind === 0xa0) depth++;
    else if (kind === 0x04) page = value;
    else if (kind === 0xa4 && pages.length < DEEPEST) pages.push(page);
    else if (kind === 0xb4) page = pages.pop() ?? page;
  }
  return lines;
}

function itemMeaning(kind: number, value: number, size: number, page: number): string | null {
  switch (kind) {
    case 0x80:
    case 0x90:
    case 0xb0:
      return mainFlags(value, kind !== 0x80).join(', ');
    case 0xa0:
      return COLLECTIONS[value] ?? (value >= 0x80 ? 'vendor defined' : 'reserved');
    case 0x04:
      return usagePageName(value);
    case 0x08:
    case 0x18:
    case 0x28:
      // Four bytes: a usage with its page.
      return size === 4 ? usage(field(value, 16, 16), field(value, 0, 16)) : usageName(page, value);
    case 0x54:
      return `10^${value > 7 ? (value & 0xf) - 16 : value}`;
    case 0x64:
      return unitName(value);
    case 0xa8:
      return value === 1 ? 'open set' : 'close set';
    default:
      return null;
  }
}

function usage(page: number, id: number): string | null {
  const name = usageName(page, id);
  const pageName = usagePageName(page);
  return name === null ? pageName : `${pageName ?? hex(page, 2)}: ${name}`;
}

/** HID 1.11, chapter 6.2.2.5; Volatile is reserved in an input item. */
function mainFlags(value: number, canBeVolatile: boolean): string[] {
  const flags = [
    ['Data', 'Constant'],
    ['Array', 'Variable'],
    ['Absolute', 'Relative'],
    ['', 'Wrap'],
    ['', 'Non Linear'],
    ['', 'No Preferred State'],
    ['', 'Null State'],
    ['', canBeVolatile ? 'Volatile' : 'reserved bit 7'],
    ['', 'Buffered Bytes'],
  ].map((names, bit) => names[field(value, bit, 1)] ?? '');
  return [...flags.filter((name) => name !== ''), ...setBits(value - (value % 512), [])];
}

const SYSTEMS = ['none', 'SI Linear', 'SI Rotation', 'English Linear', 'English Rotation'];
const DIMENSIONS: readonly (readonly string[])[] = [
  ['cm', 'rad', 'in', 'deg'],
  ['g', 'g', 'slug', 'slug'],
  ['s', 's', 's', 's'],
  ['K', 'K', 'F', 'F'],
  ['A', 'A', 'A', 'A'],
  ['cd', 'cd', 'cd', 'cd'],
];

/** A system in bits 0 to 3, then for each dimension four bits of exponent in two's complement. */
function unitName(value: number): string {
  const system = field(value, 0, 4);
  if (system === 0) return 'none';
  if (system === 15) return 'vendor defined';
  const factors = DIMENSIONS.map((names, i) => {
    const nibble = field(value, 4 * (i + 1), 4);
    const exponent = nibble > 7 ? nibble - 16 : nibble;
    return exponent === 0 ? '' : `${names[system - 1] ?? '?'}${exponent === 1 ? '' : `^${exponent}`}`;
  }).filter((factor) => factor !== '');
  return `${SYSTEMS[system] ?? 'reserved system'}${factors.length === 0 ? '' : `: ${factors.join(' ')}`}`;
}
