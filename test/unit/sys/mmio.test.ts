import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LinuxSys } from '../../../src/sys/linux/linux-sys';
import type { Mapping, Width } from '../../../src/sys/sys';

const PAGE = 4096;
const WIDTHS: Width[] = [1, 2, 4, 8];

/** Counts in the first word of a file, which it maps: a device, as far as a reader can tell. */
const COUNTER = `
  const { workerData } = require('node:worker_threads');
  const koffi = require(workerData.koffi);
  const lib = koffi.load(null);
  const mmap = lib.func('intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)');
  const address = mmap(0, ${PAGE}, 3, 1, workerData.fd, 0);
  const words = new Uint32Array(koffi.view(BigInt(address), ${PAGE}));
  for (;;) Atomics.add(words, 0, 1);
`;

let directory: string;
const sys = new LinuxSys();
let fd: number;
let mapping: Mapping;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'udrv-mmio-'));
  const file = join(directory, 'bar');
  writeFileSync(file, Buffer.alloc(PAGE));
  fd = sys.open(file, { write: true });
  mapping = sys.mmap(fd, PAGE, true, 0);
});
afterEach(() => {
  mapping.close();
  sys.close(fd);
  rmSync(directory, { recursive: true });
});

test('a prepared read gives what a single one does, at each width', () => {
  for (const [i, byte] of [0x80, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0xff].entries()) mapping.write(8 + i, 1, byte);
  for (const width of WIDTHS) expect([width, mapping.reader(8, width)()]).toEqual([width, mapping.read(8, width)]);
  expect(mapping.reader(8, 4)()).toBe(0xbadcfe80);
});

test.each([
  [-4, 4],
  [PAGE, 4],
  [PAGE - 2, 4],
  [2, 4],
  [1, 2],
  [0.5, 1],
  [Number.NaN, 1],
] as [number, Width][])('a read at %d of width %d is refused when it is prepared', (offset, width) => {
  expect(() => mapping.reader(offset, width)).toThrow(RangeError);
});

test.each(WIDTHS)('a prepared read of width %d after the unmapping throws, and touches nothing', (width) => {
  const read = mapping.reader(0, width);
  mapping.close();
  expect(read).toThrow('is closed');
});

describe('with a word that another thread changes all the time', () => {
  let counter: Worker;
  beforeEach(() => {
    counter = new Worker(COUNTER, { eval: true, workerData: { fd, koffi: require.resolve('koffi') } });
    counter.unref();
  });
  afterEach(() => counter.terminate());

  // Each long enough to be compiled by V8's optimizing compiler, in which alone reads could get lost.
  const ROUNDS = 3_000_000;

  test('a loop that waits for a change ends', () => {
    const read = mapping.reader(0, 4);
    const start = Date.now();
    for (let changes = 0; changes < 20; changes++) {
      const before = read();
      let count = 0;
      while (read() === before) if (++count % ROUNDS === 0 && Date.now() - start > 30_000) throw new Error('no change');
    }
  });

  test('two reads, one behind the other, are two', () => {
    const read = mapping.reader(0, 4);
    const deadline = Date.now() + 30_000;
    let different = 0;
    while (different < 100 && Date.now() < deadline) different += twice(read, ROUNDS);
    expect(different).toBeGreaterThanOrEqual(100);
  });

  /** Returns how often a second read had another value than the one just before it. */
  function twice(read: () => unknown, rounds: number): number {
    let different = 0;
    for (let i = 0; i < rounds; i++) {
      const first = read();
      const second = read();
      if (first !== second) different++;
    }
    return different;
  }
});
