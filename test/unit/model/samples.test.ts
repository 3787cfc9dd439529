import { Samples } from '../../../src/model/samples';
import { summarize } from '../../../src/model/statistics';

test('up to 65,536 values the percentiles are those of all', () => {
  const samples = new Samples();
  expect(samples.summary()).toEqual({ min: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  const values = Array.from({ length: 65_536 }, (_, i) => (i * 2654435761) % 1000);
  samples.addAll(values);
  expect(samples.summary()).toEqual(summarize(values));
  expect([...samples.kept]).toEqual(values);
  expect(samples.each).toBe(1);
});

test('of more, memory is bounded, and the percentiles are near', () => {
  const samples = new Samples();
  const count = 3_000_000;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = i === 12_345 ? 9999 : (Math.imul(i, 2654435761) >>> 0) % 1000;
    samples.add(value);
    sum += value;
  }
  expect(samples).toMatchObject({ count, sum });
  expect(samples.kept.length).toBeLessThanOrEqual(65_536);
  expect(samples.kept.length).toBeGreaterThanOrEqual(32_768);
  expect(samples.kept.length * samples.each).toBeGreaterThanOrEqual(count);
  const { min, p50, p90, p99, max } = samples.summary();
  expect([min, max]).toEqual([0, 9999]);
  for (const [found, right] of [
    [p50, 500],
    [p90, 900],
    [p99, 990],
  ] as const)
    expect(Math.abs(found - right)).toBeLessThan(10);
});
