import fc from 'fast-check';
import type { IovaRange } from '../../../src/vfio/dma/iommu';
import { IovaAllocator } from '../../../src/vfio/dma/iova';

const PAGE = 4096n;
/** Ranges of an Intel IOMMU of 39 bits: the hole is the MSI window. */
const INTEL: IovaRange[] = [
  { start: 0n, end: 0xfedfffffn },
  { start: 0xfef00000n, end: 0x7f_ffff_ffffn },
];

test('low addresses come first, but not 0', () => {
  const iova = new IovaAllocator(INTEL, PAGE);
  expect([iova.allocate(4096), iova.allocate(1), iova.allocate(8192)]).toEqual([0x100000n, 0x101000n, 0x102000n]);
});

test('address 0 when nothing else is left', () => {
  const iova = new IovaAllocator([{ start: 0n, end: 0x1fffn }], PAGE);
  expect([iova.allocate(4096), iova.allocate(4096), iova.allocate(4096)]).toEqual([0n, 0x1000n, null]);
});

test('an alignment of its own', () => {
  const iova = new IovaAllocator(INTEL, PAGE);
  iova.allocate(4096);
  expect(iova.allocate(2 ** 21, 1n << 21n)).toBe(0x200000n);
});

test('nothing lies above the limit', () => {
  const iova = new IovaAllocator(INTEL, PAGE);
  const limit = (1n << 28n) - 1n;
  expect(iova.allocate(0xff00000, PAGE, limit)).toBe(0x100000n);
  expect(iova.allocate(4096, PAGE, limit)).toBe(0n);
  expect(iova.allocate(0x100000, PAGE, limit)).toBeNull();
  expect(iova.allocate(0x100000, PAGE)).toBe(0x10000000n);
});

test('what is larger than what lies before the hole goes behind it', () => {
  expect(new IovaAllocator(INTEL, PAGE).allocate(2n ** 32n)).toBe(0xfef00000n);
});

test('nothing can be had of nothing', () => {
  expect(new IovaAllocator([], PAGE).allocate(4096)).toBeNull();
  expect(new IovaAllocator(INTEL, PAGE).allocate(0)).toBeNull();
});

test('what is given back can be had again, also in one piece', () => {
  const iova = new IovaAllocator([{ start: 0x100000n, end: 0x101fffn }], PAGE);
  iova.allocate(4096);
  iova.allocate(4096);
  iova.free(0x101000n, 1);
  iova.free(0x100000n, 4096);
  expect(iova.allocate(8192)).toBe(0x100000n);
});

test('property: pieces lie in the ranges, on their alignment, and never in each other', () => {
  const range = fc.tuple(fc.bigInt(0n, 1n << 24n), fc.bigInt(0n, 1n << 24n)).map(([a, b]) => ({
    start: (a < b ? a : b) * 0x800n,
    end: (a < b ? b : a) * 0x800n + 0x7ffn,
  }));
  const request = fc.record({ length: fc.integer({ min: 1, max: 1 << 22 }), shift: fc.integer({ min: 12, max: 21 }) });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 5 }), fc.array(request, { maxLength: 30 }), (ranges, requests) => {
      const iova = new IovaAllocator(ranges, PAGE);
      const taken: IovaRange[] = [];
      for (const { length, shift } of requests) {
        const address = iova.allocate(length, 1n << BigInt(shift));
        if (address === null) continue;
        const end = address + BigInt(length) - 1n;
        expect(address % (1n << BigInt(shift))).toBe(0n);
        for (const other of taken) expect(address > other.end || end < other.start).toBe(true);
        const inside = (a: bigint) => ranges.some((r) => a >= r.start && a <= r.end);
        expect(inside(address) && inside(end)).toBe(true);
        taken.push({ start: address, end });
      }
    }),
  );
});
