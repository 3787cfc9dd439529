import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { DmaRing } from '../../../src/model/dma-ring';

function submission(entries = 4) {
  const rung: number[] = [];
  const ring = new DmaRing({
    bytes: Buffer.alloc(entries * 16),
    entries,
    entrySize: 16,
    doorbell: (index) => rung.push(index),
  });
  return { ring, rung };
}

test('the driver fills it: one entry stays free, a batch is one write of the doorbell', () => {
  const { ring, rung } = submission();
  expect([ring.claim(), ring.claim(), ring.claim(), ring.claim()]).toEqual([0, 4, 8, -1]);
  ring.submit();
  expect([rung, ring.free]).toEqual([[3], 0]);
  ring.releaseTo(2);
  expect(ring.free).toBe(2);
  expect([ring.claim(), ring.claim(), ring.claim()]).toEqual([12, 0, -1]);
  ring.submit();
  expect(rung).toEqual([3, 1]);
});

test('a device that says it has read what it was not given changes nothing', () => {
  const { ring } = submission();
  ring.claim();
  ring.releaseTo(3);
  expect(ring.free).toBe(2);
});

test('the device fills it: the phase turns around at the end', () => {
  const rung: number[] = [];
  const ring = new DmaRing({
    bytes: Buffer.alloc(3 * 8),
    entries: 3,
    entrySize: 8,
    doorbell: (index) => rung.push(index),
    done: { word: 1, mask: 0x8000_0000, flips: true },
  });
  const taken: number[] = [];
  const take = () => {
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      taken.push(ring.words[at] ?? -1);
      ring.release();
    }
    ring.acknowledge();
  };
  take();
  for (let i = 0; i < 10; i++) {
    const at = (i % 3) * 2;
    ring.words[at] = i;
    ring.words[at + 1] = Math.floor(i / 3) % 2 === 0 ? 0x8000_0000 : 0;
    if (i % 2 === 1) take();
  }
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(rung).toEqual([0, 2, 1, 0, 2, 1]);
});

test('a ring that goes both ways: nothing is taken that was not given', () => {
  const ring = new DmaRing({
    bytes: Buffer.alloc(4 * 16),
    entries: 4,
    entrySize: 16,
    doorbell: () => {},
    done: { word: 3, mask: 1, flips: false },
  });
  ring.words.fill(1);
  expect(ring.peek()).toBe(-1);
  const at = ring.claim();
  ring.words[at + 3] = 0;
  expect(ring.peek()).toBe(-1);
  ring.words[at + 3] = 0x101;
  expect(ring.peek()).toBe(at);
  ring.release();
  expect([ring.peek(), ring.free]).toEqual([-1, 3]);
});

test('what is no ring', () => {
  const make =
    (entries: number, entrySize: number, bytes = Buffer.alloc(64)) =>
    () =>
      new DmaRing({ bytes, entries, entrySize, doorbell: () => {} });
  for (const [entries, size] of [
    [1, 16],
    [2.5, 16],
    [4, 6],
    [4, 0],
    [5, 16],
    [Number.NaN, 4],
  ] as const)
    expect(make(entries, size)).toThrow(RangeError);
  expect(make(4, 16)).not.toThrow();
  expect(make(2, 16, Buffer.alloc(64).subarray(2))).toThrow(RangeError);
});

test('property: what is claimed is released in order, and never more than there is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), fc.array(fc.boolean(), { maxLength: 60 }), (entries, steps) => {
      const { ring } = submission(entries);
      const given: number[] = [];
      let read = 0;
      for (const isClaim of steps) {
        if (isClaim) {
          const at = ring.claim();
          expect(at === -1).toBe(given.length === entries - 1);
          if (at >= 0) given.push(at / ring.stride);
        } else if (given.length > 0) {
          expect(given.shift()).toBe(read);
          read = (read + 1) % entries;
          ring.releaseTo(read);
        }
        expect(ring.free).toBe(entries - 1 - given.length);
      }
    }),
  );
});

test('the last entry of a batch tells that all before it are done', () => {
  const ring = new DmaRing({
    bytes: Buffer.alloc(4 * 16),
    entries: 4,
    entrySize: 16,
    doorbell: () => {},
    done: { word: 3, mask: 1, flips: false, perBatch: true },
  });
  const claim = () => {
    const at = ring.claim();
    ring.words[at + 3] = 0;
    return at;
  };
  const taken = () => {
    const entries: number[] = [];
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      entries.push(at / 4);
      ring.release();
    }
    return entries;
  };
  ring.words.fill(1);
  expect(taken()).toEqual([]);
  claim();
  claim();
  expect(taken()).toEqual([]);
  ring.submit();
  const last = claim();
  ring.submit();
  ring.submit();
  expect(taken()).toEqual([]);
  ring.words[last + 3] = 1;
  ring.words[1 * 4 + 3] = 1;
  expect(taken()).toEqual([0, 1, 2]);
  // Over the end of the ring, as often as it goes.
  for (let i = 0; i < 9; i++) {
    const batch = [claim(), claim(), claim()];
    expect(claim()).toBe(-1);
    ring.words[(batch[2] as number) + 3] = 1;
    expect(taken()).toEqual([]);
    ring.submit();
    expect(taken()).toEqual(batch.map((at) => at / 4));
  }
});

test('a loop that polls sees what is written meanwhile', async () => {
  const shared = new SharedArrayBuffer(64);
  const ring = new DmaRing({
    bytes: Buffer.from(shared),
    entries: 4,
    entrySize: 16,
    doorbell: () => {},
    done: { word: 3, mask: 1, flips: true },
  });
  // It writes an entry at a time, each when the one before was seen, long after the loop has been optimized.
  const code = `
    const { workerData } = require('node:worker_threads');
    const words = new Int32Array(workerData);
    for (let i = 0; i < 4; i++) {
      Atomics.wait(words, 2, i, 300);
      Atomics.store(words, 4 * i, 100 + i);
      Atomics.store(words, 4 * i + 3, 1);
    }`;
  const worker = new Worker(code, { eval: true, workerData: shared });
  await new Promise((resolve) => worker.once('online', resolve));
  const end = Date.now() + 20_000;
  for (let seen = 0; seen < 4; seen++) {
    let at = ring.peek();
    for (let count = 1; at < 0; count++) {
      if (count % 1_000_000 === 0 && Date.now() > end) throw new Error('nothing was seen');
      at = ring.peek();
    }
    expect(ring.words[at]).toBe(100 + seen);
    ring.release();
  }
  await worker.terminate();
});
