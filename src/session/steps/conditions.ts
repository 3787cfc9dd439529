import { Exit, UdrvError, usageError } from '../../errors';
import { registerBits, valueText } from '../../model/location';
import { parseDuration, parseRange, parseWord } from '../../model/notation';
import { checkRange } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';
import { pause, serveSignals } from '../../sys/wait';
import { hex } from '../../text/hex';
import { checkedFile, type Data, readWhole } from '../files';
import { type Area, fitted, type Place, placeValue, reading, takeLocation, takeWidth, valueResult } from '../location';
import { DONE, type StepResult } from '../result';
import type { Scope } from '../scope';
import type { SessionState } from '../state';
import { Words } from '../words';
import { ALL, USUAL_WAIT_MS, type Verb, type Work } from './verb';

const CONDITION = /^(.+?)(?: ?& ?([^ =]+))? ?== ?([^ ]+)(?: ([^ ]+))?$/;

/** A comparison of one register. */
interface Condition {
  place: Place;
  /** Value as it was read, and whether it is the wanted one. */
  look(state: SessionState): { value: Word; holds: boolean };
  wanted(state: SessionState): string;
}

/** Parts of `LOCATION[&MASK]==VALUE [TIME]`. */
interface Parts {
  left: string;
  mask: string | undefined;
  right: string;
  time: string | undefined;
}

function split(words: Words): Parts {
  const text = words.rest().join(' ');
  const match = CONDITION.exec(text);
  if (match === null) throw usageError(text === '' ? words.verb : text, 'is not a condition', `usage: ${words.usage}`);
  const [, left = '', mask, right = '', time] = match;
  return { left, mask, right, time };
}

function condition({ left, mask, right }: Parts, words: Words, scope: Scope): Condition {
  const width = takeWidth(words);
  const place = takeWhole(new Words(words.verb, words.usage, left.split(' ')), scope, width);
  const bits = mask === undefined ? undefined : fitted(parseWord(mask, 'a mask'), place, scope);
  const value = fitted(placeValue(right, place, scope, 'read'), place, scope);
  const wanted = (state: SessionState) => (typeof value === 'function' ? value(state) : value);
  const take = reading(place);
  const big = registerBits(place.location) > 32;
  const masked = (word: Word): Word => {
    if (typeof bits === 'function' || bits === undefined) return word;
    return big ? BigInt(word) & BigInt(bits) : (Number(word) & Number(bits)) >>> 0;
  };
  return {
    place,
    look(state) {
      const read = take(state);
      const compared = masked(read);
      const want = wanted(state);
      return { value: read, holds: big ? BigInt(compared) === BigInt(want) : compared === Number(want) };
    },
    wanted: (state) =>
      `${valueText(place.location, wanted(state))}${mask === undefined ? '' : ` under the mask ${mask}`}`,
  };
}

function takeWhole(words: Words, scope: Scope, width: Width | undefined): Place {
  const place = takeLocation(words, scope, width);
  words.end();
  return place;
}

function fail(state: SessionState, { place, wanted }: Condition, value: Word, time?: number): UdrvError {
  const { location, named } = place;
  const found = `${valueText(location, value)}, not ${wanted(state)}`;
  return new UdrvError(time === undefined ? `is ${found}` : `is still ${found}, after ${time} ms`, {
    code: time === undefined ? 'EUNEXPECTED' : 'ETIMEDOUT',
    exit: time === undefined ? Exit.failed : Exit.timeout,
    subject: `${state.address} ${named?.name ?? `${location.region}:${hex(location.offset)}`}`,
    device: state.address,
  });
}

export const expect: Verb = {
  usage: 'expect LOCATION[&MASK]==VALUE | BUF[:RANGE]==BUF | BUF[:RANGE]==@FILE',
  summary: 'fails unless a register has this value, or a buffer this content',
  takes: ['location'],
  isShort: true,
  for: ALL,
  prepare(words, scope) {
    const width = words.option('-w', '--width');
    const parts = split(words);
    if (parts.time !== undefined) throw usageError(parts.time, 'is too much for expect', `usage: ${words.usage}`);
    const area = parts.mask === undefined ? bufferArea(parts.left, scope) : null;
    if (area !== null) return comparing(area, parts.right, scope);
    const given = new Words(words.verb, words.usage, width === undefined ? [] : ['-w', width]);
    const checked = condition(parts, given, scope);
    return (state) => {
      const { value, holds } = checked.look(state);
      if (!holds) throw fail(state, checked, value);
      return valueResult('match', checked.place, value);
    };
  },
};

/** Reads without a pause between: a device that is ready at once costs no wait. */
const EAGER_READS = 64;
const POLL_MS = 1;

export const poll: Verb = {
  usage: 'poll LOCATION[&MASK]==VALUE [TIME]',
  summary: 'reads until a register has this value',
  takes: ['location', 'other'],
  for: ALL,
  prepare(words, scope) {
    const width = words.option('-w', '--width');
    const parts = split(words);
    const given = new Words(words.verb, words.usage, width === undefined ? [] : ['-w', width]);
    const checked = condition(parts, given, scope);
    const own = parts.time === undefined ? undefined : parseDuration(parts.time);
    return async (state, { signal }): Promise<StepResult> => {
      const timeoutMs = own ?? state.timeoutMs ?? USUAL_WAIT_MS;
      const deadline = performance.now() + timeoutMs;
      for (let reads = 1; ; reads++) {
        const late = performance.now() >= deadline;
        const { value, holds } = checked.look(state);
        if (holds) return valueResult('match', checked.place, value);
        if (late) throw fail(state, checked, value, timeoutMs);
        if (reads === EAGER_READS) await serveSignals();
        if (reads > EAGER_READS) await pause(POLL_MS, signal);
        if (signal?.aborted) return DONE;
      }
    };
  },
};

/** Parses a buffer or more than a word of it; null where the text is something else. */
function bufferArea(text: string, scope: Scope): Area | null {
  const [, name = '', range] = /^([A-Za-z_]\w*)(?::(.+[+-].+))?$/.exec(text) ?? [];
  const buffer = scope.buffers.get(name);
  if (buffer === undefined) return null;
  const { offset, length } = range === undefined ? { offset: 0, length: buffer.length } : parseRange(range, 1);
  checkRange(scope.address, scope.region(name), { offset, length }, 1);
  return { region: name, offset, length };
}

/** Makes the comparison of a buffer's content with another's, or with a file. */
function comparing(area: Area, right: string, scope: Scope): Work {
  const { region, offset, length } = area;
  const other = otherContent(area, right, scope);
  return async (state, { signal }) => {
    const wanted = await other(state, signal);
    if (wanted === null) return DONE;
    const bytes = state.buffer(region).bytes.subarray(offset, offset + length);
    if (bytes.equals(wanted)) return DONE;
    const at = bytes.findIndex((byte, i) => byte !== wanted[i]);
    const first = at < 0 ? Math.min(bytes.length, wanted.length) : at;
    throw new UdrvError(
      first < wanted.length
        ? `differs from ${right} at ${hex(offset + first)}: ${hex(bytes[first] ?? 0, 2)}, not ${hex(wanted[first] ?? 0, 2)}`
        : `${right} has only ${hex(wanted.length)} bytes`,
      { code: 'EUNEXPECTED', exit: Exit.failed, subject: region, device: state.address },
    );
  };
}

function otherContent(
  { length }: Area,
  right: string,
  scope: Scope,
): (state: SessionState, signal: AbortSignal | undefined) => Data {
  if (right.startsWith('@')) {
    checkedFile(right.slice(1));
    return ({ timeoutMs }, signal) => readWhole(right.slice(1), length + 1, { timeoutMs, signal });
  }
  const [name = '', from] = right.split(':', 2);
  const { length: size } = scope.buffer(name);
  const offset = from === undefined ? 0 : parseRange(from, 1).offset;
  if (offset + length > size)
    throw usageError(
      right,
      `has fewer bytes than are compared: ${hex(length)} from ${hex(offset)} on, of ${hex(size)}`,
    );
  return (state) => state.buffer(name).bytes.subarray(offset, offset + length);
}
