import { NvmeRegisters } from '../../../src/model/nvme-registers';
import { type RegisterSpace, Registers } from '../../../src/model/registers';

/** Registers in memory, with a record of the writes. */
function controller(values: Readonly<Record<number, number>> = {}) {
  const words = new Map(Object.entries(values).map(([offset, value]) => [Number(offset), value]));
  const writes: [offset: number, value: number][] = [];
  const space: RegisterSpace = {
    read: (offset) => words.get(offset) ?? 0,
    write: (offset, _, value) => {
      words.set(offset, Number(value));
      writes.push([offset, Number(value)]);
    },
    close() {},
  };
  const info = { name: 'bar0', kind: 'mmio', address: '0xfe800000', size: 0x4000, offset: 0 } as const;
  const region = { ...info, read: true, write: true, mmap: true };
  return { registers: new NvmeRegisters(new Registers('x', region, () => space)), writes };
}

test('what the capabilities say', () => {
  // 64 entries, 7.5 s, pages of 8 KiB, doorbells 16 bytes apart.
  const { registers, writes } = controller({ 0: 0x0f00_003f, 4: 0x0001_0002, 8: 0x0001_0400 });
  expect(registers.maxEntries).toBe(64);
  expect(registers.timeoutMs).toBe(7500);
  expect(registers.pageSize).toBe(8192);
  expect(registers.version).toBe(0x0001_0400);
  registers.doorbell(3)(7);
  expect(writes).toEqual([[0x1030, 7]]);
});

test('the start: addresses in halves before the enable, entry sizes and the smallest page in it', () => {
  const { registers, writes } = controller({ 4: 0x0001_0000 });
  registers.enable({ entries: 16, submissions: 0x1_2345_6000n, completions: 0x7000n });
  expect(writes).toEqual([
    [0x24, 0x000f_000f],
    [0x28, 0x2345_6000],
    [0x2c, 1],
    [0x30, 0x7000],
    [0x34, 0],
    [0x14, 0x0046_0081],
  ]);
});

test('the stop leaves a controller alone that does not run', () => {
  const running = controller({ 20: 0x0046_0001 });
  running.registers.disable();
  expect(running.writes).toEqual([[0x14, 0x0046_0000]]);
  const stopped = controller({ 20: 0x0046_0000 });
  stopped.registers.disable();
  expect(stopped.writes).toEqual([]);
});

test.each([
  [0, false, false],
  [1, true, false],
  [2, false, true],
  [3, true, true],
])('status %s', (status, isReady, isFatal) => {
  const { registers } = controller({ 28: status });
  expect([registers.isReady, registers.isFatal, registers.status]).toEqual([isReady, isFatal, status]);
});
