import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fieldMeaning, type NamedRegister, type RegisterMap } from '../../../src/regmap/model';
import { parseRegisterMap } from '../../../src/regmap/parse';

const parse = (text: string) => parseRegisterMap(Buffer.from(text), 'test.svd');
const features = parseRegisterMap(readFileSync(join(__dirname, 'maps/features.svd')), 'features.svd');

const device = (peripherals: string) => `<device><name>D</name><peripherals>${peripherals}</peripherals></device>`;
const peripheral = (registers: string, name = 'P') =>
  `<peripheral><name>${name}</name><baseAddress>0</baseAddress><registers>${registers}</registers></peripheral>`;

function registersOf(map: RegisterMap, peripheral: string): Map<string, NamedRegister> {
  const found = map.peripherals.find(({ name }) => name === peripheral);
  return new Map(found?.registers.map((register) => [register.name, register]));
}

function register(name: string, peripheral = 'UART0'): NamedRegister {
  const found = registersOf(features, peripheral).get(name);
  if (found === undefined) throw new Error(`no ${peripheral}.${name}`);
  return found;
}

test('peripherals, an array of them too, at their addresses', () => {
  const places = features.peripherals.map(({ name, base }) => [name, base]);
  expect(places).toEqual([
    ['UART0', 0x40001000n],
    ['UART1', 0x40002000n],
    ['UART2', 0x40003000n],
    ['TIMER0', 0x40010000n],
    ['TIMER1', 0x40010100n],
  ]);
  expect(features).toMatchObject({ format: 'svd', name: 'FEATURES', base: 0x40001000n });
  expect(features.peripherals[0]?.description).toBe('A serial port');
});

test('registers, arrays, lists and nested clusters at their offsets', () => {
  const offsets = Array.from(registersOf(features, 'UART0').values(), ({ name, offset, bits }) => [name, offset, bits]);
  expect(offsets).toEqual([
    ['CTRL', 0x00, 32],
    ['STATUS', 0x04, 32],
    ['DATA', 0x08, 8],
    ['KEY', 0x0c, 32],
    ['CTRL2', 0x10, 32],
    ['SLOT[0]', 0x20, 32],
    ['SLOT[1]', 0x24, 32],
    ['SLOT[2]', 0x28, 32],
    ['LINERX', 0x30, 32],
    ['LINETX', 0x34, 32],
    ['CH[0].SOURCE', 0x100, 64],
    ['CH[0].TIMING.COUNT', 0x114, 16],
    ['CH[1].SOURCE', 0x140, 64],
    ['CH[1].TIMING.COUNT', 0x154, 16],
    ['EXTRA.SOURCE', 0x200, 64],
    ['EXTRA.TIMING.COUNT', 0x214, 16],
  ]);
});

test('properties come from what is around, unless there are own ones', () => {
  expect(register('CTRL').access).toBe('read-write');
  expect(register('KEY').access).toBe('write-only');
  expect(register('CH[1].TIMING.COUNT').access).toBe('read-only');
  expect(register('COUNT', 'TIMER1')).toMatchObject({ access: 'read-only', bits: 16, offset: 2 });
  expect(register('STATUS').fields.map(({ name, access }) => [name, access])).toEqual([
    ['DONE', 'read-write'],
    ['READY', 'read-only'],
  ]);
  // Its own is no number.
  expect(register('CTRL').resetValue).toBe(0n);
  expect(register('DATA').readAction).toBe('modifyExternal');
  expect(register('STATUS').fields[0]?.writeAction).toBe('oneToClear');
});

test('fields by each way of giving bits, and an array of them', () => {
  const fields = register('CTRL').fields.map(({ name, lsb, bits }) => [name, lsb, bits]);
  expect(fields).toEqual([
    ['ENABLE', 0, 1],
    ['MODE', 4, 3],
    ['MODE2', 8, 3],
    ['MODE3', 12, 3],
    ['PINA', 16, 2],
    ['PINB', 18, 2],
    ['PINC', 20, 2],
    ['PIND', 22, 2],
  ]);
});

test.each(['MODE', 'MODE2', 'MODE3'])('values of %s have names, with bits that do not count and a default', (name) => {
  for (const one of [register('CTRL'), register('CTRL2'), register('CTRL', 'UART1')]) {
    const field = one.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error('no field');
    expect([0n, 1n, 4n, 7n].map((value) => fieldMeaning(field, value))).toEqual(['IDLE', 'OTHER', 'FAST', 'FAST']);
  }
});

test('a peripheral that is derived has all of the other, and its own instead or beside', () => {
  expect(registersOf(features, 'UART1')).toEqual(registersOf(features, 'UART0'));
  expect(registersOf(features, 'UART2').size).toBe(registersOf(features, 'UART0').size + 1);
  expect(register('KEY', 'UART2')).toMatchObject({ offset: 0x1c, access: 'read-write' });
  expect(register('STATUS2', 'UART2')).toMatchObject({ offset: 0x40, access: 'read-only' });
  expect(register('STATUS2', 'UART2').fields).toEqual(register('STATUS').fields);
});

test('numbers of every form', () => {
  const map = parse(
    device(
      peripheral(
        ['0x10', '0X20', '32', '+0x30', '#1000000', '1k', '0b10000000']
          .map((at, i) => `<register><name>R${i}</name><addressOffset>${at}</addressOffset></register>`)
          .join(''),
      ),
    ),
  );
  const offsets = map.peripherals[0]?.registers.map(({ offset }) => offset);
  expect(offsets).toEqual([0x10, 0x20, 32, 0x30, 64, 1024, 128]);
});

describe('files that are refused', () => {
  const r = (inner: string, attribute = '') => `<register${attribute}>${inner}</register>`;
  const at = (name: string) => `<name>${name}</name><addressOffset>0</addressOffset>`;
  test.each([
    ['no XML', '<device><name>', /is no XML/],
    ['no SVD', '<svg/>', /no element `device`/],
    [
      'an entity bomb',
      '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><device><name>&b;</name></device>',
      /is no XML: .*entity/,
    ],
    [
      'an external entity',
      '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><device><name>&a;</name></device>',
      /is no XML/,
    ],
    ['deep nesting', `<device>${'<x>'.repeat(1000)}`, /more than 64 elements in each other/],
    [
      'deep clusters',
      device(peripheral('<cluster><name>C</name><addressOffset>0</addressOffset>'.repeat(100))),
      /more than 64/,
    ],
    [
      'a huge dim',
      device(peripheral(r(`<dim>4000000000</dim><dimIncrement>4</dimIncrement>${at('R%s')}`))),
      /more than 1000000 registers/,
    ],
    [
      'dims in dims',
      device(
        peripheral(
          `${'<cluster><dim>1000</dim><dimIncrement>4</dimIncrement><name>C%s</name><addressOffset>0</addressOffset>'.repeat(4)}${r(at('R'))}${'</cluster>'.repeat(4)}`,
        ),
      ),
      /more than 1000000 registers/,
    ],
    [
      'a register that is derived from itself',
      device(peripheral(r(at('R'), ' derivedFrom="P.R"'))),
      /R is derived from P.R, which is not there/,
    ],
    [
      'two that are derived from each other',
      device(peripheral(r(at('A'), ' derivedFrom="B"') + r(at('B'), ' derivedFrom="A"'))),
      /is derived from itself/,
    ],
    [
      'peripherals that are derived from each other',
      device(
        '<peripheral derivedFrom="B"><name>A</name></peripheral><peripheral derivedFrom="A"><name>B</name></peripheral>',
      ),
      /is derived from itself/,
    ],
    [
      'a base that is not there',
      device(peripheral(r(at('R'), ' derivedFrom="NONE"'))),
      /P.R is derived from NONE, which is not there/,
    ],
    ['no name', device(peripheral(r('<addressOffset>0</addressOffset>'))), /a register has no name/],
    ['a huge name', device(peripheral(r(at('R'.repeat(1e6))))), /a name of more than 256 characters/],
    ['no offset', device(peripheral(r('<name>R</name>'))), /R: its addressOffset is no number/],
    ['no address', device('<peripheral><name>P</name></peripheral>'), /P: its baseAddress is no number/],
    ['a dim of nothing', device(peripheral(r(`<dim>0</dim>${at('R%s')}`))), /its dim is no count/],
    ['a dim without increment', device(peripheral(r(`<dim>2</dim>${at('R%s')}`))), /no dimIncrement/],
    ['a huge register', device(peripheral(r(`${at('R')}<size>4096</size>`))), /cannot have 4096 bits/],
    [
      'a field without bits',
      device(peripheral(r(`${at('R')}<fields><field><name>F</name></field></fields>`))),
      /F: a field without its bits/,
    ],
  ])('%s', (_, text, message) => {
    const started = process.cpuUsage();
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ name: 'UdrvError', exit: 2, message: expect.stringMatching(message) }),
    );
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(20_000);
  });

  test('a chain of derived registers that is too long for the stack', () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => r(at(`R${i}`), ` derivedFrom="R${i + 1}"`)).join('');
    expect(() => parse(device(peripheral(chain)))).toThrow(/over more than 64 steps/);
  });
});

test('an array of one is not numbered unless its name asks for it, and lists that do not fit are', () => {
  const array = (name: string, dim: number, index: string) =>
    `<register><name>${name}</name><dim>${dim}</dim><dimIncrement>4</dimIncrement><dimIndex>${index}</dimIndex><addressOffset>0</addressOffset></register>`;
  const map = parse(
    device(peripheral(array('A', 1, '') + array('B%s', 2, '4-5') + array('C%s', 2, 'x,y,z') + array('D%s', 1, 'Z'))),
  );
  expect(map.peripherals[0]?.registers.map(({ name }) => name)).toEqual(['A', 'B4', 'B5', 'C0', 'C1', 'DZ']);
});
