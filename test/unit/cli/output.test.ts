import fc from 'fast-check';
import { hexLines, wordLines } from '../../../src/cli/output/dump';
import { json, visible } from '../../../src/cli/output/escape';
import { histogram } from '../../../src/cli/output/histogram';
import { useColor } from '../../../src/cli/output/style';
import { summarize } from '../../../src/model/statistics';
import { anyText } from '../../support/any-text';

describe('text from a device', () => {
  test.each([
    ['plain', 'plain'],
    ['\x1b[31mred', '\\x1b[31mred'],
    ['a\nb\tc\0', 'a\\x0ab\\x09c\\x00'],
    ['\x7f\x9b2J', '\\x7f\\x9b2J'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['lone \ud800 half', 'lone \\ud800 half'],
    ['Müller 🖱', 'Müller 🖱'],
  ])('%j is shown as %s', (text, shown) => expect(visible(text)).toBe(shown));

  test('never drives the terminal, as text or as JSON', () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        expect(visible(text)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        expect(json({ text })).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        expect(JSON.parse(json({ text }))).toEqual({ text });
      }),
    );
  });
});

test.each<[Parameters<typeof useColor>, boolean]>([
  [['auto', {}, true], true],
  [['auto', {}, false], false],
  [['auto', { TERM: 'dumb' }, true], false],
  [['auto', { NO_COLOR: '1' }, true], false],
  [['auto', { NO_COLOR: '' }, true], true],
  [['auto', { FORCE_COLOR: '1' }, false], true],
  [['auto', { FORCE_COLOR: '0' }, true], false],
  [['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true], false],
  [['always', { NO_COLOR: '1' }, false], true],
  [['never', { FORCE_COLOR: '1' }, true], false],
])('colour %j: %s', (given, expected) => expect(useColor(...given)).toBe(expected));

describe('dump lines', () => {
  const range = { offset: 0x20, length: 20 };

  test('words', () => {
    expect([...wordLines([0x010000ed, 0, 1, 2, 0xffffffff], range, 4)]).toEqual([
      { offset: '0x0020', content: '0x010000ed 0x00000000 0x00000001 0x00000002' },
      { offset: '0x0030', content: '0xffffffff' },
    ]);
  });

  test('bytes in the order of their addresses, with ASCII', () => {
    const [first, second] = [...hexLines([0x44434241, 0, 1, 2, 0x7e20], range, 4)];
    expect(first?.content).toBe('41 42 43 44 00 00 00 00 01 00 00 00 02 00 00 00  |ABCD............|');
    expect(second?.content).toBe(`20 7e 00 00${' '.repeat(36)}  | ~..|`);
  });
});

test('percentiles are by nearest rank', () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(summarize(values)).toEqual({ min: 1, p50: 50, p90: 90, p99: 99, max: 100 });
  expect(summarize(Float64Array.of(3.14))).toEqual({ min: 3.1, p50: 3.1, p90: 3.1, p99: 3.1, max: 3.1 });
});

describe('a histogram', () => {
  const rowsOf = (drawn: string) =>
    drawn
      .split('\n')
      .map((line) => /^ +(\S+ \S+) (\S*) ?(\d+)$/.exec(line))
      .flatMap((match) => (match === null ? [] : [{ from: match[1], bar: match[2] ?? '', count: Number(match[3]) }]));
  const sum = (drawn: string) => rowsOf(drawn).reduce((total, { count }) => total + count, 0);
  const wide = { columns: 80, utf8: true };

  test('has classes of 1, 2, 5, and an outlier beside them, not over them', () => {
    const values = [
      ...Array(10).fill(1.5),
      ...Array(40).fill(3),
      ...Array(45).fill(700),
      ...Array(105).fill(4000),
      2e6,
    ];
    expect(histogram(values, { columns: 30, utf8: true })).toBe(
      [
        '    1 us █▌ 10',
        '    2 us ██████▏ 40',
        '    5 us 0',
        '   10 us 0',
        '   20 us 0',
        '   50 us 0',
        '  100 us 0',
        '  200 us 0',
        '  500 us ██████▉ 45',
        '    1 ms 0',
        '    2 ms ████████████████ 105',
        'beyond the 99th percentile:',
        '     2 s ▏ 1',
        '',
      ].join('\n'),
    );
  });

  test('counts every value once, from nothing to a minute', () => {
    const property = fc.property(fc.array(fc.double({ min: 0, max: 6e7, noNaN: true }), { minLength: 1 }), (values) => {
      const drawn = histogram(values, wide);
      expect(sum(drawn)).toBe(values.length);
      for (const line of drawn.split('\n')) expect(line.length).toBeLessThan(80);
      for (const { bar, count } of rowsOf(drawn)) expect(bar !== '').toBe(count > 0);
    });
    fc.assert(property);
  });

  test('is fine where the values are close, and one line where they are the same', () => {
    const close = Float64Array.from({ length: 1000 }, (_, i) => 50 + i / 100);
    expect(rowsOf(histogram(close, wide)).length).toBeGreaterThanOrEqual(7);
    expect(histogram([42, 42, 42], { columns: 20, utf8: true })).toBe(`  41.2 us ${'█'.repeat(7)} 3\n`);
    expect(histogram([], wide)).toBe('');
  });

  test('takes number signs where the locale has no blocks', () => {
    expect(histogram([1, 1, 1, 1, 900], { columns: 40, utf8: false })).toMatch(/^[\x20-\x7e\n]*$/);
  });
});
