import fc from 'fast-check';
import stringWidth from 'string-width';
import { visible } from '../../../src/cli/output/escape';
import { makeStyle } from '../../../src/cli/output/style';
import { brokenLine, factTable, titleLine } from '../../../src/cli/tables/facts';
import type { Column } from '../../../src/cli/tables/row';
import { table } from '../../../src/cli/tables/table';
import { shortened, textWidth } from '../../../src/cli/tables/text-width';
import { anyText } from '../../support/any-text';

test('columns are as wide as their widest cell, with nothing behind the last', () => {
  const rows = [
    ['a', 'long cell', ''],
    ['bbb', 'c', 'd '],
    ['', '', ''],
  ];
  expect(table(rows)).toBe('a    long cell\nbbb  c          d\n\n');
});

test('numbers stand on the right', () => {
  const columns: Column[] = [
    { title: 'N', align: 'right', least: 3 },
    { title: 'SIZE', align: 'right' },
  ];
  expect(table([['1', '20']], { columns, headings: true })).toBe('  N  SIZE\n  1    20\n');
});

describe('the width of text', () => {
  test.each([
    ['', 0],
    ['plain', 5],
    ['日本', 4],
    ['e\u0301', 1],
    ['👨‍👩‍👧', 2],
    ['🫠', 2],
    ['\x1b[31mred\x1b[39m', 3],
  ])('%j is %i', (text, width) => expect(textWidth(text)).toBe(width));

  test.each([
    ['plain', 5, 'plain'],
    ['plain', 4, 'pla…'],
    ['plain', 1, '…'],
    ['plain', 0, ''],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['a👨‍👩‍👧b', 3, 'a…'],
  ])('%j in %i columns is %j', (text, width, shown) => expect(shortened(text, width)).toBe(shown));

  test('a text of a hundred thousand characters is shortened in no time', () => {
    const start = process.cpuUsage();
    for (const text of ['日'.repeat(1e5), 'x'.repeat(1e5), '🫠'.repeat(1e5)])
      expect([39, 40]).toContain(textWidth(shortened(text, 40)));
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
  });

  const letters = fc.oneof(
    fc.integer({ min: 0x20, max: 0x2ff }),
    fc.integer({ min: 0x3000, max: 0x30ff }),
    fc.integer({ min: 0x33f0, max: 0xa000 }),
    fc.integer({ min: 0xabf0, max: 0xd7b0 }),
  );
  test('is as string-width has it, cut or not', () => {
    const text = fc.array(letters, { maxLength: 20 }).map((codes) => String.fromCodePoint(...codes));
    fc.assert(
      fc.property(text.map(visible), fc.integer({ min: 1, max: 50 }), (words, columns) => {
        const width = stringWidth(words);
        expect(textWidth(words)).toBe(width);
        const cut = shortened(words, columns);
        if (width <= columns) {
          expect(cut).toBe(words);
          return;
        }
        // As much as fits: a letter and its marks, such as U+302E, may take four columns.
        const [next] = new Intl.Segmenter().segment(words.slice(cut.length - 1));
        expect(stringWidth(cut)).toBeLessThanOrEqual(columns);
        expect(stringWidth(cut) + stringWidth(next?.segment ?? '')).toBeGreaterThan(columns);
      }),
      { numRuns: 1000 },
    );
  });
});

const cell = fc.oneof(
  anyText({ maxLength: 30 }).map(visible),
  fc.string({ unit: fc.constantFrom(...'aé日本語ｶﾞ🫠 ', '👨‍👩‍👧', 'e\u0301'), maxLength: 30 }),
  fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 60 }),
);
const grid = fc
  .record({ columns: fc.integer({ min: 1, max: 8 }), rows: fc.integer({ min: 0, max: 5 }) })
  .chain(({ columns, rows }) =>
    fc.record({
      rows: fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
      columns: fc.array(
        fc.record({
          title: fc.constantFrom('A', 'LONG TITLE', '見出し'),
          need: fc.option(fc.nat(9), { nil: undefined }),
        }),
        { minLength: columns, maxLength: columns },
      ),
    }),
  )
  .map(({ rows, columns }) => ({
    rows,
    columns: columns.map(({ title, need }): Column => (need === undefined ? { title } : { title, need })),
  }));

describe('on a terminal', () => {
  test.each([false, true])('no line is wider, however narrow it is (wrapped: %s)', (wrap) => {
    fc.assert(
      fc.property(grid, fc.integer({ min: 1, max: 100 }), fc.boolean(), ({ rows, columns }, width, headings) => {
        const text = table(rows, { columns, headings, width, wrap });
        for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        if (!wrap) expect(text.split('\n')).toHaveLength(rows.length + (headings ? 2 : 1));
      }),
      { numRuns: 300 },
    );
  });

  test('columns begin where they do in every other line', () => {
    // No cell is empty or has two blanks: those are between columns.
    const word = fc.string({ unit: fc.constantFrom(...'aé日本語🫠', 'e\u0301'), minLength: 1, maxLength: 12 });
    const words = fc
      .integer({ min: 2, max: 6 })
      .chain((n) => fc.array(fc.array(word, { minLength: n, maxLength: n }), { minLength: 2, maxLength: 5 }));
    fc.assert(
      fc.property(words, fc.integer({ min: 10, max: 80 }), (rows, width) => {
        const starts = table(rows, { width })
          .trimEnd()
          .split('\n')
          .map((line) => Array.from(line.matchAll(/\S+/g), ({ index }) => stringWidth(line.slice(0, index))));
        for (const line of starts) expect(line).toEqual(starts[0]);
      }),
    );
  });

  test('what fits is as it is elsewhere', () => {
    fc.assert(
      fc.property(grid, ({ rows, columns }) => {
        expect(table(rows, { columns, headings: true, width: 10_000 })).toBe(table(rows, { columns, headings: true }));
      }),
    );
  });

  const columns: Column[] = [
    { title: 'KEY' },
    { title: 'LEAST', need: 1 },
    { title: 'MORE', need: 2 },
    { title: 'NAME' },
  ];
  const rows = [['key', 'least', 'more', 'a name that is longer than others']];
  const at = (width: number) => table(rows, { columns, headings: true, width }).split('\n')[1];

  test.each([
    [51, 'key  least  more  a name that is longer than others'],
    [45, 'key  least  more  a name that is longer than…'],
    [38, 'key  least  more  a name that is long…'],
    [37, 'key  more  a name that is longer tha…'],
    [30, 'key  a name that is longer th…'],
    [20, 'key  a name that is…'],
  ])('the last column is shortened, then others go, the least needed first: %i columns', (width, line) => {
    expect(at(width)).toBe(line);
  });

  test('a remark behind a name outlives the name', () => {
    const cells = [[{ text: '日本語の長い名前', tail: '  <- blocks' }]];
    expect(table(cells, { width: 20 })).toBe('日本語の…  <- blocks\n');
    expect(table(cells, { width: 19 })).toBe('日本語…  <- blocks\n');
  });

  test('colour does not count, and stays with its text', () => {
    const style = makeStyle(true);
    const shown = table([[{ text: 'none', meaning: 'bad' }, 'x'.repeat(40)]], { style, width: 30 });
    expect(shown).toBe(`\x1b[31mnone\x1b[39m  ${'x'.repeat(23)}…\n`);
  });

  test('long text is broken between words, and begins in its column', () => {
    expect(factTable([['key', 'some words and more of them, many']], { width: 30, wrap: true })).toBe(
      '  key  some words and more of\n       them, many\n',
    );
    expect(brokenLine('    some words and more of them', 26)).toBe('    some words and more of\n    them\n');
    expect(titleLine(['1-2', '', 'a name'], {})).toBe('1-2  a name\n');
  });
});
