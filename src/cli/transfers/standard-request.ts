import { usageError } from '../../errors';
import { numberIn } from '../../model/notation';
import { didYouMean } from '../../text/nearest';
import type { ControlSetup } from '../../usb/transfer/urb';

/** A control request as numbers, with how much it brings at most; null for one that brings nothing. */
export interface NamedRequest {
  setup: ControlSetup;
  length: number | null;
}

/** Makes the request of the words behind its name. */
type Make = (words: Words) => NamedRequest;

const [DEVICE, INTERFACE, ENDPOINT] = [0, 1, 2];

/** bRequest of the standard requests: USB 2.0, table 9-4. */
const REQUESTS: Readonly<Record<string, Make>> = {
  GET_STATUS: (words) => get(0, 0, words.recipient(), 2),
  CLEAR_FEATURE: (words) => feature(1, words),
  SET_FEATURE: (words) => feature(3, words),
  SET_ADDRESS: (words) => set(5, words.number('an address', 127), [DEVICE, 0]),
  GET_DESCRIPTOR: (words) => descriptor(words),
  GET_CONFIGURATION: () => get(8, 0, [DEVICE, 0], 1),
  SET_CONFIGURATION: (words) => set(9, words.number('a configuration', 0xff), [DEVICE, 0]),
  GET_INTERFACE: (words) => get(10, 0, [INTERFACE, words.number('an interface', 0xff)], 1),
  SET_INTERFACE: (words) => {
    const intf = words.number('an interface', 0xff);
    return set(11, words.number('an alternate setting', 0xff), [INTERFACE, intf]);
  },
  SYNCH_FRAME: (words) => get(12, 0, [ENDPOINT, words.number('an endpoint', 0xff)], 2),
};

/** The forms of the standard requests, for the help. */
export const REQUESTS_HELP = `or the name of a standard request:
GET_DESCRIPTOR device|config|string|bos|qualifier|other-speed [index] [language]
GET_DESCRIPTOR hid-report <interface>
GET_STATUS device|interface <n>|endpoint <ep>
SET_FEATURE, CLEAR_FEATURE: as GET_STATUS, then remote-wakeup|test-mode|u1|u2|ltm, suspend or halt
GET_CONFIGURATION
SET_CONFIGURATION <n>
GET_INTERFACE <interface>
SET_INTERFACE <interface> <alt>
SYNCH_FRAME <ep>
SET_ADDRESS <n>`;

/** Names of the standard requests, in the order of their numbers. */
export const REQUEST_NAMES: readonly string[] = Object.keys(REQUESTS);

/** More than any descriptor of its kind has but for a few: the device ends with what it has. */
const [ALL_OF_A_STRING, ALL] = [255, 4096];

/** Types of descriptors: USB 2.0, table 9-5; bos: USB 3.2, table 9-6; hid-report: HID 1.11, section 7.1. */
const DESCRIPTORS: Readonly<Record<string, { type: number; length: number }>> = {
  device: { type: 1, length: 18 },
  config: { type: 2, length: ALL },
  string: { type: 3, length: ALL_OF_A_STRING },
  qualifier: { type: 6, length: 10 },
  'other-speed': { type: 7, length: ALL },
  bos: { type: 15, length: ALL },
  'hid-report': { type: 0x22, length: ALL },
};

/** English of the United States, which nearly every device has. */
const LANGUAGE = 0x0409;

/** Feature selectors: USB 2.0, table 9-6, and USB 3.2, table 9-7. */
const FEATURES: readonly Readonly<Record<string, number>>[] = [
  { 'remote-wakeup': 1, 'test-mode': 2, u1: 48, u2: 49, ltm: 50 },
  { suspend: 0 },
  { halt: 0 },
];

/**
 * Makes a standard request of its name and what follows it: `GET_DESCRIPTOR string 2`.
 *
 * @returns null where the first word is a number: the request is given as numbers
 * @throws usage
 */
export function namedRequest([name = '', ...rest]: readonly string[]): NamedRequest | null {
  if (/^\d/.test(name)) return null;
  const known = name.toUpperCase().replaceAll('-', '_');
  const make = Object.hasOwn(REQUESTS, known) ? REQUESTS[known] : undefined;
  if (make === undefined)
    throw usageError(
      name,
      'is neither a bmRequestType nor a standard request',
      didYouMean(known, REQUEST_NAMES) ?? `standard requests are ${REQUEST_NAMES.join(', ')}`,
    );
  const words = new Words(known, rest);
  const request = make(words);
  words.end();
  return request;
}

function get(bRequest: number, wValue: number, [recipient, wIndex]: Recipient, length: number): NamedRequest {
  return { setup: { bmRequestType: 0x80 | recipient, bRequest, wValue, wIndex }, length };
}

function set(bRequest: number, wValue: number, [recipient, wIndex]: Recipient): NamedRequest {
  return { setup: { bmRequestType: recipient, bRequest, wValue, wIndex }, length: null };
}

function feature(bRequest: number, words: Words): NamedRequest {
  const [recipient, index] = words.recipient();
  const selector = words.oneOf('a feature', FEATURES[recipient] ?? {}, 0xffff);
  // The test's number is in the high byte: USB 2.0, section 9.4.9.
  const isTest = recipient === DEVICE && selector === 2 && bRequest === 3;
  const wIndex = isTest ? words.number('a test mode', 0xff) << 8 : index;
  return set(bRequest, selector, [recipient, wIndex]);
}

function descriptor(words: Words): NamedRequest {
  const kinds = Object.fromEntries(Object.entries(DESCRIPTORS).map(([kind, { type }]) => [kind, type]));
  const type = words.oneOf('a descriptor', kinds, 0xff);
  const { length = ALL } = Object.values(DESCRIPTORS).find((one) => one.type === type) ?? {};
  if (type === DESCRIPTORS['hid-report']?.type)
    return get(6, type << 8, [INTERFACE, words.number('an interface', 0xff)], length);
  const isString = type === DESCRIPTORS['string']?.type;
  const index = words.number('an index', 0xff, 0);
  const language = isString && index > 0 ? words.number('a language', 0xffff, LANGUAGE) : 0;
  return get(6, (type << 8) | index, [DEVICE, language], length);
}

/** The recipient's bits of bmRequestType, and wIndex. */
type Recipient = readonly [recipient: number, wIndex: number];

/** The words behind the name of a request, taken one by one. */
class Words {
  readonly #request: string;
  readonly #words: readonly string[];
  #at = 0;

  constructor(request: string, words: readonly string[]) {
    this.#request = request;
    this.#words = words;
  }

  /** Takes `device`, `interface N` or `endpoint ADDRESS`. */
  recipient(): Recipient {
    const recipient = this.oneOf('a recipient', { device: DEVICE, interface: INTERFACE, endpoint: ENDPOINT });
    if (recipient === DEVICE) return [DEVICE, 0];
    return [recipient, this.number(recipient === INTERFACE ? 'an interface' : 'an endpoint', 0xff)];
  }

  /** Takes a number. @param otherwise its value where there is no word left; without, it is required */
  number(what: string, most: number, otherwise?: number): number {
    const word = this.#next();
    if (word === undefined && otherwise !== undefined) return otherwise;
    const value = Number(numberIn(word ?? this.#missing(what)) ?? Number.NaN);
    if (!(value <= most)) throw usageError(word ?? '', `is not ${what}: a number up to ${most}`);
    return value;
  }

  /** Takes one of some names, or with `most` its number. */
  oneOf(what: string, names: Readonly<Record<string, number>>, most = -1): number {
    const all = Object.keys(names);
    const word = this.#next() ?? this.#missing(`${what}: ${all.join(', ')}`);
    const named = all.includes(word.toLowerCase()) ? names[word.toLowerCase()] : undefined;
    if (named !== undefined) return named;
    const value = numberIn(word);
    if (value !== null && value <= most) return Number(value);
    throw usageError(word, `is not ${what} of ${this.#request}`, didYouMean(word, all) ?? `write ${all.join(', ')}`);
  }

  /** @throws usage where a word is left */
  end(): void {
    const word = this.#next();
    if (word !== undefined) throw usageError(word, `is too much for ${this.#request}`);
  }

  #next(): string | undefined {
    return this.#words[this.#at++];
  }

  #missing(what: string): never {
    throw usageError(this.#request, `needs ${what}`);
  }
}
