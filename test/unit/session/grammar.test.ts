import fc from 'fast-check';
import { UdrvError } from '../../../src/errors';
import { openBlocks, parseSteps, type Step } from '../../../src/session/grammar';
import { anyText } from '../../support/any-text';

/** The steps without their places. */
const shape = (steps: readonly Step[]): unknown[] =>
  steps.map((step) => ('steps' in step ? [step.count, shape(step.steps)] : [step.verb, ...step.words]));

function messageOf(text: string): string {
  try {
    parseSteps(text);
  } catch (error) {
    if (error instanceof UdrvError) return `${error.exit} ${error.subject}: ${error.message}`;
    throw error;
  }
  throw new Error('it did not fail');
}

test.each([
  ['', []],
  ['read bar0:0', [['read', 'bar0:0']]],
  ['  read\tbar0 0x4 # a comment; not a step\n\n#\n', [['read', 'bar0', '0x4']]],
  ['a; b;;c\r\nd', [['a'], ['b'], ['c'], ['d']]],
  ["load A @'a file' \"it's\" a#b", [['load', 'A', '@a file', "it's", 'a#b']]],
  ['repeat 2 { a; repeat 0x3 { b 1 } }', [[2, [['a'], [3, [['b', '1']]]]]]],
  ['repeat 1K\n{\na\n}\nb', [[1024, [['a']]], ['b']]],
  ['repeat 2{a}', [[2, [['a']]]]],
])('%j', (text, steps) => {
  expect(shape(parseSteps(text))).toEqual(steps);
});

test('a step has its number, its line and its text', () => {
  const steps = parseSteps('a 1\n\nrepeat 2 {\n  load A "x y"; b\n}\nc');
  expect(steps).toEqual([
    { number: 1, line: 1, verb: 'a', words: ['1'], text: 'a 1' },
    {
      number: 2,
      line: 3,
      count: 2,
      steps: [
        { number: 3, line: 4, verb: 'load', words: ['A', 'x y'], text: "load A 'x y'" },
        { number: 4, line: 4, verb: 'b', words: [], text: 'b' },
      ],
    },
    { number: 5, line: 6, verb: 'c', words: [], text: 'c' },
  ]);
});

test.each([
  ['a\n}', '2 line 2: }: closes nothing'],
  ['a\nrepeat 2 {\nb', '2 line 2: repeat: its { is not closed'],
  ['repeat { a }', '2 line 1: repeat: write repeat N { STEP; STEP }'],
  ['repeat 2 a', '2 line 1: repeat: write repeat N { STEP; STEP }'],
  ['repeat 2 3 { a }', '2 line 1: repeat: write repeat N { STEP; STEP }'],
  ['repeat 0 { a }', '2 line 1: 0: is not a count: at least 1'],
  ['read { a }', '2 line 1: {: read takes no block'],
  ['{ a }', '2 line 1: {: opens nothing'],
  ["a 'b\nc'", "2 line 1: ': the quote is not closed in its line"],
  ['a \x00b', '2 line 1: \x00b: has a control character'],
  [`${'repeat 2 {'.repeat(9)}a${'}'.repeat(9)}`, '2 line 1: repeat: more than 8 inside of each other'],
])('%j is refused', (text, message) => {
  expect(messageOf(text)).toBe(message);
});

test('any text is steps, or a clear error of usage', () => {
  const word = fc.constantFrom(
    'repeat',
    '2',
    '{',
    '}',
    ';',
    '\n',
    "'",
    '"',
    '#',
    'read',
    'bar0:0',
    '\\',
    '\x1b',
    '\ud800',
    ' ',
  );
  const text = fc.oneof(
    anyText(),
    fc.array(word, { maxLength: 60 }).map((words) => words.join(' ')),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        parseSteps(given);
      } catch (error) {
        expect(error).toBeInstanceOf(UdrvError);
        expect((error as UdrvError).exit).toBe(2);
        expect((error as UdrvError).subject).toMatch(/^line \d+: /);
      }
    }),
    { numRuns: 2000 },
  );
});

test('the text of a step is the step again', () => {
  const letters = fc.string({
    unit: fc.constantFrom('a', 'B', '0', ':', '=', '&', ' ', '#', ';', '{', '"', '@'),
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 5 }), (words) => {
      const text = ['verb', ...words.map((word) => `'${word}'`)].join(' ');
      const [step] = parseSteps(text);
      if (step === undefined || 'steps' in step) throw new Error('no step');
      expect(shape(parseSteps(step.text))).toEqual([['verb', ...words]]);
    }),
  );
});

test.each([
  ['repeat 2 {', 1],
  ['repeat 2 { a; repeat 3 {\n', 2],
  ['repeat 2 { a }', 0],
  ["echo '{'", 0],
])('%j has blocks that are open: %i', (text, count) => {
  expect(openBlocks(text)).toBe(count);
});
