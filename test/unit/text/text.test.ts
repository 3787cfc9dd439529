import { hex, hexDigits } from '../../../src/text/hex';
import { idPair } from '../../../src/text/ids';
import { didYouMean, nearest } from '../../../src/text/nearest';
import { shellWord } from '../../../src/text/shell';
import { sizeText } from '../../../src/text/size';

test('hex numbers have at least the digits that are asked for', () => {
  expect([hex(0x1f), hex(0x1f, 4), hex(0x12345, 4), hex(2n ** 64n - 1n)]).toEqual([
    '0x1f',
    '0x001f',
    '0x12345',
    '0xffffffffffffffff',
  ]);
  expect([hexDigits(10), hexDigits(10, 2)]).toEqual(['a', '0a']);
});

test.each([
  [0, '0'],
  [256, '256'],
  [1025, '1025'],
  [4096, '4K'],
  [2 ** 20 + 2 ** 10, '1025K'],
  [2n ** 43n, '8T'],
  [2n ** 64n - 1n, '18446744073709551615'],
])('a size of %s is %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test('ids that are not known are question marks', () => {
  expect([idPair('8086', '10d3'), idPair('8086', null), idPair(null, null)]).toEqual([
    '8086:10d3',
    '8086:????',
    '????:????',
  ]);
});

test.each([
  ['0000:00:03.0', '0000:00:03.0'],
  ['two words', "'two words'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
])('the word %j is %s to a shell', (word, quoted) => {
  expect(shellWord(word)).toBe(quoted);
});

test.each([
  ['lst', ['list', 'show'], ['list']],
  ['LIST', ['list', 'lost'], ['list']],
  ['shwo', ['show', 'how'], ['show']],
  ['uio9', ['uio0', 'uio1', 'usb1'], ['uio0', 'uio1']],
  ['GET_DESCRIPTR', ['GET_DESCRIPTOR', 'GET_STATUS'], ['GET_DESCRIPTOR']],
  // Too far, or too short to be meant.
  ['abc', ['xyz'], []],
  ['ls', ['to', 'l'], []],
  ['', ['a', 'ab'], []],
])('%j may stand for one of %j', (word, candidates, found) => expect(nearest(word, candidates)).toEqual(found));

test('a suggestion has one word or a few', () => {
  expect(didYouMean('map', ['map0'])).toBe('did you mean map0?');
  expect(didYouMean('map', ['map0', 'map1'])).toBe('did you mean one of map0, map1?');
  expect(didYouMean('map', ['map0', 'map1', 'map2', 'map3', 'map4'])).toBeUndefined();
  expect(didYouMean('map', ['config'])).toBeUndefined();
});
