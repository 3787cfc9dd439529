import { usageError } from '../errors';
import { parseRange, parseSize, parseWidth, parseWord } from '../model/notation';
import { checkRange, checkValue, type Range } from '../model/registers';
import type { Width, Word } from '../sys/sys';
import { hex } from '../text/hex';
import type { Scope } from './scope';
import type { SessionState } from './state';
import type { Words } from './words';

/** A register, or a word of a buffer. */
export interface Place {
  /** Name of the region or buffer. */
  region: string;
  offset: number;
  width: Width;
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

/** Takes the option that gives the width of a step's accesses. */
export function takeWidth(words: Words, usual: Width = WIDTH): Width {
  const text = words.option('-w', '--width');
  return text === undefined ? usual : parseWidth(text);
}

/**
 * Takes the words that name a register: `REGION:OFFSET[/WIDTH]`, `REGION OFFSET[/WIDTH]`. All steps find their registers
 * here.
 *
 * @throws exit 3 where there is no such region, 2 where it has no such register
 */
export function takeLocation(words: Words, scope: Scope, width: Width): Place {
  const { name, at } = takeName(words, scope);
  const text = at ?? words.optional();
  if (text === undefined)
    throw usageError(`${scope.address} ${name}`, 'no offset: write REGION OFFSET or REGION:OFFSET');
  const [offsetText = '', widthText] = text.split('/', 2);
  const region = scope.region(name);
  const place = {
    region: region.name,
    offset: parseSize(offsetText, 'an offset'),
    width: widthText === undefined ? width : parseWidth(widthText),
  };
  checkRange(scope.address, region, { offset: place.offset, length: place.width }, place.width);
  return place;
}

/** Takes the words that name a range: `REGION[:RANGE]`, `REGION [RANGE]`; all of the region without one. */
export function takeArea(words: Words, scope: Scope, width: Width): Area {
  const { name, at } = takeName(words, scope);
  const text = at ?? words.optional();
  const region = scope.region(name);
  const size = Math.min(region.size - region.offset, region.registers ?? Number.POSITIVE_INFINITY);
  const range = text === undefined ? { offset: 0, length: size - (size % width) } : parseRange(text, width);
  // The size of a region that only the opened device shows is not known before.
  if (Number.isFinite(region.size) && region.size < Number.MAX_SAFE_INTEGER)
    checkRange(scope.address, region, range, width);
  return { region: region.name, ...range };
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
  if (scope.info.framework !== 'vfio') throw usageError(buffer, 'has no address that the device could use');
  const offset = offsetText === undefined ? 0 : parseSize(offsetText, 'an offset');
  if (offset > length) throw usageError(text, `is outside of the buffer, which has ${hex(length)} bytes`);
  return { buffer, offset, half: half === 'lo' || half === 'hi' ? half : null };
}

/** Checks a value as far as it is known, and returns what gives it at run time. */
export function fitted(value: Value, place: Place, scope: Scope): Word | ((state: SessionState) => Word) {
  const region = scope.region(place.region);
  if (typeof value !== 'object') {
    checkValue(scope.address, region, place.width, value);
    return value;
  }
  return (state) => {
    const word = addressOf(value, state);
    if (BigInt(word) >> BigInt(8 * place.width) !== 0n)
      throw usageError(
        `${scope.address} ${place.region}`,
        `the address of ${value.buffer}, ${hex(word)}, does not fit a register of ${place.width} bytes`,
        `write ${value.buffer}.lo and ${value.buffer}.hi to two registers`,
      );
    return place.width === 8 ? BigInt(word) : Number(word);
  };
}

function addressOf({ buffer, offset, half }: BufferAddress, state: SessionState): Word {
  const iova = (state.buffer(buffer).iova ?? 0n) + BigInt(offset);
  if (half === 'lo') return Number(iova & 0xffff_ffffn);
  if (half === 'hi') return Number(iova >> 32n);
  return iova <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(iova) : iova;
}
