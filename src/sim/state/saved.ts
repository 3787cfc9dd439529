/** The form in which parts of the simulated machine are kept in a file: plain JSON. */
export type Saved = null | boolean | number | string | readonly Saved[] | SavedFields;

export interface SavedFields {
  readonly [name: string]: Saved;
}

/** A kept state that is none, or not of this machine. */
export class InvalidState extends Error {}

/** Returns bytes as hex digits, without the zeros at their end. */
export function hexOf(bytes: Uint8Array): string {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('hex');
}

/**
 * Reads a kept state, which may come from anybody: each value has the type and the bounds that are asked for.
 *
 * @throws InvalidState with the place of the value, `pci.0000:00:03.0.enabled`
 */
export class StateReader {
  readonly #value: unknown;
  readonly #place: string;

  constructor(value: unknown, place = '') {
    this.#value = value;
    this.#place = place;
  }

  get isNull(): boolean {
    return this.#value === null;
  }

  /** Returns the value of a name in an object. */
  at(name: string): StateReader {
    const value = Object.hasOwn(this.#object(), name) ? this.#object()[name] : undefined;
    const place = this.#place === '' ? name : `${this.#place}.${name}`;
    if (value === undefined) throw new InvalidState(`${place} is missing`);
    return new StateReader(value, place);
  }

  /** Lists names and values of an object. */
  entries(most: number): [name: string, value: StateReader][] {
    const names = Object.keys(this.#object());
    if (names.length > most) this.fail(`has more than ${most} names`);
    return names.map((name) => [name, this.at(name)]);
  }

  list(most: number): StateReader[] {
    const value = this.#value;
    if (!Array.isArray(value) || value.length > most) this.fail(`is no list of at most ${most}`);
    return (value as unknown[]).map((one, i) => new StateReader(one, `${this.#place}[${i}]`));
  }

  flag(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.fail('is neither true nor false');
  }

  integer(most: number, least = 0): number {
    const value = this.#value;
    return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : this.fail(`is no whole number from ${least} to ${most}`);
  }

  u32(): number {
    return this.integer(0xffffffff);
  }

  /** Returns a time in milliseconds. */
  time(): number {
    const value = this.#value;
    return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : this.fail('is no time');
  }

  /** Returns a number of 64 bits, which is kept as `0x...`. */
  u64(): bigint {
    const text = this.text(18);
    return /^0x[0-9a-f]{1,16}$/.test(text) ? BigInt(text) : this.fail('is no hex number of 64 bits');
  }

  text(longest: number): string {
    const value = this.#value;
    return typeof value === 'string' && value.length <= longest
      ? value
      : this.fail(`is no text of at most ${longest} characters`);
  }

  /** Returns exactly this many bytes: zeros at their end are not kept. */
  bytes(length: number): Buffer {
    return Buffer.concat([this.bytesUpTo(length)], length);
  }

  bytesUpTo(most: number): Buffer {
    const text = this.text(2 * most);
    return /^(?:[0-9a-f]{2})*$/.test(text) ? Buffer.from(text, 'hex') : this.fail('is not in hex digits');
  }

  /** Returns null for null, and what `read` makes of anything else. */
  orNull<T>(read: (value: StateReader) => T): T | null {
    return this.isNull ? null : read(this);
  }

  fail(what: string): never {
    throw new InvalidState(`${this.#place || 'it'} ${what}`);
  }

  #object(): { readonly [name: string]: unknown } {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('is no object');
    return value as { readonly [name: string]: unknown };
  }
}
