import { usageError } from '../../errors';
import type { Location } from '../../model/location';
import { checkRange } from '../../model/registers';
import { checkNamedWrite } from '../../regmap/hazards';
import { listRegisters, readListed } from '../../regmap/listing';
import {
  fitted,
  type Place,
  placeValue,
  reading,
  takeArea,
  takeLocation,
  takeWidth,
  valueResult,
  writing,
} from '../location';
import { DONE } from '../result';
import type { Scope } from '../scope';
import { ALL, REGISTERS, type Verb } from './verb';

/** The most words of one dump: they are in memory. */
const MOST_WORDS = 1024 * 1024;

export const read: Verb = {
  usage: 'read LOCATION [-w W]',
  summary: 'one register, or a word of a buffer',
  takes: ['location'],
  isShort: true,
  for: ALL,
  prepare(words, scope) {
    const place = takeLocation(words, scope, takeWidth(words));
    words.end();
    const take = reading(place);
    return (state) => valueResult('value', place, take(state));
  },
};

export const write: Verb = {
  usage: 'write LOCATION VALUE... [-w W]',
  summary: 'one register, or several one behind the other',
  takes: ['location', 'value'],
  isShort: true,
  for: ALL,
  prepare(words, scope) {
    const first = takeLocation(words, scope, takeWidth(words));
    const texts = [words.next('value'), ...words.rest()];
    const places = first.named === null ? following(first.location, texts.length, scope) : [first];
    if (texts.length > places.length)
      throw usageError(texts[places.length] ?? '', 'is too much: a name takes one value', `usage: ${words.usage}`);
    if (first.named !== null) checkNamedWrite(first.named, false);
    const writes = places.map((place, i) => ({
      value: fitted(placeValue(texts[i] ?? '', place, scope, 'write'), place, scope),
      put: writing(place),
    }));
    return (state) => {
      for (const { value, put } of writes) put(state, typeof value === 'function' ? value(state) : value);
      return DONE;
    };
  },
};

/** Lists a register and those behind it. */
function following({ region, offset, width }: Location, count: number, scope: Scope): Place[] {
  checkRange(scope.address, scope.region(region), { offset, length: width * count }, width);
  return Array.from({ length: count }, (_, i) => ({
    location: { region, offset: offset + i * width, width },
    named: null,
  }));
}

export const dump: Verb = {
  usage: 'dump REGION[:RANGE]|REGISTER [-w W]',
  summary: 'the registers of a range, or the words of a buffer',
  takes: ['location'],
  for: ALL,
  prepare(words, scope) {
    const { region, offset, length, width } = takeArea(words, scope, takeWidth(words));
    words.end();
    if (length / width > MOST_WORDS && length < Number.MAX_SAFE_INTEGER - width)
      throw usageError(
        `${scope.address} ${region}`,
        `is too large for a dump in a session: ${MOST_WORDS} words at most`,
      );
    return (state) => {
      const registers = state.registers(region);
      const range = { offset, length: Math.min(length, registers.info.size - (registers.info.size % width) - offset) };
      return { kind: 'words', region, offset, width, words: [...registers.words(range, width)] };
    };
  },
};

export const regs: Verb = {
  usage: 'regs [PATTERN]',
  summary: 'registers by name, with their fields, but for those that reading changes',
  takes: ['register'],
  for: REGISTERS,
  prepare(words, scope) {
    const pattern = words.optional();
    words.end();
    const names = scope.names();
    if (names === null)
      throw usageError(scope.address, 'no map names its registers', 'give --map FILE, or keep one with udrv map add');
    const listed = listRegisters(names, scope.address, pattern);
    return (state) => {
      const source = state.deviceRegisters;
      return { kind: 'registers', registers: listed.map((one) => ({ ...one, value: readListed(one, source) })) };
    };
  },
};
