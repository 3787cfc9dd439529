/** HID report descriptors: items of a prefix and up to 4 bytes of data, or long ones (HID 1.11, chapter 6.2.2). */

import { hex } from '../../../text/hex';
import { field, setBits } from '../meaning';
import { usageName, usagePageName } from './usages';

export interface ReportItem {
  /** Its first byte: the size of the data in bits 0 and 1, the type in 2 and 3, the tag in 4 to 7. */
  prefix: number;
  /** The tag of a long item; undefined: a short item. */
  longTag?: number;
  /** Little-endian; whether it is signed depends on the tag. */
  data: Buffer;
}

export interface ReportDescriptor {
  items: ReportItem[];
  /** The bytes of an item that is cut off. */
  rest: Buffer;
}

/** One item, decoded. */
export interface ReportLine {
  /** The number of collections that are open around it. */
  depth: number;
  /** Hex of the whole item. */
  bytes: string;
  tag: string;
  value: number;
  means: string | null;
}

/** The length of one report. */
export interface ReportSize {
  type: 'input' | 'output' | 'feature';
  /** Null where the device's reports have no IDs. */
  id: number | null;
  /** The sum of its fields. */
  bits: number;
  /** The length on the bus: the fields filled up to whole bytes, and the ID where there is one. */
  bytes: number;
}

export interface DescribedReport {
  items: ReportLine[];
  /** Each report that has fields, in the order in which they begin. */
  sizes: ReportSize[];
  /** The faults of the descriptor, for people. */
  notes: string[];
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
  return Buffer.concat([...items.map(itemBytes), rest]);
}

function itemBytes({ prefix, longTag, data }: ReportItem): Buffer {
  return Buffer.concat([Buffer.from(longTag === undefined ? [prefix] : [prefix, data.length, longTag]), data]);
}

/** Returns the length of a short item's data: 0, 1, 2 or 4 bytes. */
function dataSize(prefix: number): number {
  return (prefix & 3) === 3 ? 4 : prefix & 3;
}

/** The tags by the prefix without its size: type in bits 2 and 3, tag in 4 to 7. */
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

/** A minimum is signed; a maximum is where its minimum is negative (as the kernel's hid-core.c reads them). */
const MINIMA: Readonly<Record<number, 'logicalMinimum' | 'physicalMinimum'>> = {
  20: 'logicalMinimum',
  52: 'physicalMinimum',
};
const MAXIMA: typeof MINIMA = { 36: 'logicalMinimum', 68: 'physicalMinimum' };
const UNIT_EXPONENT = 0x54;
const REPORT_TYPES: Readonly<Record<number, ReportSize['type']>> = { 128: 'input', 144: 'output', 176: 'feature' };
const COLLECTIONS = ['Physical', 'Application', 'Logical', 'Report', 'Named Array', 'Usage Switch', 'Usage Modifier'];

/** Pushes beyond this depth are ignored: real descriptors use one or two, the kernel allows 4. */
const DEEPEST = 64;
/** The largest Report Size in bits that the kernel takes (hid-core.c). */
const LARGEST_FIELD = 256;

/** The items that last until they are given anew; Push keeps them, Pop brings them back. */
interface Globals {
  page: number;
  reportSize: number;
  reportCount: number;
  reportId: number | null;
  logicalMinimum: number;
  physicalMinimum: number;
}

/**
 * Decodes a report descriptor for people: its items one by one, the reports they make up, and what is wrong with it.
 */
export function describeReport({ items, rest }: ReportDescriptor): DescribedReport {
  const lines: ReportLine[] = [];
  const sizes = new ReportSizes();
  const faults = new ReportFaults();
  const pushed: Globals[] = [];
  let globals: Globals = {
    page: 0,
    reportSize: 0,
    reportCount: 0,
    reportId: null,
    logicalMinimum: 0,
    physicalMinimum: 0,
  };
  let depth = 0;
  let openSets = 0;
  /** Usages since the last main item. */
  let usages: PagedUsage[] = [];
  for (const item of items) {
    const { prefix, longTag, data } = item;
    const bytes = itemBytes(item).toString('hex');
    if (longTag !== undefined) {
      lines.push({
        depth,
        bytes,
        tag: `Long Item ${hex(longTag, 2)}`,
        value: data.length,
        means: data.toString('hex'),
      });
      continue;
    }
    const kind = prefix & 0xfc;
    const value = itemValue(kind, data, globals);
    if (kind === 0xc0) {
      if (depth === 0) faults.add('End Collection without a collection to end');
      else depth--;
    }
    const { page } = globals;
    const line = {
      depth,
      bytes,
      tag: TAGS[kind] ?? `Reserved Item ${hex(kind, 2)}`,
      value,
      means: itemMeaning(kind, value),
    };
    lines.push(line);
    const reportType = REPORT_TYPES[kind];
    if (reportType !== undefined || kind === 0xa0 || kind === 0xc0) {
      applyPage(usages, page);
      usages = [];
    }
    if (reportType !== undefined) sizes.add(reportType, globals);
    switch (kind) {
      case 0xa0:
        depth++;
        break;
      case 0x08:
      case 0x18:
      case 0x28:
        // Four bytes hold the page too.
        if (data.length === 4) line.means = usageInPage(field(value, 16, 16), field(value, 0, 16));
        else {
          line.means = usageName(page, value);
          usages.push({ line, page });
        }
        break;
      case 0xa8:
        openSets += value === 1 ? 1 : openSets > 0 ? -1 : 0;
        break;
      case 0xa4:
        if (pushed.length < DEEPEST) pushed.push({ ...globals });
        break;
      case 0xb4: {
        const last = pushed.pop();
        if (last === undefined) faults.add('Pop without a Push before it');
        globals = last ?? globals;
        break;
      }
      default:
        setGlobal(globals, kind, value);
    }
    if (kind === 0x84 && value === 0) faults.add('Report ID 0, which is reserved');
    if (kind === 0x74 && value > LARGEST_FIELD)
      faults.add(`Report Size above ${LARGEST_FIELD} bits, which Linux refuses`);
  }
  if (depth > 0) faults.add(`${depth} collection${depth === 1 ? ' is' : 's are'} never ended`);
  if (openSets > 0) faults.add('a Delimiter set is never closed');
  if (rest.length > 0) faults.add(`ends within an item: ${rest.toString('hex')}`);
  return { items: lines, sizes: sizes.list(), notes: faults.list() };
}

/** A usage without a page of its own, and the page in force where it stands. */
interface PagedUsage {
  line: ReportLine;
  page: number;
}

/**
 * Names the usages of a main item anew by the page in force there (HID 1.11, chapter 5.4). Usages up to the last that
 * stands in this page keep theirs: gamepads change the page between the usages of one field, as the kernel allows
 * (hid_concatenate_last_usage_page).
 */
function applyPage(usages: readonly PagedUsage[], page: number): void {
  for (const { line } of usages.slice(usages.findLastIndex((usage) => usage.page === page) + 1))
    line.means = usageName(page, line.value);
}

/** ReportFaults, each told once, with the number of times that it was found. */
class ReportFaults {
  readonly #counts = new Map<string, number>();

  add(fault: string): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
  }

  list(): string[] {
    return [...this.#counts].map(([fault, count]) => (count === 1 ? fault : `${fault} (${count} times)`));
  }
}

class ReportSizes {
  readonly #bits = new Map<string, Omit<ReportSize, 'bytes'>>();

  add(type: ReportSize['type'], { reportId: id, reportSize, reportCount }: Globals): void {
    const key = `${type} ${id}`;
    const report = this.#bits.get(key) ?? { type, id, bits: 0 };
    report.bits += reportSize * reportCount;
    if (report.bits > 0) this.#bits.set(key, report);
  }

  list(): ReportSize[] {
    return [...this.#bits.values()].map((report) => ({
      ...report,
      bytes: Math.ceil(report.bits / 8) + (report.id === null ? 0 : 1),
    }));
  }
}

function itemValue(kind: number, data: Buffer, globals: Globals): number {
  if (data.length === 0) return 0;
  if (kind === UNIT_EXPONENT) return unitExponent(data);
  const maximumOf = MAXIMA[kind];
  const isSigned = MINIMA[kind] !== undefined || (maximumOf !== undefined && globals[maximumOf] < 0);
  return isSigned ? data.readIntLE(0, data.length) : data.readUIntLE(0, data.length);
}

/**
 * Reads a nibble in two's complement (HID 1.11, chapter 6.2.2.7), or, as some devices have it, a signed number of the
 * item's size.
 */
function unitExponent(data: Buffer): number {
  const value = data.readIntLE(0, data.length);
  return value > 7 && value < 16 ? value - 16 : value;
}

function setGlobal(globals: Globals, kind: number, value: number): void {
  const minimum = MINIMA[kind];
  if (minimum !== undefined) globals[minimum] = value;
  else if (kind === 0x04) globals.page = value;
  else if (kind === 0x74) globals.reportSize = value;
  else if (kind === 0x84) globals.reportId = value;
  else if (kind === 0x94) globals.reportCount = value;
}

/** Returns the meaning of an item's value on its own; usages need the page. */
function itemMeaning(kind: number, value: number): string | null {
  switch (kind) {
    case 0x80:
    case 0x90:
    case 0xb0:
      return mainFlags(value, kind !== 0x80).join(', ');
    case 0xa0:
      return COLLECTIONS[value] ?? (value >= 0x80 ? 'vendor defined' : 'reserved');
    case 0x04:
      return usagePageName(value);
    case UNIT_EXPONENT:
      return `10^${value}`;
    case 0x64:
      return unitName(value);
    case 0xa8:
      return value === 1 ? 'open set' : 'close set';
    default:
      return null;
  }
}

function usageInPage(page: number, id: number): string | null {
  const name = usageName(page, id);
  const pageName = usagePageName(page);
  return name === null ? pageName : `${pageName ?? hex(page, 4)}: ${name}`;
}

/** Names the flags of a main item (HID 1.11, chapter 6.2.2.5); Volatile is reserved in an input item. */
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

/** Reads a unit: a system in bits 0 to 3, then for each dimension an exponent of four bits in two's complement. */
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
