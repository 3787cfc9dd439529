import { Exit, UdrvError, usageError } from '../errors';
import type { Location } from '../model/location';
import type { Width } from '../sys/sys';
import { nearest } from '../text/nearest';
import { matchesWildcard } from '../text/wildcard';
import type { NamedRegister, Peripheral, RegisterField } from './model';
import { bytesOf, listed, type PlacedPeripheral } from './place';

/** A register of a device by its name. */
export interface PlacedRegister {
  peripheral: Peripheral;
  register: NamedRegister;
  region: string;
  /** In the region, in bytes. */
  offset: number;
}

/** A word that names a register or a field of one. */
export interface ResolvedLocation extends PlacedRegister {
  /** The full name: `UART0.CTRL.MODE`. */
  name: string;
  field: RegisterField | null;
  /** The place of it: a field's value is shifted and masked. */
  location: Location;
}

/** Names that are compared for a suggestion at most. */
const MOST_COMPARED = 100_000;

/** The registers of placed maps, by their names. */
export class RegisterNames {
  readonly #placed: readonly PlacedPeripheral[];
  #index: Map<string, PlacedRegister[]> | undefined;

  constructor(placed: readonly PlacedPeripheral[]) {
    this.#placed = placed;
  }

  /** Lists all registers, in the order of their regions and offsets. */
  all(): PlacedRegister[] {
    const order = new Map<string, number>();
    for (const { region } of this.#placed) if (!order.has(region)) order.set(region, order.size);
    const rank = (region: string) => order.get(region) ?? 0;
    return [...this.#each()].sort((a, b) => rank(a.region) - rank(b.region) || a.offset - b.offset);
  }

  /** Lists the registers whose name, with or without the peripheral's, a pattern with `*` and `?` matches. */
  matching(pattern: string): PlacedRegister[] {
    const wanted = pattern.toLowerCase();
    return this.all().filter((one) => namesOf(one).some((name) => matchesWildcard(wanted, name.toLowerCase())));
  }

  /**
   * Finds the place of `REG`, `PERIPHERAL.REG` or either with `.FIELD` behind. Case does not count where that is clear,
   * nor do the brackets of arrays.
   *
   * @returns null, where no register has the name
   * @throws UdrvError exit 3: several have it; exit 2: it has no width that can be accessed
   */
  find(word: string): ResolvedLocation | null {
    const found = this.#register(word);
    if (found !== null) return resolved(found, null);
    const dot = word.lastIndexOf('.');
    const around = dot > 0 ? this.#register(word.slice(0, dot)) : null;
    if (around === null) return null;
    const name = word.slice(dot + 1);
    const { fields } = around.register;
    const field = fields.find((one) => one.name === name) ?? fields.find((one) => plain(one.name) === plain(name));
    if (field !== undefined) return resolved(around, field);
    const names = fields.map((one) => one.name);
    const near = nearest(name, names).map((one) => `${word.slice(0, dot)}.${one}`);
    throw notFound(word, `${fullName(around)} has no field ${name}`, near, names);
  }

  /** Returns names of registers that are most like a word. */
  nearest(word: string): string[] {
    const wanted = plain(word);
    const names = new Set<string>();
    for (const one of this.#each()) {
      if (names.size >= MOST_COMPARED) break;
      for (const name of namesOf(one)) names.add(name);
    }
    const near = nearest(wanted, names);
    return near.length > 0 || !word.includes('.') ? near : nearest(plain(word.slice(0, word.lastIndexOf('.'))), names);
  }

  *#each(): Generator<PlacedRegister> {
    for (const { peripheral, region, offset } of this.#placed)
      for (const register of peripheral.registers)
        yield { peripheral, register, region, offset: offset + register.offset };
  }

  #register(word: string): PlacedRegister | null {
    this.#index ??= index(this.#each());
    const found = this.#index.get(plain(word)) ?? [];
    const exact = found.filter((one) => namesOf(one).includes(word));
    const [first, ...others] = exact.length > 0 ? exact : found;
    if (first === undefined) return null;
    if (others.length === 0) return first;
    const names = [first, ...others].map(fullName);
    throw new UdrvError('is the name of several registers', {
      code: 'ENOREGISTER',
      exit: Exit.notFound,
      subject: word,
      hint: `write ${listed([...new Set(names)])}`,
    });
  }
}

/**
 * Finds the place of a word that names a register or a field: the one way from a name to a location.
 *
 * @throws UdrvError exit 3: no register has the name, and the hint says which are like it, or several have it; exit 2:
 *   it has no width that can be accessed
 */
export function resolveLocation(word: string, names: RegisterNames): ResolvedLocation {
  const found = names.find(word);
  if (found !== null) return found;
  throw notFound(word, 'no register has this name', names.nearest(word), []);
}

/** Returns the name of a register with that of its peripheral: `UART0.CTRL`. */
export function fullName({ peripheral, register }: PlacedRegister): string {
  return `${peripheral.name}.${register.name}`;
}

/** Returns the bytes of an access to a register; null: it has a width that no access has. */
export function accessWidth(register: NamedRegister): Width | null {
  const bytes = register.words?.stride ?? bytesOf(register);
  return ([1, 2, 4, 8] as const).find((width) => width === bytes) ?? null;
}

/**
 * Returns the place of a register, or of a field of it, in its region.
 *
 * @throws usage, where no access is as wide as the register
 */
export function locationOf(
  { peripheral, register, region, offset }: PlacedRegister,
  field: RegisterField | null,
): Location {
  const { words, bits } = register;
  const width = accessWidth(register);
  if (width === null)
    throw usageError(`${peripheral.name}.${register.name}`, `has ${bits} bits, and no access is as wide`);
  if (field !== null && field.lsb + field.bits > bits)
    throw usageError(`${peripheral.name}.${register.name}.${field.name}`, `is outside of its register of ${bits} bits`);
  return {
    region,
    offset,
    width,
    ...(words !== undefined && { words }),
    ...(field !== null && { field: { lsb: field.lsb, bits: field.bits } }),
  };
}

function resolved(placed: PlacedRegister, field: RegisterField | null): ResolvedLocation {
  const name = field === null ? fullName(placed) : `${fullName(placed)}.${field.name}`;
  return { ...placed, name, field, location: locationOf(placed, field) };
}

function notFound(word: string, message: string, near: readonly string[], all: readonly string[]): UdrvError {
  const hint =
    near.length > 0 ? `did you mean ${near.join(', ')}?` : all.length > 0 ? `it has ${listed(all)}` : undefined;
  return new UdrvError(message, { code: 'ENOREGISTER', exit: Exit.notFound, subject: word, hint });
}

function namesOf(placed: PlacedRegister): string[] {
  const { name, fullName: whole } = placed.register;
  return whole === undefined ? [name, fullName(placed)] : [name, fullName(placed), whole];
}

function index(registers: Iterable<PlacedRegister>): Map<string, PlacedRegister[]> {
  const found = new Map<string, PlacedRegister[]>();
  for (const one of registers)
    for (const name of new Set(namesOf(one).map(plain))) {
      const known = found.get(name);
      if (known === undefined) found.set(name, [one]);
      else known.push(one);
    }
  return found;
}

const plain = (name: string): string => name.toLowerCase().replace(/[[\]]/g, '');
