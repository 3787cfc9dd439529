import fc from 'fast-check';
import { LogHistogram } from '../../../src/model/log-histogram';
import { summarize } from '../../../src/model/statistics';

const filled = (values: readonly number[]) => {
  const histogram = new LogHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
};

test('percentiles are those of the values, but for the width of a class', () => {
  const value = fc.double({ min: 1, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const summary = filled(values).summary();
      const exact = summarize(values);
      expect([summary?.min, summary?.max]).toEqual([exact.min, exact.max]);
      for (const name of ['p50', 'p90', 'p99'] as const)
        expect(Math.abs((summary?.[name] ?? 0) - exact[name])).toBeLessThanOrEqual(exact[name] * 0.023 + 0.1);
    }),
  );
});

test('nothing, and what is too small or too large for a class', () => {
  expect(filled([]).summary()).toBeNull();
  expect(filled([]).percentile(0.5)).toBeNaN();
  expect(filled([0]).summary()).toEqual({ min: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  expect(filled([0, 1e30]).summary()).toMatchObject({ min: 0, max: 1e30 });
  expect(filled([7, 7, 7]).summary()).toEqual({ min: 7, p50: 7, p90: 7, p99: 7, max: 7 });
});
