/** Changes of inputs: as bytes, as text with words and numbers in it, as JSON documents. */
import { oneOf, type Random } from './random';

/** Lengths, counts, types and characters that break parsers. */
const NASTY_BYTES = [0, 1, 2, 3, 4, 5, 8, 9, 0x0a, 0x0f, 0x10, 0x1b, 0x20, 0x22, 0x24, 0x25, 0x2e, 0x2f, 0x30, 0x3d];
const MORE_NASTY_BYTES = [0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0x9b, 0xc3, 0xfe, 0xff];
const NASTY = [...NASTY_BYTES, ...MORE_NASTY_BYTES];

const NASTY_NUMBERS = ['0', '-1', '1', '4096', '65536', '4294967295', '4294967296', '9007199254740992', '1e308', '-0'];
const NASTY_TEXTS = [
  '',
  '0x',
  '0xffffffffffffffff',
  '0x10000000000000000',
  '..',
  '/',
  '\x1b[31m',
  '\u202e',
  '\u{1f600}',
];
const NASTY_NAMES = ['__proto__', 'constructor', 'toString', 'NaN', 'null', '%s', '*', '%[0-9'];
const NASTY_VALUES: readonly unknown[] = [null, true, 0, -1, 1.5, 1e308, 2 ** 32, 2 ** 53, '', [], {}, '0x', '\x1b'];

export interface Mutations {
  random: Random;
  /** The longest result in bytes. */
  longest: number;
  /** Words of the parser. */
  words: readonly Buffer[];
  /** Another input, to take parts from. */
  other: () => Buffer;
  form?: 'json' | undefined;
}

/** Returns an input that is a little, or a lot, different. */
export function mutated(input: Buffer, mutations: Mutations): Buffer {
  const { random, longest, form } = mutations;
  let bytes = input;
  if (form === 'json' && random(3) > 0) bytes = mutatedJson(bytes, mutations) ?? bytes;
  if (form !== 'json' || bytes === input || random(8) === 0)
    for (let left = 1 << random(4); left > 0; left--) bytes = change(bytes, mutations);
  return bytes.subarray(0, longest);
}

function change(bytes: Buffer, { random, words, other }: Mutations): Buffer {
  if (bytes.length === 0) return words.length > 0 && random(2) ? oneOf(random, words) : Buffer.from([random(256)]);
  const at = random(bytes.length);
  const length = 1 + random(random(4) === 0 ? bytes.length : Math.min(8, bytes.length));
  switch (random(13)) {
    case 0:
      return replaced(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << random(8))]));
    case 1:
      return replaced(bytes, at, 1, Buffer.from([random(256)]));
    case 2:
      return replaced(bytes, at, 1, Buffer.from([oneOf(random, NASTY)]));
    case 3:
      return replaced(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) + 1 - 2 * random(2)]));
    case 4:
      return replaced(bytes, at, length, Buffer.alloc(0));
    case 5:
      return replaced(bytes, at, 0, Buffer.alloc(length, oneOf(random, NASTY)));
    case 6: {
      // The same many times over.
      const part = bytes.subarray(at, at + length);
      return replaced(bytes, at, 0, Buffer.concat(new Array<Buffer>(1 + random(random(4) === 0 ? 64 : 2)).fill(part)));
    }
    case 7: {
      const from = random(bytes.length);
      return replaced(bytes, at, length, bytes.subarray(from, from + length));
    }
    case 8: {
      const donor = other();
      const from = random(donor.length + 1);
      return random(2) === 0
        ? Buffer.concat([bytes.subarray(0, at), donor.subarray(from)])
        : replaced(bytes, at, random(2) ? length : 0, donor.subarray(from, from + length));
    }
    case 9:
      return bytes.subarray(0, at);
    case 10:
      return withNumber(bytes, at, random);
    default: {
      const word = words.length > 0 && random(4) > 0 ? oneOf(random, words) : nastyText(random);
      return replaced(bytes, at, random(2) ? word.length : 0, word);
    }
  }
}

function replaced(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

const nastyText = (random: Random) =>
  Buffer.from(oneOf(random, random(2) ? NASTY_TEXTS : random(2) ? NASTY_NAMES : NASTY_NUMBERS));

/** Replaces the digits that come next, or two or four bytes where there are none. */
function withNumber(bytes: Buffer, at: number, random: Random): Buffer {
  let start = at;
  while (start < bytes.length && start < at + 64 && !isDigit(bytes[start])) start++;
  let end = start;
  while (isDigit(bytes[end])) end++;
  if (end > start) return replaced(bytes, start, end - start, Buffer.from(oneOf(random, NASTY_NUMBERS)));
  const changed = Buffer.from(bytes);
  const value = oneOf(random, [0, 1, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, bytes.length, at]);
  if (random(2) && at + 4 <= bytes.length) changed.writeUInt32LE(value >>> 0, at);
  else if (at + 2 <= bytes.length) changed.writeUInt16LE(value & 0xffff, at);
  return changed;
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;

type Holder = Record<string, unknown> | unknown[];

/** Changes a value somewhere in a document. @returns null for what is no JSON */
function mutatedJson(bytes: Buffer, { random, other, words }: Mutations): Buffer | null {
  const document = parsed(bytes);
  if (document === undefined) return null;
  const root: Holder = [document];
  for (let left = 1 << random(3); left > 0; left--) {
    const places = placesIn(root);
    const { holder, key } = oneOf(random, places);
    const value = Reflect.get(holder, key);
    switch (random(7)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 1:
        set(holder, key, oneOf(random, NASTY_VALUES));
        break;
      case 2: {
        const donor = oneOf(random, places);
        set(holder, key, structuredClone(Reflect.get(donor.holder, donor.key)));
        break;
      }
      case 3: {
        const strange = parsed(other());
        if (strange !== undefined) {
          const donor = oneOf(random, placesIn([strange]));
          set(holder, key, Reflect.get(donor.holder, donor.key));
        }
        break;
      }
      case 4:
        if (Array.isArray(holder)) holder.push(...new Array(1 + random(4)).fill(structuredClone(value)));
        else set(holder, random(2) ? oneOf(random, NASTY_NAMES) : `${key}${random(10)}`, value);
        break;
      case 5:
        if (typeof value === 'number')
          set(holder, key, random(2) ? value + 1 - 2 * random(2) : value * 2 ** random(60));
        else if (typeof value === 'string') set(holder, key, changedText(value, random));
        else set(holder, key, Number(oneOf(random, NASTY_NUMBERS)));
        break;
      default:
        set(holder, key, words.length > 0 ? oneOf(random, words).toString('latin1') : nastyText(random).toString());
    }
    if (JSON.stringify(root).length > 4 * bytes.length + 65536) break;
  }
  return Buffer.from(JSON.stringify(root[0]) ?? '');
}

function changedText(text: string, random: Random): string {
  const at = random(text.length + 1);
  const by = random(2) ? nastyText(random).toString() : String.fromCharCode(random(128));
  return `${text.slice(0, at)}${by}${text.slice(at + random(3))}`;
}

function set(holder: Holder, key: string, value: unknown): void {
  // Defined, because a name such as __proto__ must become a property.
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

const MOST_PLACES = 5000;

function placesIn(root: Holder): { holder: Holder; key: string }[] {
  const places: { holder: Holder; key: string }[] = [];
  const pending: Holder[] = [root];
  for (let holder = pending.pop(); holder !== undefined && places.length < MOST_PLACES; holder = pending.pop())
    for (const [key, value] of Object.entries(holder)) {
      places.push({ holder, key });
      if (typeof value === 'object' && value !== null) pending.push(value as Holder);
    }
  return places.length > 0 ? places : [{ holder: root, key: '0' }];
}
