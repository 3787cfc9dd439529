import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAPERS, withOutputs, withoutTimes } from '../readme/console-blocks';

// The commands and what they print: `npm run readme` writes it anew.
test.each(PAPERS)(
  '%s shows what its commands print',
  (paper) => {
    const text = readFileSync(join(__dirname, '../..', paper), 'utf8');
    expect(withoutTimes(withOutputs(text))).toBe(withoutTimes(text));
  },
  240_000,
);

test('a changed output would fail', () => {
  const shown = '```console\n$ udrv uio read uio0 map0:0x0\n0x010000ee\n```\n';
  expect(withOutputs(shown)).toBe(shown.replace('ee', 'ed'));
}, 60_000);

test('times are no change', () => {
  const shown = (p50: string, bar: string) => `p50 ${p50} us\n\n  2.2 us ${bar} 71\n  10 us 0\nend\n`;
  expect(withoutTimes(shown('5.5', '█████▍'))).toBe(withoutTimes(shown('15.5', '██')));
  expect(withoutTimes('p50 5.5 us\n')).not.toBe(withoutTimes('p90 5.5 us\n'));
});
