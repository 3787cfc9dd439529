import fc from 'fast-check';
import { globbed } from '../../../src/udev/glob';
import { parseRules, termText } from '../../../src/udev/rules-file';
import { anyText } from '../../support/any-text';

test.each([
  ['1-*', '1-3.2', true],
  ['1-*', '2-1', false],
  ['?-3', '1-3', true],
  ['sd[a-c]', 'sdb', true],
  ['sd[!a-c]', 'sdb', false],
  ['*', '', true],
  ['', '', true],
  ['a*b*c', 'aXbXbXc', true],
  ['a*b*c', 'aXbX', false],
  ['[]x]', ']', true],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
])('the pattern %j and %j', (pattern, text, expected) => expect(globbed(pattern, text)).toBe(expected));

test('a pattern of stars takes no time', () => {
  expect(globbed(`${'a*'.repeat(500)}b`, 'a'.repeat(4000))).toBe(false);
}, 5000);

test('a pattern is not slower than the product, and never throws', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (pattern, text) => typeof globbed(pattern, text) === 'boolean'));
  fc.assert(fc.property(fc.stringMatching(/^[a-z0-9.:-]*$/), (text) => globbed(text, text)));
});

test('terms are written as they are read', () => {
  const key = fc.constantFrom('KERNEL', 'ATTR', 'GROUP', 'TAG');
  const attribute = fc.option(fc.stringMatching(/^[\w/]+$/));
  const operator = fc.constantFrom('==', '!=', '=', '+=', '-=', ':=');
  const value = fc.stringMatching(/^[ \w=,!*.:-]*$/);
  const terms = fc.array(fc.record({ key, attribute, operator, value }), { minLength: 1 });
  fc.assert(
    fc.property(terms, (rule) => {
      const text = rule.map((term) => termText(term as never)).join(', ');
      expect(parseRules('x', text)).toEqual([{ path: 'x', line: 1, terms: rule }]);
    }),
  );
});

test('any text is parsed', () => {
  fc.assert(fc.property(anyText(), (text) => Array.isArray(parseRules('x', text))));
});
