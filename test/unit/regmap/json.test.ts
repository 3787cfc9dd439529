import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MapDocument, PROPERTIES } from '../../../src/regmap/json';
import { ACCESSES, READ_ACTIONS, WRITE_ACTIONS } from '../../../src/regmap/model';
import { parseRegisterMap } from '../../../src/regmap/parse';

const parse = (document: unknown) => parseRegisterMap(Buffer.from(JSON.stringify(document)), 'edu.json');

const EDU: MapDocument = {
  schema: 'udrv.map/1',
  name: 'edu',
  peripherals: [
    {
      name: 'EDU',
      region: 'bar0',
      base: '0x10',
      registers: [
        { name: 'ID', offset: 0, access: 'read-only', reset: '0x010000ed', fields: [{ name: 'MAJOR', bits: '31:24' }] },
        {
          name: 'STATUS',
          offset: '0x20',
          readAction: 'clear',
          fields: [{ name: 'BUSY', bits: 0, writeAction: 'oneToClear', values: { idle: 0, busy: '#1' } }],
        },
        { name: 'SOURCE', offset: '0x80', bits: 64 },
      ],
    },
  ],
};

test('a map of a device', () => {
  const map = parse(EDU);
  expect(map).toMatchObject({ format: 'json', name: 'edu', base: 0n });
  expect(map.peripherals).toMatchObject([
    {
      name: 'EDU',
      region: 'bar0',
      base: 16n,
      registers: [
        { name: 'ID', offset: 0, bits: 32, access: 'read-only', resetValue: 0x010000edn },
        { name: 'STATUS', offset: 0x20, access: 'read-write', readAction: 'clear' },
        { name: 'SOURCE', offset: 0x80, bits: 64 },
      ],
    },
  ]);
  expect(map.peripherals[0]?.registers[0]?.fields).toMatchObject([{ name: 'MAJOR', lsb: 24, bits: 8 }]);
  expect(map.peripherals[0]?.registers[1]?.fields).toMatchObject([
    { name: 'BUSY', lsb: 0, bits: 1, writeAction: 'oneToClear', values: [{ name: 'idle' }, { name: 'busy' }] },
  ]);
});

const withRegister = (register: unknown) => ({ ...EDU, peripherals: [{ name: 'P', registers: [register] }] });
const withField = (field: unknown) => withRegister({ name: 'R', offset: 0, fields: [field] });

test.each([
  ['no schema', { peripherals: [] }, /no map of registers/],
  ['another version', { ...EDU, schema: 'udrv.map/2' }, /no map of registers/],
  ['a list', [], /no map of registers/],
  ['no peripherals', { schema: 'udrv.map/1' }, /has no peripherals/],
  ['peripherals that are none', { schema: 'udrv.map/1', peripherals: 3 }, /the map has no list of peripherals/],
  ['a peripheral that is none', { schema: 'udrv.map/1', peripherals: [null] }, /a peripheral is no object/],
  ['an unknown property', { ...EDU, peripherial: [] }, /edu has an unknown property: peripherial/],
  ['no name', withRegister({ offset: 0 }), /a register of P has no name/],
  ['no offset', withRegister({ name: 'R' }), /P.R has no offset/],
  ['a negative offset', withRegister({ name: 'R', offset: -4 }), /P.R has no number for offset: -4/],
  ['a fraction', withRegister({ name: 'R', offset: 0.5 }), /no number for offset: 0.5/],
  ['24 bits', withRegister({ name: 'R', offset: 0, bits: 24 }), /P.R has no bits of 8, 16, 32 or 64/],
  ['an unknown access', withRegister({ name: 'R', offset: 0, access: 'rw' }), /P.R has an unknown access: rw/],
  ['a field outside', withField({ name: 'F', bits: '32:30' }), /P.R.F has no bits in a register of 32/],
  ['a field upside down', withField({ name: 'F', bits: '0:3' }), /P.R.F has no bits/],
  ['a field without bits', withField({ name: 'F' }), /P.R.F has no bits/],
  ['values in a list', withField({ name: 'F', bits: 0, values: 'x' }), /P.R.F has values that are no object/],
  [
    'a value that is none',
    withField({ name: 'F', bits: 0, values: { a: {} } }),
    /P.R.F has a value that is no number: a/,
  ],
])('refuses %s', (_, document, message) => {
  expect(() => parse(document)).toThrow(
    expect.objectContaining({ name: 'UdrvError', exit: 2, message: expect.stringMatching(message) }),
  );
});

test('an unknown property: the one that may be meant', () => {
  expect(() => parse(withRegister({ name: 'R', ofset: 0 }))).toThrow(
    expect.objectContaining({ hint: 'did you mean offset?' }),
  );
});

test('the published schema has the properties and words that are read', () => {
  const schema = JSON.parse(readFileSync(join(__dirname, '../../../fixtures/register-map.schema.json'), 'utf8'));
  const { peripheral, register, field } = schema.$defs;
  const names = { map: schema, peripheral, register, field };
  for (const [name, part] of Object.entries(names)) {
    expect(part.additionalProperties).toBe(false);
    expect(Object.keys(part.properties).sort()).toEqual([...PROPERTIES[name as keyof typeof PROPERTIES]].sort());
  }
  expect(schema.properties.schema.const).toBe('udrv.map/1');
  expect(schema.$defs.access.enum).toEqual(ACCESSES);
  expect(schema.$defs.readAction.enum).toEqual(READ_ACTIONS);
  expect(schema.$defs.writeAction.enum).toEqual(WRITE_ACTIONS);
  expect(register.properties.bits.enum).toEqual([8, 16, 32, 64]);
});
