import fc from 'fast-check';
import { ALL_LAYOUTS } from '../../../src/usb/decode/descriptor-tree';
import { type AnyField, decode, encode, type Layout, type Values } from '../../../src/usb/decode/layout';

// Every layout at once: the parser and the writer come from one table, and here is what that promises.

test('each has an id of its own, but for the two endpoints', () => {
  const ids = ALL_LAYOUTS.map(({ id }) => id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual(['endpoint']);
  expect(ids.length).toBeGreaterThan(150);
});

test.each(ALL_LAYOUTS.map((layout) => [layout.id, layout] as const))('%s has no field twice', (_, { fields }) => {
  const names = fields.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

describe.each(ALL_LAYOUTS.map((layout) => [layout.id, layout] as const))('%s', (_, layout) => {
  test('writes the bytes that it has read, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), (array) => {
        const bytes = Buffer.from(array);
        const { values, rest } = decode(layout, bytes);
        expect(encode(layout, values, rest).equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('has values that JSON keeps', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (array) => {
        const { values } = decode(layout, Buffer.from(array));
        expect(JSON.parse(JSON.stringify(values))).toEqual(values);
      }),
      { numRuns: 10 },
    );
  });

  test('has a meaning, or none, for every value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (array) => {
        const { values } = decode(layout, Buffer.from(array));
        for (const field of layout.fields) expectMeaning(layout, field, values);
      }),
      { numRuns: 30 },
    );
  });

  test('reads the fields of a list of numbers that it has written', () => {
    // The bytes of a device that keeps to its layout: every count is that of the list behind it.
    const bytes = Buffer.alloc(260, 1);
    const { values } = decode(layout, bytes);
    const written = encode(layout, values);
    expect(decode(layout, written).values).toEqual(values);
  });
});

function expectMeaning(layout: Layout, field: AnyField, values: Values): void {
  const value = values[field.name];
  if (value === undefined) return;
  for (const speedMbps of [1.5, 12, 480, 5000, null]) {
    const scope = { values, speedMbps, vendorName: null, productName: null, string: () => 'text' };
    const means = field.means(value, scope);
    const texts = means === null ? [] : [means].flat();
    for (const text of texts)
      if (typeof text !== 'string' || /undefined|NaN/.test(text.replace('undefined', '')))
        throw new Error(`${layout.id}.${field.name}: ${value} means ${text}`);
  }
}
