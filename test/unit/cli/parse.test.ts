import fc from 'fast-check';
import { parseAction } from '../../../src/cli/program/parse';
import {
  parseCount,
  parseDuration,
  parseRange,
  parseSize,
  parseValue,
  parseWidth,
  parseWord,
} from '../../../src/model/notation';

const usage = expect.objectContaining({ exit: 2 });

test.each([
  ['0', 0],
  ['42', 42],
  ['0x2A', 42],
  ['010', 10],
  ['9007199254740992', 9007199254740992n],
  ['0xffffffffffffffff', 0xffff_ffff_ffff_ffffn],
  ['0b101', 5],
  ['0B11', 3],
  ['0o17', 15],
  ['0x1_0000', 0x10000],
  ['1_000', 1000],
  ['0b1111_0000', 0xf0],
])('word %s', (text, value) => expect(parseWord(text)).toBe(value));

test.each([
  '',
  '-1',
  '1.5',
  '0x',
  '0xg',
  '1K',
  ' 1',
  '1e3',
  '٣',
  '0b2',
  '0b',
  '0o8',
  '_1',
  '1_',
  '1__0',
  '0x_1',
  '0_x1',
])('no word: %j', (text) => expect(() => parseWord(text)).toThrow(usage));

test.each([
  ['-1', 1, 0xff],
  ['-1', 2, 0xffff],
  ['-128', 1, 0x80],
  ['-0x10', 4, 0xffff_fff0],
  ['-1', 8, 0xffff_ffff_ffff_ffffn],
  ['-0x8000_0000_0000_0000', 8, 0x8000_0000_0000_0000n],
  ['-0', 4, 0],
  ['256', 1, 256],
] as const)('value %s of %i bytes', (text, width, value) => expect(parseValue(text, width)).toBe(value));

test.each([
  ['-129', 1],
  ['-0x8001', 2],
  ['--1', 4],
  ['-', 4],
  ['-1K', 4],
] as const)('no value: %s of %i bytes', (text, width) => expect(() => parseValue(text, width)).toThrow(usage));

test.each([
  ['4K', 4096],
  ['0b100K', 4096],
  ['1_0K', 10240],
  ['0x10k', 0x4000],
  ['2M', 2097152],
  ['1G', 1073741824],
  ['12', 12],
])('size %s', (text, value) => expect(parseSize(text)).toBe(value));

test.each(['', 'K', '4T', '-4', '1.5K', '9999999999999999', '0xffffffffffffffffK'])('no size: %j', (text) =>
  expect(() => parseSize(text)).toThrow(usage),
);

test.each([
  ['500ms', 500],
  ['2s', 2000],
  ['2', 2000],
  ['0.5', 500],
  ['1m', 60_000],
  ['0', 0],
])('duration %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(['', 's', '-1', '1d', '1 s', '25000m0', '1e9', '9999h'])('no duration: %j', (text) =>
  expect(() => parseDuration(text)).toThrow(usage),
);

test.each(['0', '3', '16', '', '4 ', 'four'])('no width: %j', (text) => expect(() => parseWidth(text)).toThrow(usage));
test.each(['0', '', '-3', 'x'])('no count: %j', (text) => expect(() => parseCount(text)).toThrow(usage));

test.each([
  ['0x10', { offset: 16, length: 4 }],
  ['0x0+0x40', { offset: 0, length: 64 }],
  ['0x10-0x20', { offset: 16, length: 16 }],
  ['1K+4K', { offset: 1024, length: 4096 }],
])('range %s', (text, range) => expect(parseRange(text, 4)).toEqual(range));

test.each(['', '+4', '4+', '0x20-0x10', '0x10-0x10', '0x0+0', '1+2+3', '1-2-3', 'a-b'])('no range: %j', (text) =>
  expect(() => parseRange(text, 4)).toThrow(usage),
);

const at = (region: string, offset: number, width: number) => ({ region, offset, width });

test.each([
  ['map0:0x60=1', { target: at('map0', 0x60, 4), value: 1 }],
  ['map0:0x64=map0:0x24', { target: at('map0', 0x64, 4), value: at('map0', 0x24, 4) }],
  ['map0:0x10/2=1', { target: at('map0', 0x10, 2), value: 1 }],
  ['map0:0x10/2=map1:0x8', { target: at('map0', 0x10, 2), value: at('map1', 8, 2) }],
  ['map0:0x10/2=map1:0x8/1', { target: at('map0', 0x10, 2), value: at('map1', 8, 1) }],
  ['bar0:0x8/8=0xffffffffffffffff', { target: at('bar0', 8, 8), value: 0xffff_ffff_ffff_ffffn }],
  ['config:4=0', { target: at('config', 4, 4), value: 0 }],
])('action %s', (text, action) => expect(parseAction(text)).toEqual(action));

test.each([
  '',
  'map0',
  'map0:0x60',
  '=1',
  'map0=1',
  'map0:=1',
  'map0:0x60=',
  'map0:0x60=x',
  'map0:0/3=1',
  'map0:0=map0:0/9',
])('no action: %j', (text) => expect(() => parseAction(text)).toThrow(usage));

test('whatever is typed, a parser gives a value or a usage error', () => {
  const typed = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fxKMG+:=/-]{0,20}$/));
  fc.assert(
    fc.property(typed, (text) => {
      for (const parse of [
        parseWord,
        parseSize,
        parseDuration,
        parseWidth,
        parseAction,
        (t: string) => parseRange(t, 4),
      ])
        try {
          parse(text);
        } catch (error) {
          expect(error).toEqual(usage);
        }
    }),
  );
});
