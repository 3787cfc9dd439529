// The fuzzer itself: it must find what is hidden behind several conditions, each of which takes a step, and tell of it.
import { COUNTERS } from '../../fuzz/counters';
import { Found, fuzz } from '../../fuzz/fuzz';
import { instrument } from '../../fuzz/instrument';
import { shownError } from '../../fuzz/shown-error';
import { expectShown, type Target } from '../../fuzz/target';

const PARSER = `
exports.run = (input) => {
  const text = input.toString('latin1');
  if (text.length < 8) return;
  if (text[0] === 'u') if (text[1] === 'd') if (text[2] === 'r') if (text[3] === 'v')
    if (text.charCodeAt(4) > 0xf0) throw new TypeError('deep');
};`;

function load(code: string): (input: Buffer) => void {
  const exported = {} as { run: (input: Buffer) => void };
  new Function('exports', COUNTERS, code)(exported, Reflect.get(globalThis, COUNTERS));
  return exported.run;
}

const target = (run: (input: Buffer) => void): Target => ({ name: 'parser', seeds: [Buffer.from('12345678')], run });
const options = { inputs: 60_000, show: shownError };

test('coverage leads to what chance does not find', () => {
  expect(fuzz(target(load(PARSER)), options).covered).toBe(0);
  const { code, blocks, words } = instrument(PARSER);
  const counters = new Uint8Array(Math.ceil(blocks / 4) * 4);
  Reflect.set(globalThis, COUNTERS, counters);
  const guided = () => fuzz(target(load(code)), { ...options, counters, words });
  expect(guided).toThrow(Found);
  try {
    guided();
  } catch (error) {
    expect((error as Found).input.toString('latin1')).toMatch(/^udrv[\xf1-\xff]/);
    expect((error as Found).message).toContain('TypeError: deep');
  }
});

test('code that counts does what it did', () => {
  const source = 'exports.run = (a) => { let s = 0; for (const x of a) s += x > 1 ? x : (x && -1); return s ?? 1; };';
  Reflect.set(globalThis, COUNTERS, new Uint8Array(64));
  const [plain, counting] = [load(source), load(instrument(source).code)];
  for (const input of [[], [0], [1, 2, 3]].map((bytes) => Buffer.from(bytes)))
    expect(counting(input)).toBe(plain(input));
});

test('what would drive a terminal is a fault', () => {
  for (const text of ['a\x1b[31m', '\x9b', '\u202e', '\ud800', '\r'])
    expect(() => expectShown(text)).toThrow('reaches');
  for (const text of ['a\nb', 'Müller', '\u{1f600}']) expectShown(text);
});

test('an input that takes too long is a fault', () => {
  const slow = () => {
    const end = performance.now() + 22;
    while (performance.now() < end);
  };
  expect(() => fuzz(target(slow), { ...options, inputs: 1, longestMs: 20 })).toThrow(/it took \d+ ms/);
  fuzz(target(slow), { ...options, inputs: 1 });
});
