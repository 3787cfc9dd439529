import { type Budget, checkName, description, mapError } from '../limits';
import {
  ACCESSES,
  type AccessType,
  type EnumeratedValue,
  type NamedRegister,
  type Peripheral,
  READ_ACTIONS,
  type RegisterField,
  type RegisterMap,
  WRITE_ACTIONS,
} from '../model';
import { instances } from './arrays';
import { Derivation, type Derived } from './derive';
import { type Properties, readElements, type SvdElement } from './elements';
import { parseNumber, parsePattern } from './numbers';

/**
 * Reads a CMSIS-SVD file: addresses are absolute, offsets and sizes as the schema has them (1.3.10 and older).
 *
 * @throws usage, where it is none, or makes no sense
 */
export function readSvd(text: string, file: string, budget: Budget): RegisterMap {
  const device = readElements(text, file, budget);
  const peripherals = new SvdReader(file, budget).peripherals(device);
  const lowest = peripherals.reduce<bigint | null>((low, { base }) => (low === null || base < low ? base : low), null);
  const name = checkName(file, 'the device', device.properties.name ?? file);
  return { format: 'svd', name, base: lowest ?? 0n, peripherals };
}

/** Properties that a register has from what is around it, unless it has its own. */
interface Inherited {
  size: number;
  access: AccessType;
  resetValue: bigint | null;
}

/** The place of a cluster's elements. */
interface Surroundings extends Inherited {
  prefix: string;
  offset: number;
}

/** The widest register: no bus has accesses that wide. */
const MOST_BITS = 1024;

class SvdReader {
  readonly #file: string;
  readonly #budget: Budget;
  readonly #derivation: Derivation;
  /** Registers and fields that several elements have from one that they derive from, by their elements. */
  readonly #registers = new Map<readonly SvdElement[], { key: string; registers: NamedRegister[] }>();
  readonly #fields = new Map<readonly SvdElement[], { access: AccessType; fields: RegisterField[] }>();

  constructor(file: string, budget: Budget) {
    this.#file = file;
    this.#budget = budget;
    this.#derivation = new Derivation(file);
  }

  peripherals(device: SvdElement): Peripheral[] {
    const inherited = this.#inherited(device.properties, { size: 32, access: 'read-write', resetValue: null });
    return device.children.flatMap((element) => {
      const derived = this.#derivation.of(element);
      const { properties } = derived;
      const name = checkName(this.#file, 'a peripheral', properties.name);
      const base = parseNumber(properties.baseAddress);
      if (base === null) throw mapError(this.#file, `${name}: its baseAddress is no number: ${properties.baseAddress}`);
      const registers = this.#registersOf(derived, this.#inherited(properties, inherited));
      return instances(name, properties, this.#file, this.#budget).map((instance) => ({
        name: instance.name,
        description: description(properties.description),
        base: base + BigInt(instance.shift),
        region: null,
        registers,
      }));
    });
  }

  #inherited({ size, access, resetValue }: Properties, from: Inherited): Inherited {
    return {
      size: Number(parseNumber(size) ?? BigInt(from.size)),
      access: oneOf(ACCESSES, access) ?? from.access,
      resetValue: parseNumber(resetValue) ?? from.resetValue,
    };
  }

  #registersOf({ children }: Derived, inherited: Inherited): NamedRegister[] {
    const key = `${inherited.size} ${inherited.access} ${inherited.resetValue}`;
    const known = this.#registers.get(children);
    if (known?.key === key) {
      // They are there once, and shown and looked through for each peripheral.
      this.#budget.spend(known.registers.length);
      return known.registers;
    }
    const registers: NamedRegister[] = [];
    this.#collect(children, { ...inherited, prefix: '', offset: 0 }, registers);
    this.#registers.set(children, { key, registers });
    return registers;
  }

  #collect(elements: readonly SvdElement[], around: Surroundings, registers: NamedRegister[]): void {
    for (const element of elements) {
      const derived = this.#derivation.of(element);
      const { properties } = derived;
      const own = checkName(this.#file, `a ${element.kind}`, properties.name);
      const name = checkName(this.#file, `a ${element.kind}`, `${around.prefix}${own}`);
      const offset = parseNumber(properties.addressOffset);
      if (offset === null)
        throw mapError(this.#file, `${name}: its addressOffset is no number: ${properties.addressOffset}`);
      const inherited = this.#inherited(properties, around);
      for (const instance of instances(name, properties, this.#file, this.#budget)) {
        const at = around.offset + Number(offset) + instance.shift;
        if (!Number.isSafeInteger(at)) throw mapError(this.#file, `${name}: its offset is too large`);
        if (element.kind === 'cluster')
          this.#collect(derived.children, { ...inherited, prefix: `${instance.name}.`, offset: at }, registers);
        else registers.push(this.#register(instance.name, at, derived, inherited));
      }
    }
  }

  #register(name: string, offset: number, derived: Derived, { size, access, resetValue }: Inherited): NamedRegister {
    this.#budget.spend(1);
    const { properties, children } = derived;
    if (size < 1 || size > MOST_BITS) throw mapError(this.#file, `${name}: a register cannot have ${size} bits`);
    return {
      name,
      description: description(properties.description),
      offset,
      bits: size,
      access,
      readAction: oneOf(READ_ACTIONS, properties.readAction),
      writeAction: oneOf(WRITE_ACTIONS, properties.modifiedWriteValues),
      resetValue,
      fields: this.#fieldsOf(children, access),
    };
  }

  #fieldsOf(elements: readonly SvdElement[], access: AccessType): readonly RegisterField[] {
    if (elements.length === 0) return [];
    const known = this.#fields.get(elements);
    if (known?.access === access) return known.fields;
    const fields = elements.flatMap((element) => this.#field(element, access));
    this.#fields.set(elements, { access, fields });
    return fields;
  }

  #field(element: SvdElement, access: AccessType): RegisterField[] {
    const { properties, children } = this.#derivation.of(element);
    const name = checkName(this.#file, 'a field', properties.name);
    const { lsb, bits } = this.#bitRange(name, properties);
    const values = children.flatMap((list) => this.#values(list));
    return instances(name, properties, this.#file, this.#budget).map((instance) => {
      this.#budget.spend(1);
      return {
        name: instance.name,
        description: description(properties.description),
        lsb: lsb + instance.shift,
        bits,
        access: oneOf(ACCESSES, properties.access) ?? access,
        readAction: oneOf(READ_ACTIONS, properties.readAction),
        writeAction: oneOf(WRITE_ACTIONS, properties.modifiedWriteValues),
        values,
      };
    });
  }

  #bitRange(name: string, { bitOffset, bitWidth, lsb, msb, bitRange }: Properties): { lsb: number; bits: number } {
    const range = /^\[?\s*(\d{1,4})\s*:\s*(\d{1,4})\s*\]?$/.exec(bitRange ?? '');
    const number = (text: string | undefined) => Number(parseNumber(text) ?? -1n);
    const low = range !== null ? Number(range[2]) : number(lsb ?? bitOffset);
    const count =
      range !== null ? Number(range[1]) - low + 1 : msb !== undefined ? number(msb) - low + 1 : number(bitWidth ?? '1');
    if (low < 0 || count < 1 || low + count > MOST_BITS)
      throw mapError(this.#file, `${name}: a field without its bits`);
    return { lsb: low, bits: count };
  }

  #values(list: SvdElement): EnumeratedValue[] {
    const { properties, children } = this.#derivation.of(list);
    const usage = oneOf(['read', 'write', 'read-write'] as const, properties.usage) ?? 'read-write';
    this.#budget.spend(children.length);
    return children.flatMap(({ properties: one }) => {
      const isDefault = /^(?:true|1)$/.test(one.isDefault ?? '');
      const pattern = isDefault ? { value: null, mask: 0n } : parsePattern(one.value);
      // Files leave out the names of reserved values, and a value without a number says nothing.
      if (pattern === null || !one.name) return [];
      return [
        {
          name: checkName(this.#file, 'a value', one.name),
          description: description(one.description),
          ...pattern,
          usage,
        },
      ];
    });
  }
}

function oneOf<T extends string>(words: readonly T[], text: string | undefined): T | null {
  return words.find((word) => word === text) ?? null;
}
