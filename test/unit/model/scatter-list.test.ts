import fc from 'fast-check';
import { type DmaSegment, scatterList, segmentOf } from '../../../src/model/scatter-list';

test('pieces that follow each other are one entry', () => {
  const pieces = [
    { iova: 0x1000n, length: 0x1000 },
    { iova: 0x2000n, length: 0x10 },
    { iova: 0x8000n, length: 4 },
  ];
  expect(scatterList(pieces)).toEqual([
    { iova: 0x1000n, length: 0x1010 },
    { iova: 0x8000n, length: 4 },
  ]);
});

test('no entry crosses a page, as the PRPs of NVMe want it', () => {
  expect(scatterList([segmentOf({ iova: 0x10000n, length: 0x4000 }, 0xe00, 0x1400)], { boundary: 0x1000 })).toEqual([
    { iova: 0x10e00n, length: 0x200 },
    { iova: 0x11000n, length: 0x1000 },
    { iova: 0x12000n, length: 0x200 },
  ]);
});

test('what is no part of a buffer, and no limit', () => {
  const buffer = { iova: 0x1000n, length: 0x1000 };
  for (const [offset, size] of [
    [-1, 1],
    [0, 0x1001],
    [0x1000, 1],
    [0.5, 1],
    [0, Number.NaN],
  ] as const)
    expect(() => segmentOf(buffer, offset, size)).toThrow(RangeError);
  for (const boundary of [0, -4096, 3, Number.NaN])
    expect(() => scatterList([buffer], { boundary })).toThrow(RangeError);
  for (const maxLength of [0, -1, 1.5]) expect(() => scatterList([buffer], { maxLength })).toThrow(RangeError);
});

test('property: the bytes are the same, in order, within the limits', () => {
  const piece = fc.record({ iova: fc.bigInt(0n, 300n), length: fc.integer({ min: 0, max: 70 }) });
  const limits = fc.record(
    { boundary: fc.constantFrom(1, 2, 16, 64), maxLength: fc.integer({ min: 1, max: 50 }) },
    { requiredKeys: [] },
  );
  const bytes = (segments: Iterable<DmaSegment>) =>
    [...segments].flatMap(({ iova, length }) => Array.from({ length }, (_, i) => Number(iova) + i));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), limits, (pieces, { boundary, maxLength }) => {
      const list = scatterList(pieces, { boundary, maxLength });
      expect(bytes(list)).toEqual(bytes(pieces));
      for (const { iova, length } of list) {
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThanOrEqual(maxLength ?? Number.MAX_SAFE_INTEGER);
        if (boundary !== undefined)
          expect(iova / BigInt(boundary)).toBe((iova + BigInt(length) - 1n) / BigInt(boundary));
      }
    }),
  );
});
