import fc from 'fast-check';
import { type Comparison, compareBlocks } from '../../../src/cli/changes/compare';
import { type Block, clipped, parseDump } from '../../../src/cli/changes/dump-file';
import { hexLines, wordLines } from '../../../src/cli/output/dump';
import { getWordLE, hexWord } from '../../../src/model/registers';
import type { Width, Word } from '../../../src/sys/sys';

const parse = (text: string) => parseDump(Buffer.from(text), 'A');

/** Returns the words of a block. */
const wordsOf = ({ bytes }: Block, width: Width): Word[] =>
  Array.from({ length: bytes.length / width }, (_, i) => getWordLE(bytes, i * width, width));

const width = fc.constantFrom<Width>(1, 2, 4, 8);
const dump = width.chain((each) =>
  fc.record({
    each: fc.constant(each),
    offset: fc.nat(1000).map((n) => n * each),
    words: fc.array(
      (each === 8
        ? fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
        : fc.integer({ min: 0, max: 2 ** (8 * each) - 1 })) as fc.Arbitrary<Word>,
      { minLength: 1, maxLength: 50 },
    ),
  }),
);

describe('a dump is parsed as it was written,', () => {
  const lines = (all: Iterable<{ offset: string; content: string }>) =>
    Array.from(all, ({ offset, content }) => `${offset}  ${content}\n`).join('');

  test('as words', () =>
    fc.assert(
      fc.property(dump, ({ each, offset, words }) => {
        const parsed = parse(lines(wordLines(words, { offset, length: words.length * each }, each)));
        expect(parsed).toMatchObject({ region: null, width: each, isRaw: false });
        expect(parsed.blocks.map((block) => [block.offset, wordsOf(block, each)])).toEqual([[offset, words]]);
      }),
    ));

  test('as bytes with ASCII', () =>
    fc.assert(
      fc.property(dump, ({ each, offset, words }) => {
        const parsed = parse(lines(hexLines(words, { offset, length: words.length * each }, each)));
        expect(parsed).toMatchObject({ region: null, width: null, isRaw: false });
        expect(parsed.blocks.map((block) => [block.offset, wordsOf(block, each)])).toEqual([[offset, words]]);
      }),
    ));

  test('as JSON', () =>
    fc.assert(
      fc.property(dump, ({ each, offset, words }) => {
        const texts = words.map((word) => hexWord(word, each));
        const parsed = parse(JSON.stringify({ region: 'map0', offset, width: each, words: texts }));
        expect(parsed).toMatchObject({ region: 'map0', width: each, isRaw: false });
        expect(parsed.blocks.map((block) => [block.offset, wordsOf(block, each)])).toEqual([[offset, words]]);
      }),
    ));

  test('as raw bytes, which is all that is none of the others', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const parsed = parseDump(Buffer.from(bytes), 'A');
        expect(parsed.isRaw).toBe(true);
        expect([...(parsed.blocks[0]?.bytes ?? [])]).toEqual([...bytes]);
      }),
    ));

  test('as a terminal shows it, with folded lines', () => {
    const { blocks } = parse('0x0000  0x01 0x02\n0x0002  0x00 0x00\n*\n0x0008  0x00 0x00\n0x0010  0x05\n');
    expect(blocks).toEqual([
      { offset: 0, bytes: Buffer.from([1, 2, 0, 0, 0, 0, 0, 0, 0, 0]) },
      { offset: 16, bytes: Buffer.from([5]) },
    ]);
  });
});

describe('a file that is damaged', () => {
  test.each([
    ['0x0000  0x01\nhello\n', 'A:2'],
    ['0x0000  0x01\n0x0001  0x0001\n', 'A:2'],
    ['0x0000  0x01 0x0001\n', 'A:1'],
    ['0x0000  0x012\n', 'A:1'],
    ['0x0010  0x01\n0x0000  0x01\n', 'A:2'],
    ['0x0000  0x01\n0x0000  0x01\n', 'A:2'],
    ['0x0000  00 01  |..|\n0x0002  0x01\n', 'A:2'],
    ['0x0000  0x01\n0x0001  00  |.|\n', 'A:2'],
    // Lines that would be gigabytes.
    ['0x0000  0x01\n*\n0xfffffffffffff  0x01\n', 'A:3'],
    ['0x0000  0x01 0x02\n*\n0x0003  0x01\n', 'A:3'],
    ['0x0000  0x01\n*\n0x3000000  0x01\n*\n0x5000000  0x01\n', 'A:5'],
  ])('%j', (text, subject) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ subject, message: 'is no line of this dump' }));
  });

  test.each(['{', '{"region":"map0"}', '{"region":"map0","offset":-1,"width":4,"words":[]}', '[]'])(
    '%j is raw bytes',
    (text) => {
      expect(parse(text)).toMatchObject({ isRaw: true });
    },
  );
});

test('a part of a dump is cut out', () => {
  const blocks = [
    { offset: 0, bytes: Buffer.from([0, 1, 2, 3]) },
    { offset: 8, bytes: Buffer.from([8, 9]) },
  ];
  expect(clipped(blocks, 2, 9)).toEqual([
    { offset: 2, bytes: Buffer.from([2, 3]) },
    { offset: 8, bytes: Buffer.from([8]) },
  ]);
  expect(clipped(blocks, 4, 8)).toEqual([]);
});

describe('a comparison', () => {
  const blocks = fc
    .array(fc.tuple(fc.nat(6), fc.array(fc.nat(2), { minLength: 1, maxLength: 6 })), { maxLength: 8 })
    .map((all) => {
      let offset = 0;
      return all.map(([gap, values]) => {
        const block = { offset: offset + gap, bytes: Buffer.from(values) };
        offset = block.offset + values.length;
        return block;
      });
    });
  const valuesOf = (all: readonly Block[]) =>
    new Map(all.flatMap(({ offset, bytes }) => Array.from(bytes, (byte, i) => [offset + i, byte] as const)));
  const offsetsOf = (ranges: Comparison['onlyBefore']) =>
    ranges.flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));

  test('is that of the values at each offset', () =>
    fc.assert(
      fc.property(blocks, blocks, (before, after) => {
        const { differences, onlyBefore, onlyAfter } = compareBlocks(before, after, 1);
        const [was, is] = [valuesOf(before), valuesOf(after)];
        expect(differences).toEqual(
          [...was]
            .filter(([offset, value]) => is.has(offset) && is.get(offset) !== value)
            .map(([offset, value]) => ({ offset, before: value, after: is.get(offset) })),
        );
        expect(offsetsOf(onlyBefore)).toEqual([...was.keys()].filter((offset) => !is.has(offset)));
        expect(offsetsOf(onlyAfter)).toEqual([...is.keys()].filter((offset) => !was.has(offset)));
      }),
    ));

  test('of registers wider than a byte', () => {
    const [before, after] = [Buffer.alloc(16), Buffer.alloc(16)];
    after.writeUInt32LE(0x80000001, 4);
    const { differences } = compareBlocks([{ offset: 0x20, bytes: before }], [{ offset: 0x20, bytes: after }], 4);
    expect(differences).toEqual([{ offset: 0x24, before: 0, after: 0x80000001 }]);
  });
});
