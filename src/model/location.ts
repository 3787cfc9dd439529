import { usageError } from '../errors';
import type { Width, Word } from '../sys/sys';
import { hex } from '../text/hex';
import type { Region } from './device';
import { checkRange, checkValue, type Registers } from './registers';

/** A register: `REGION:OFFSET[/WIDTH]`, or one that a map names. */
export interface Location {
  region: string;
  offset: number;
  width: Width;
  /** Present where the register is spread over several accesses. */
  words?: WordLayout;
  /** The bits that are meant: a value is shifted and masked, and a write of them reads the register first. */
  field?: BitField;
}

/** The pieces of a wide register, the most significant first. */
export interface WordLayout {
  count: number;
  /** Bits of each that mean something, from bit 0 on. */
  bits: number;
  /** Bytes from one to the next. */
  stride: number;
}

export interface BitField {
  /** The lowest bit. */
  lsb: number;
  bits: number;
}

/** The source of the regions that locations name. */
export interface RegionSource {
  region(name: string): Registers;
}

/** Returns the bits of a location's register, whatever field is meant. */
export function registerBits({ width, words }: Location): number {
  return words === undefined ? 8 * width : words.count * words.bits;
}

/** Returns the bits of a location's value. */
export function valueBits(location: Location): number {
  return location.field?.bits ?? registerBits(location);
}

/** Tells whether a write has to read the register first: the location is a field, and there are other bits. */
export function readsBeforeWrite(location: Location): boolean {
  return location.field !== undefined && location.field.bits < registerBits(location);
}

/** Returns bytes from the location's first to its last. */
export function spanOf({ width, words }: Location): number {
  return words === undefined ? width : (words.count - 1) * words.stride + width;
}

/** Takes a field's value out of its register's. */
export function extractField(value: Word, { lsb, bits }: BitField): Word {
  return toWord((BigInt(value) >> BigInt(lsb)) & ones(bits));
}

/** Puts a field's value into its register's. */
export function insertField(register: Word, { lsb, bits }: BitField, value: Word): Word {
  const mask = ones(bits) << BigInt(lsb);
  return toWord((BigInt(register) & ~mask) | ((BigInt(value) << BigInt(lsb)) & mask));
}

/** @throws usage, unless the location lies in its region and its accesses are aligned */
export function checkLocation(device: string, region: Region, location: Location): void {
  for (const offset of offsets(location))
    checkRange(device, region, { offset, length: location.width }, location.width);
}

/** @throws usage, unless the value fits the location's register, or field */
export function checkLocationValue(device: string, region: Region, location: Location, value: Word): void {
  if (location.words === undefined && location.field === undefined) {
    checkValue(device, region, location.width, value);
    return;
  }
  const bits = valueBits(location);
  if (value < 0 || BigInt(value) > ones(bits))
    throw usageError(
      `${device} ${region.name}`,
      `${hex(value)} does not fit a ${location.field === undefined ? 'register' : 'field'} of ${bits} bits`,
    );
}

/** Returns a location's value with all its digits, those of a field as few as it has. */
export function valueText(location: Location, value: Word): string {
  return location.field === undefined ? wholeText(location, value) : hex(value);
}

/** Returns the digits of a register's whole value. */
export function wholeText(location: Location, value: Word): string {
  return hex(value, Math.ceil(registerBits(location) / 4));
}

/** Prepares reads of a location, with everything checked beforehand. */
export function prepareRead(location: Location, source: RegionSource): () => Word {
  const { field } = location;
  const read = prepareWholeRead(location, source);
  return field === undefined ? read : () => extractField(read(), field);
}

/**
 * Prepares writes of a location. All is checked beforehand but the value, which the caller has checked. A field is
 * written by a read of its register and a write.
 */
export function prepareWrite(location: Location, source: RegionSource): (value: Word) => void {
  const { field } = location;
  const write = prepareWholeWrite(location, source);
  if (field === undefined || !readsBeforeWrite(location)) return write;
  const read = prepareWholeRead(location, source);
  return (value) => write(insertField(read(), field, value));
}

function prepareWholeRead(location: Location, source: RegionSource): () => Word {
  const { region, offset, width, words } = location;
  const registers = source.region(region);
  if (words === undefined) return registers.reader(offset, width);
  const reads = offsets(location).map((at) => registers.reader(at, width));
  return () =>
    toWord(reads.reduce((value, read) => (value << BigInt(words.bits)) | (BigInt(read()) & ones(words.bits)), 0n));
}

function prepareWholeWrite(location: Location, source: RegionSource): (value: Word) => void {
  const { region, offset, width, words } = location;
  const registers = source.region(region);
  if (words === undefined) return registers.writer(offset, width);
  const writes = offsets(location).map((at) => registers.writer(at, width));
  return (value) => {
    for (const [i, write] of writes.entries())
      write(toWord((BigInt(value) >> BigInt(words.bits * (words.count - 1 - i))) & ones(words.bits)));
  };
}

/** Lists the offsets of a location's accesses, in their order. */
function offsets({ offset, words }: Location): number[] {
  if (words === undefined) return [offset];
  return Array.from({ length: words.count }, (_, i) => offset + i * words.stride);
}

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Returns a number where it loses no digits. */
const toWord = (value: bigint): Word => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value);
