import { usageError } from '../../errors';
import { checkRange, type Registers } from '../../model/registers';
import type { Word } from '../../sys/sys';
import { fitted, type Place, resolveValue, takeArea, takeLocation, takeWidth } from '../location';
import { DONE } from '../result';
import type { SessionState } from '../state';
import { ALL, type Verb } from './verb';

/** The most words of one dump: they are in memory. */
const MOST_WORDS = 1024 * 1024;

/** Makes a read of one register, prepared at its first run and again where a buffer took the place of another. */
export function reading({ region, offset, width }: Place): (state: SessionState) => Word {
  let from: Registers | undefined;
  let read: () => Word;
  return (state) => {
    const registers = state.registers(region);
    if (registers !== from) {
      read = registers.reader(offset, width);
      from = registers;
    }
    return read();
  };
}

function writing({ region, offset, width }: Place): (state: SessionState, value: Word) => void {
  let from: Registers | undefined;
  let write: (value: Word) => void;
  return (state, value) => {
    const registers = state.registers(region);
    if (registers !== from) {
      write = registers.writer(offset, width);
      from = registers;
    }
    write(value);
  };
}

export const read: Verb = {
  usage: 'read LOCATION [-w W]',
  summary: 'one register, or a word of a buffer',
  takes: ['location'],
  for: ALL,
  prepare(words, scope) {
    const place = takeLocation(words, scope, takeWidth(words));
    words.end();
    const take = reading(place);
    return (state) => ({ kind: 'value', ...place, value: take(state) });
  },
};

export const write: Verb = {
  usage: 'write LOCATION VALUE... [-w W]',
  summary: 'one register, or several one behind the other',
  takes: ['location', 'value'],
  for: ALL,
  prepare(words, scope) {
    const first = takeLocation(words, scope, takeWidth(words));
    const { region, offset, width } = first;
    const texts = [words.next('value'), ...words.rest()];
    checkRange(scope.address, scope.region(region), { offset, length: width * texts.length }, width);
    const writes = texts.map((text, i) => {
      const place = { region, offset: offset + i * width, width };
      return { value: fitted(resolveValue(text, scope), place, scope), put: writing(place) };
    });
    return (state) => {
      for (const { value, put } of writes) put(state, typeof value === 'function' ? value(state) : value);
      return DONE;
    };
  },
};

export const dump: Verb = {
  usage: 'dump REGION[:RANGE] [-w W]',
  summary: 'the registers of a range, or the words of a buffer',
  takes: ['location'],
  for: ALL,
  prepare(words, scope) {
    const width = takeWidth(words);
    const { region, offset, length } = takeArea(words, scope, width);
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
