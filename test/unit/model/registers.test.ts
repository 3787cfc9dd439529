import { prepareActions } from '../../../src/model/action';
import type { Region } from '../../../src/model/device';
import { findRegion, Registers } from '../../../src/model/registers';
import type { Width, Word } from '../../../src/sys/sys';

const usage = expect.objectContaining({ exit: 2 });

function device(change: Partial<Region> = {}) {
  const accesses: string[] = [];
  const info: Region = {
    name: 'map0',
    kind: 'mmio',
    address: '0x1000',
    size: 0x20,
    offset: 0,
    read: true,
    write: true,
    mmap: true,
    ...change,
  };
  let opened = 0;
  let closed = 0;
  const registers = new Registers('uio0', info, () => {
    opened++;
    return {
      read(offset: number, width: Width): Word {
        accesses.push(`r${width} ${offset}`);
        return width === 8 ? 7n : offset;
      },
      write: (offset, width, value) => accesses.push(`w${width} ${offset} ${value}`),
      close: () => closed++,
    };
  });
  return { registers, accesses, opened: () => opened, closed: () => closed };
}

test('one call is one access of the width asked for, and the region is opened once', () => {
  const { registers, accesses, opened } = device();
  expect(registers.read(4, 4)).toBe(4);
  expect(registers.read(8, 8)).toBe(7n);
  registers.write(2, 2, 0xffff);
  registers.write(1, 1, 0);
  expect(accesses).toEqual(['r4 4', 'r8 8', 'w2 2 65535', 'w1 1 0']);
  expect(opened()).toBe(1);
});

test.each<[string, (r: Registers) => unknown]>([
  ['beyond the end', (r) => r.read(0x20, 4)],
  ['across the end', (r) => r.read(0x1c, 8)],
  ['negative', (r) => r.read(-4, 4)],
  ['no integer', (r) => r.read(0.5, 1)],
  ['misaligned', (r) => r.read(2, 4)],
  ['misaligned write', (r) => r.write(4, 8, 0n)],
  ['a value too large', (r) => r.write(0, 2, 0x10000)],
  ['a negative value', (r) => r.write(0, 4, -1)],
  ['a 64-bit value too large', (r) => r.write(0, 8, 1n << 64n)],
  ['a range beyond the end', (r) => [...r.words({ offset: 0x10, length: 0x14 }, 4)]],
  ['a range of no whole registers', (r) => [...r.words({ offset: 0, length: 6 }, 4)]],
])('%s: a usage error, and the device is not even opened', (_, access) => {
  const { registers, accesses, opened } = device();
  expect(() => access(registers)).toThrow(usage);
  expect(accesses).toEqual([]);
  expect(opened()).toBe(0);
});

test('a region that begins off its page is misaligned where its address is', () => {
  const { registers, accesses } = device({ offset: 0x102, size: 0x200 });
  expect(registers.read(4, 2)).toBe(4);
  expect(() => registers.read(4, 4)).toThrow(usage);
  expect(accesses).toEqual(['r2 4']);
});

test('words are read in order, each when it is asked for', () => {
  const { registers, accesses } = device();
  const words = registers.words({ offset: 8, length: 12 }, 4);
  expect(accesses).toEqual([]);
  expect(words.next().value).toBe(8);
  expect(accesses).toEqual(['r4 8']);
  expect([...words]).toEqual([12, 16]);
  expect(accesses).toEqual(['r4 8', 'r4 12', 'r4 16']);
});

test('close gives back what was opened, and nothing where nothing was', () => {
  const unused = device();
  unused.registers.close();
  expect(unused.closed()).toBe(0);
  const used = device();
  used.registers.read(0, 4);
  used.registers.close();
  used.registers.close();
  expect(used.closed()).toBe(1);
});

test('an unknown region is exit 3 and names those there are', () => {
  const { registers } = device();
  expect(() => findRegion('uio0', [registers.info], 'map7')).toThrow(
    expect.objectContaining({ exit: 3, hint: 'it has map0' }),
  );
});

describe('actions', () => {
  test('a number is written; a location is read first, once each time', () => {
    const { registers, accesses } = device();
    const run = prepareActions(
      [
        { target: { region: 'map0', offset: 4, width: 4 }, value: 9 },
        { target: { region: 'map0', offset: 8, width: 2 }, value: { region: 'map0', offset: 12, width: 1 } },
      ],
      { region: () => registers },
    );
    expect(accesses).toEqual([]);
    run();
    run();
    expect(accesses).toEqual(['w4 4 9', 'r1 12', 'w2 8 12', 'w4 4 9', 'r1 12', 'w2 8 12']);
  });

  test.each([
    [{ region: 'map0', offset: 0x20, width: 4 } as const, 1],
    [{ region: 'map0', offset: 0, width: 1 } as const, 0x100],
    [{ region: 'map0', offset: 0, width: 4 } as const, { region: 'map0', offset: 2, width: 4 } as const],
  ])('a mistake is found before anything runs', (target, value) => {
    const { registers, accesses } = device();
    expect(() => prepareActions([{ target, value }], { region: () => registers })).toThrow(usage);
    expect(accesses).toEqual([]);
  });
});
