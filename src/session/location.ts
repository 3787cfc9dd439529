import { usageError } from '../errors';
import {
  checkLocation,
  checkLocationValue,
  type Location,
  prepareRead,
  prepareWrite,
  type RegionSource,
  spanOf,
  valueBits,
} from '../model/location';
import { parseRange, parseSize, parseWidth, parseWord } from '../model/notation';
import { checkRange, type Range, type Registers } from '../model/registers';
import { fieldMeaning } from '../regmap/model';
import { type ResolvedLocation, resolveLocation } from '../regmap/names';
import { fieldValue } from '../regmap/values';
import type { Width, Word } from '../sys/sys';
import { hex } from '../text/hex';
import type { StepValue } from './result';
import type { Scope } from './scope';
import type { SessionState } from './state';
import type { Words } from './words';

/** A register, or a word of a buffer: then the region is the buffer's name. */
export interface Place {
  location: Location;
  /** Null where it was given by its place. */
  named: ResolvedLocation | null;
}

/** Part of a region or buffer. */
export interface Area extends Range {
  region: string;
}

/** A value of a step: a number, or the address of a buffer, which is known once its memory is there. */
export type Value = Word | BufferAddress;

/** IOVA of a place in a buffer, or a half of it for a register of 32 bits. */
interface BufferAddress {
  buffer: string;
  offset: number;
  half: 'lo' | 'hi' | null;
}

const WIDTH = 4;

/** Takes the option that gives the width of a step's accesses; undefined: it is not there. */
export function takeWidth(words: Words): Width | undefined {
  const text = words.option('-w', '--width');
  return text === undefined ? undefined : parseWidth(text);
}

/**
 * Takes the words that name a register: `REGION:OFFSET[/WIDTH]`, `REGION OFFSET[/WIDTH]`, or a name in a map. All steps
 * find their registers here.
 *
 * @throws exit 3 where there is no such region or name, 2 where it has no such register
 */
export function takeLocation(words: Words, scope: Scope, width: Width | undefined): Place {
  const named = takeRegister(words, scope);
  if (named !== null) {
    const { location, name } = named;
    if (width !== undefined && width !== location.width)
      throw usageError(name, `is accessed with ${location.width} bytes: leave out -w ${width}`);
    checkLocation(scope.address, scope.region(location.region), location);
    return { location, named };
  }
  const { name, at } = takeName(words, scope);
  const text = at ?? words.optional();
  if (text === undefined)
    throw usageError(`${scope.address} ${name}`, 'no offset: write REGION OFFSET or REGION:OFFSET');
  const [offsetText = '', widthText] = text.split('/', 2);
  const region = scope.region(name);
  const location = {
    region: region.name,
    offset: parseSize(offsetText, 'an offset'),
    width: widthText === undefined ? (width ?? WIDTH) : parseWidth(widthText),
  };
  checkLocation(scope.address, region, location);
  return { location, named: null };
}

/**
 * Takes the words that name a range: `REGION[:RANGE]`, `REGION [RANGE]`, or a register's name in a map; all of the region
 * without a range.
 */
export function takeArea(words: Words, scope: Scope, given: Width | undefined): Area & { width: Width } {
  const named = takeRegister(words, scope);
  if (named !== null) {
    if (named.field !== null) throw usageError(named.name, 'is a field: a dump shows registers');
    const { region, offset, width: usual } = named.location;
    const width = given ?? usual;
    const range = { offset, length: spanOf(named.location) };
    checkRange(scope.address, scope.region(region), range, width);
    return { region, ...range, width };
  }
  const width = given ?? WIDTH;
  const { name, at } = takeName(words, scope);
  const text = at ?? words.optional();
  const region = scope.region(name);
  const size = Math.min(region.size - region.offset, region.registers ?? Number.POSITIVE_INFINITY);
  const range = text === undefined ? { offset: 0, length: size - (size % width) } : parseRange(text, width);
  // The size of a region that only the opened device shows is not known before.
  if (Number.isFinite(region.size) && region.size < Number.MAX_SAFE_INTEGER)
    checkRange(scope.address, region, range, width);
  return { region: region.name, ...range, width };
}

/** Takes the name of a register or field; null: the words are a place, or the device has no names. */
function takeRegister(words: Words, scope: Scope): ResolvedLocation | null {
  const word = words.peek();
  if (word === undefined || scope.knows(word)) return null;
  const colon = word.lastIndexOf(':');
  if (colon >= 0 && scope.knows(word.slice(0, colon))) return null;
  const names = scope.names();
  // A word with a colon that is no name is a place with a wrong region.
  if (names === null || (colon >= 0 && names.find(word) === null)) return null;
  const named = resolveLocation(word, names);
  words.next('register');
  return named;
}

/** Takes a region's name, with the text behind its colon. The name of a region may have a colon too: `recv:14748`. */
function takeName(words: Words, scope: Scope): { name: string; at: string | undefined } {
  const word = words.next('REGION:OFFSET');
  const colon = word.lastIndexOf(':');
  if (colon < 0 || scope.hasRegion(word)) return { name: word, at: undefined };
  return { name: word.slice(0, colon), at: word.slice(colon + 1) };
}

/** Parses a value: a number, `BUF`, `BUF+0x10`, `BUF.lo`, `BUF+0x10.hi`. All steps find their values here. */
export function resolveValue(text: string, scope: Scope): Value {
  if (/^\d/.test(text)) return parseWord(text, 'a value');
  const match = /^([A-Za-z_]\w*)(?:\+([^.]+))?(?:\.(lo|hi))?$/.exec(text);
  if (match?.[1] === undefined)
    throw usageError(text, 'is not a value', 'write a number, or a buffer: BUF, BUF+0x10, BUF.lo, BUF.hi');
  const [, buffer, offsetText, half] = match;
  const { length } = scope.buffer(buffer);
  if (scope.info.framework === 'usb') throw usageError(buffer, 'has no address that the device could use');
  const offset = offsetText === undefined ? 0 : parseSize(offsetText, 'an offset');
  if (offset > length) throw usageError(text, `is outside of the buffer, which has ${hex(length)} bytes`);
  return { buffer, offset, half: half === 'lo' || half === 'hi' ? half : null };
}

/** {@link resolveValue}, or the name that a map gives to a value of a field. */
export function placeValue(text: string, { named }: Place, scope: Scope, use: 'read' | 'write'): Value {
  return (named === null ? null : fieldValue(named, text, use)) ?? resolveValue(text, scope);
}

/** Checks a value as far as it is known, and returns what gives it at run time. */
export function fitted(value: Value, { location }: Place, scope: Scope): Word | ((state: SessionState) => Word) {
  const region = scope.region(location.region);
  if (typeof value !== 'object') {
    checkLocationValue(scope.address, region, location, value);
    return value;
  }
  const bits = valueBits(location);
  return (state) => {
    const word = addressOf(value, state);
    if (BigInt(word) >> BigInt(bits) !== 0n)
      throw usageError(
        `${scope.address} ${location.region}`,
        `the address of ${value.buffer}, ${hex(word)}, does not fit a register of ${bits / 8} bytes`,
        `write ${value.buffer}.lo and ${value.buffer}.hi to two registers`,
      );
    return bits > 32 ? BigInt(word) : Number(word);
  };
}

/** Makes a read of one register, prepared at its first run and again where a buffer took the place of another. */
export function reading(place: Place): (state: SessionState) => Word {
  const prepared = preparing(place, prepareRead);
  return (state) => prepared(state)();
}

/** Makes a write of one register, or of a field by a read and a write; see {@link reading}. */
export function writing(place: Place): (state: SessionState, value: Word) => void {
  const prepared = preparing(place, prepareWrite);
  return (state, value) => prepared(state)(value);
}

function preparing<T>(
  { location, named }: Place,
  prepare: (location: Location, source: RegionSource) => T,
): (state: SessionState) => T {
  let from: Registers | undefined;
  let access: T | undefined;
  return (state) => {
    // A register's name means the device, whatever buffers there are.
    const registers = named === null ? state.registers(location.region) : state.deviceRegisters.region(location.region);
    if (access === undefined || registers !== from) {
      access = prepare(location, { region: () => registers });
      from = registers;
    }
    return access;
  };
}

function addressOf({ buffer, offset, half }: BufferAddress, state: SessionState): Word {
  const iova = (state.buffer(buffer).iova ?? 0n) + BigInt(offset);
  if (half === 'lo') return Number(iova & 0xffff_ffffn);
  if (half === 'hi') return Number(iova >> 32n);
  return iova <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(iova) : iova;
}

/** Makes the result of a read. */
export function valueResult(kind: 'value' | 'match', { location, named }: Place, value: Word): StepValue {
  if (named === null) return { kind, ...location, value };
  const { name, field } = named;
  return { kind, ...location, value, name, ...(field !== null && { meaning: fieldMeaning(field, value) }) };
}
