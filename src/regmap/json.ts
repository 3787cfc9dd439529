import { didYouMean } from '../text/nearest';
import { type Budget, checkName, description, mapError } from './limits';
import {
  ACCESSES,
  type AccessType,
  type EnumeratedValue,
  type NamedRegister,
  type Peripheral,
  READ_ACTIONS,
  type ReadAction,
  type RegisterField,
  type RegisterMap,
  WRITE_ACTIONS,
  type WriteAction,
} from './model';
import { parsePattern } from './svd/numbers';

/** A number, or a text such as `"0x24"`, which JSON has not. */
export type JsonNumber = number | string;

/** udrv's own map, a JSON document; `fixtures/register-map.schema.json` is its schema. */
export interface MapDocument {
  schema: 'udrv.map/1';
  $schema?: string;
  name?: string;
  peripherals: PeripheralDocument[];
}

export interface PeripheralDocument {
  name: string;
  description?: string;
  /** `map0`, `bar0`...: the region that has it, unless `--map` says otherwise. */
  region?: string;
  /** Offset of the peripheral in its region; 0 without it. */
  base?: JsonNumber;
  registers: RegisterDocument[];
}

export interface RegisterDocument {
  name: string;
  description?: string;
  /** In bytes, from the peripheral's base. */
  offset: JsonNumber;
  /** 8, 16, 32 or 64; 32 without it. */
  bits?: number;
  access?: AccessType;
  readAction?: ReadAction;
  writeAction?: WriteAction;
  reset?: JsonNumber;
  fields?: FieldDocument[];
}

export interface FieldDocument {
  name: string;
  description?: string;
  /** `"7:4"`, or one bit: `"3"` or 3. */
  bits: number | string;
  access?: AccessType;
  readAction?: ReadAction;
  writeAction?: WriteAction;
  /** Names of values; a text may be binary with bits that do not count: `"#1xx"`. */
  values?: Record<string, JsonNumber>;
}

/** The properties that each object may have: the schema has the same. */
export const PROPERTIES = {
  map: ['schema', '$schema', 'name', 'peripherals'],
  peripheral: ['name', 'description', 'region', 'base', 'registers'],
  register: ['name', 'description', 'offset', 'bits', 'access', 'readAction', 'writeAction', 'reset', 'fields'],
  field: ['name', 'description', 'bits', 'access', 'readAction', 'writeAction', 'values'],
} as const;

const WIDTHS: readonly unknown[] = [8, 16, 32, 64];

/** Reads udrv's own map. @param document the parsed JSON, an object @throws usage, naming what is wrong */
export function readJsonMap(document: object, file: string, budget: Budget): RegisterMap {
  const top = new Part(file, 'the map', document, PROPERTIES.map);
  const peripherals = top
    .list('peripherals')
    .map((one) => peripheral(new Part(file, 'a peripheral', one, PROPERTIES.peripheral)));
  if (peripherals.length === 0) throw mapError(file, 'has no peripherals');
  return { format: 'json', name: description(top.text('name')) ?? 'registers', base: 0n, peripherals };

  function peripheral(part: Part): Peripheral {
    budget.spend(1);
    const registers = part.list('registers');
    return {
      name: part.name,
      description: description(part.text('description')),
      base: part.number('base') ?? 0n,
      region: part.text('region') ?? null,
      registers: registers.map((one) => register(part.inner('a register', one, PROPERTIES.register))),
    };
  }

  function register(part: Part): NamedRegister {
    budget.spend(1);
    const offset = part.number('offset');
    if (offset === null || offset > BigInt(Number.MAX_SAFE_INTEGER)) throw part.error('has no offset');
    const bits = part.value('bits') ?? 32;
    if (!WIDTHS.includes(bits)) throw part.error('has no bits of 8, 16, 32 or 64');
    const access = part.word('access', ACCESSES) ?? 'read-write';
    return {
      name: part.name,
      description: description(part.text('description')),
      offset: Number(offset),
      bits: Number(bits),
      access,
      readAction: part.word('readAction', READ_ACTIONS),
      writeAction: part.word('writeAction', WRITE_ACTIONS),
      resetValue: part.number('reset'),
      fields: part
        .list('fields')
        .map((one) => field(part.inner('a field', one, PROPERTIES.field), Number(bits), access)),
    };
  }

  function field(part: Part, width: number, access: AccessType): RegisterField {
    budget.spend(1);
    const [, high, low] = /^(\d{1,2})(?::(\d{1,2}))?$/.exec(String(part.plain('bits') ?? '')) ?? [];
    const [msb, lsb] = [Number(high), Number(low ?? high)];
    if (!(lsb <= msb && msb < width)) throw part.error(`has no bits in a register of ${width}: write "7:4" or "3"`);
    return {
      name: part.name,
      description: description(part.text('description')),
      lsb,
      bits: msb - lsb + 1,
      access: part.word('access', ACCESSES) ?? access,
      readAction: part.word('readAction', READ_ACTIONS),
      writeAction: part.word('writeAction', WRITE_ACTIONS),
      values: values(part),
    };
  }

  function values(part: Part): EnumeratedValue[] {
    const given = part.value('values') ?? {};
    if (typeof given !== 'object' || given === null) throw part.error('has values that are no object');
    return Object.entries(given).map(([name, value]: [string, unknown]) => {
      budget.spend(1);
      const pattern = typeof value === 'string' || typeof value === 'number' ? parsePattern(String(value)) : null;
      if (pattern === null) throw part.error(`has a value that is no number: ${name.slice(0, 80)}`);
      return { name: checkName(file, 'a value', name), description: null, ...pattern, usage: 'read-write' };
    });
  }
}

/** An object of the document, whose properties are checked as they are asked for. */
class Part {
  readonly #file: string;
  readonly #title: string;
  readonly #properties: Map<string, unknown>;

  constructor(file: string, what: string, value: unknown, allowed: readonly string[], around = '') {
    this.#file = file;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw mapError(file, `${what} is no object`);
    this.#properties = new Map(Object.entries(value));
    const name = this.#properties.get('name');
    this.#title = typeof name === 'string' ? `${around}${name.slice(0, 80)}` : what;
    const unknown = [...this.#properties.keys()].find((key) => !allowed.includes(key));
    if (unknown !== undefined)
      throw mapError(
        file,
        `${this.#title} has an unknown property: ${unknown.slice(0, 80)}`,
        didYouMean(unknown, allowed),
      );
  }

  get name(): string {
    return checkName(this.#file, this.#title, this.text('name'));
  }

  value(key: string): unknown {
    return this.#properties.get(key);
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === 'string') return value;
    throw this.error(`has no text for ${key}`);
  }

  plain(key: string): number | string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === 'string' || typeof value === 'number') return value;
    throw this.error(`has neither number nor text for ${key}`);
  }

  /** @returns null where it is not there */
  number(key: string): bigint | null {
    const value = this.plain(key);
    if (value === undefined) return null;
    const text = String(value);
    if (/^(?:0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text)) return BigInt(text);
    throw this.error(`has no number for ${key}: ${text.slice(0, 40)}`);
  }

  /** @returns null where it is not there */
  word<T extends string>(key: string, words: readonly T[]): T | null {
    const text = this.text(key);
    if (text === undefined) return null;
    const found = words.find((word) => word === text);
    if (found === undefined)
      throw this.error(`has an unknown ${key}: ${text.slice(0, 40)}`, `it may be ${words.join(', ')}`);
    return found;
  }

  list(key: string): unknown[] {
    const value = this.value(key) ?? [];
    if (!Array.isArray(value)) throw this.error(`has no list of ${key}`);
    return value;
  }

  inner(what: string, value: unknown, allowed: readonly string[]): Part {
    return new Part(this.#file, `${what} of ${this.#title}`, value, allowed, `${this.#title}.`);
  }

  error(message: string, hint?: string): Error {
    return mapError(this.#file, `${this.#title} ${message}`, hint);
  }
}
