import fc, { type Arbitrary } from 'fast-check';

const SURROGATES = 0x800;
const FIRST_SURROGATE = 0xd800;
const CODE_POINTS = 0x110000;

/** Any code point but a surrogate. */
const character = fc
  .nat(CODE_POINTS - SURROGATES - 1)
  .map((n) => String.fromCodePoint(n < FIRST_SURROGATE ? n : n + SURROGATES));

/**
 * Makes text of any characters, and of ASCII with the names that trip programs, such as `__proto__`. fast-check's own
 * `unit: 'binary'` does the same, and takes most of a second in each test file to look these names up.
 */
export function anyText(length: { minLength?: number; maxLength?: number } = {}): Arbitrary<string> {
  return fc.oneof(
    { arbitrary: fc.string({ ...length, unit: character }), weight: 4 },
    { arbitrary: fc.string(length), weight: 1 },
  );
}
