import { bytewise, type SimRegion } from '../hardware/region';
import type { PciFunction } from '../pci/function';
import type { Saved, StateReader } from '../state/saved';

/** The tests of BAR 0 (memory) and BAR 1 (ports), in this order: hw/misc/pci-testdev.c of QEMU. */
const TESTS = ['no-eventfd', 'wildcard-eventfd', 'datamatch-eventfd'] as const;
const SPACES = [
  { bar: 0, type: 'mmio', half: 0x800 },
  { bar: 1, type: 'portio', half: 0x80 },
] as const;

/** Offsets in the structure at the start of either BAR: u8 test, u8 width, u32 offset, u8 data, u32 count, the name. */
const AT_COUNT = 12;
const AT_NAME = 16;
const DATA_MATCHED = 0xfa;
const DATA_ANY = 0xce;

interface Test {
  readonly header: Buffer;
  /** The byte that counts when it is written. */
  readonly offset: number;
  readonly data: number;
  readonly matchData: boolean;
  /** Set where QEMU gives writes to an eventfd: the device does not count them. */
  readonly eventfd: boolean;
}

/**
 * QEMU's `pci-testdev`: no interrupt, memory in BAR 0 and ports in BAR 1. Writing a test's number to offset 0 selects
 * it, and its description can be read; a write to the byte it names is counted there. It takes single bytes only.
 */
export class PciTestDevice {
  /** Those of each space. */
  readonly #tests: readonly (readonly Test[])[];
  #current: Test | null = null;

  constructor(fn: PciFunction) {
    this.#tests = SPACES.map((space, index) =>
      TESTS.map((name, test) => makeTest(space, name, index * TESTS.length + test)),
    );
    for (const [index, { bar }] of SPACES.entries()) fn.attach(bar, this.#space(this.#tests[index] ?? []));
  }

  save(): Saved {
    const tests = this.#tests.flat();
    const current = this.#current === null ? null : tests.indexOf(this.#current);
    return { current, counts: tests.map(({ header }) => header.readUInt32LE(AT_COUNT)) };
  }

  restore(state: StateReader): void {
    const tests = this.#tests.flat();
    const current = state.at('current').orNull((number) => number.integer(tests.length - 1));
    this.#current = current === null ? null : (tests[current] ?? null);
    for (const [i, count] of state.at('counts').list(tests.length).entries())
      tests[i]?.header.writeUInt32LE(count.u32(), AT_COUNT);
  }

  #space(tests: readonly Test[]): SimRegion {
    return bytewise(
      (offset) => this.#read(offset),
      (offset, value) => this.#write(tests, offset, value),
    );
  }

  #read(offset: number): number {
    const header = this.#current?.header;
    // The last byte of the name, its NUL, is out of bounds too.
    return header === undefined || offset + 1 >= header.length ? 0 : (header[offset] ?? 0);
  }

  #write(tests: readonly Test[], offset: number, value: number): void {
    if (offset === 0) {
      this.#current = tests[value] ?? null;
      this.#current?.header.writeUInt32LE(0, AT_COUNT);
      return;
    }
    const test = this.#current;
    if (test === null || offset !== test.offset || test.eventfd) return;
    if (test.matchData && value !== test.data) return;
    test.header.writeUInt32LE((test.header.readUInt32LE(AT_COUNT) + 1) >>> 0, AT_COUNT);
  }
}

function makeTest({ type, half }: (typeof SPACES)[number], name: (typeof TESTS)[number], index: number): Test {
  const matchData = name !== 'wildcard-eventfd';
  const data = matchData ? DATA_MATCHED : DATA_ANY;
  const offset = half + index;
  const text = `${type}-${name}\0`;
  const header = Buffer.alloc(AT_NAME + text.length);
  header[0] = index;
  header[1] = 1;
  header.writeUInt32LE(offset, 4);
  header[8] = data;
  header.write(text, AT_NAME, 'latin1');
  return { header, offset, data, matchData, eventfd: name !== 'no-eventfd' };
}
