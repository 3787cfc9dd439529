import fc from 'fast-check';
import { comparePciAddresses, formatPciAddress, isPciAddress, parsePciAddress } from '../../../src/pci/address';
import { pciClassName } from '../../../src/pci/class-names';
import { parsePciResources } from '../../../src/pci/resources';

describe('an address', () => {
  test.each([
    ['0000:00:03.0', '0000:00:03.0'],
    ['00:03.0', '0000:00:03.0'],
    ['0:3.0', '0000:00:03.0'],
    ['10000:E1:1f.7', '10000:e1:1f.7'],
    ['ffffffff:ff:1f.7', 'ffffffff:ff:1f.7'],
    ['00000:00:03.0', '0000:00:03.0'],
  ])('%s is %s', (text, name) => {
    const address = parsePciAddress(text);
    expect(address && formatPciAddress(address)).toBe(name);
  });

  test.each([
    '',
    '03.0',
    '0000:00:03',
    '0000:00:20.0',
    '0000:00:03.8',
    '0000:000:03.0',
    '100000000:00:03.0',
    'g:00:03.0',
    ' 00:03.0',
    '00:03.0\n',
    '0000:00:03.0/..',
    '-1:00:03.0',
  ])('%j is none', (text) => {
    expect(parsePciAddress(text)).toBeNull();
    expect(isPciAddress(text)).toBe(false);
  });

  const address = fc.record({
    domain: fc.integer({ min: 0, max: 0xffffffff }),
    bus: fc.integer({ min: 0, max: 255 }),
    device: fc.integer({ min: 0, max: 31 }),
    function: fc.integer({ min: 0, max: 7 }),
  });

  test('reads as it is written', () =>
    fc.assert(
      fc.property(address, (value) => {
        const name = formatPciAddress(value);
        expect(parsePciAddress(name)).toEqual(value);
        expect(isPciAddress(name)).toBe(true);
      }),
    ));

  test('only the spelling of the kernel is a name of the kernel', () => {
    for (const text of ['00:03.0', '0000:00:03.0 ', '00000:00:03.0', '0000:00:0A.0'])
      expect(isPciAddress(text)).toBe(false);
  });

  test('sorts by number, other names behind', () => {
    const sorted = [
      '0000:00:03.0',
      '0000:00:1f.2',
      '0000:00:1f.3',
      '0000:01:00.0',
      '0001:00:00.0',
      '10000:e0:00.0',
      'a',
      'b',
    ];
    expect([...sorted].reverse().sort(comparePciAddresses)).toEqual(sorted);
  });

  test('sorts any two by their numbers', () =>
    fc.assert(
      fc.property(address, address, (a, b) => {
        const order = comparePciAddresses(formatPciAddress(a), formatPciAddress(b));
        const numbers = [a.domain - b.domain, a.bus - b.bus, a.device - b.device, a.function - b.function];
        expect(Math.sign(order)).toBe(Math.sign(numbers.find((difference) => difference !== 0) ?? 0));
      }),
    ));
});

describe('a class', () => {
  test.each([
    ['010802', 'NVMe controller'],
    ['010601', 'SATA controller (AHCI)'],
    ['010600', 'SATA controller'],
    ['0c0330', 'USB controller (xHCI)'],
    ['0c0399', 'USB controller'],
    ['020000', 'Ethernet controller'],
    ['060000', 'Host bridge'],
    ['060400', 'PCI bridge'],
    ['030000', 'VGA controller'],
    ['00ff00', 'Unclassified device'],
    ['02ff00', 'Network controller'],
    ['120000', 'Processing accelerator'],
    ['ff0000', 'Unassigned class'],
    ['550000', null],
    ['', null],
  ])('%s: %s', (code, name) => {
    expect(pciClassName(code)).toBe(name);
  });
});

describe('the resources', () => {
  const line = (...values: (number | bigint)[]) => values.map((v) => `0x${v.toString(16).padStart(16, '0')}`).join(' ');
  const none = line(0, 0, 0);

  test('of an NVMe drive: one 64-bit BAR', () => {
    const text = [line(0xfe800000, 0xfe803fff, 0x140204), none, none, none, none, none, none, ''].join('\n');
    expect(parsePciResources(text)).toEqual([
      {
        name: 'bar0',
        kind: 'mmio',
        address: '0xfe800000',
        size: 0x4000,
        offset: 0,
        read: true,
        write: true,
        mmap: true,
      },
    ]);
  });

  test('of a network card: memory, ports, ROM, and bridge windows that are not its own', () => {
    const text = [
      line(0xfebc0000, 0xfebdffff, 0x40200),
      line(0xc000, 0xc03f, 0x40101),
      none,
      line(0xf4000000000n, 0xf40ffffffffn, 0x14220c),
      none,
      none,
      line(0xfeb80000, 0xfebbffff, 0x46200),
      line(0xd000, 0xdfff, 0x40101),
      line(0xe0000000, 0xe01fffff, 0x140204),
    ].join('\n');
    expect(parsePciResources(text).map((r) => [r.name, r.kind, r.address, r.size, r.read, r.write, r.mmap])).toEqual([
      ['bar0', 'mmio', '0xfebc0000', 0x20000, true, true, true],
      ['bar1', 'portio', '0xc000', 0x40, true, true, false],
      ['bar3', 'mmio', '0xf4000000000', 0x100000000, true, true, true],
      ['rom', 'rom', '0xfeb80000', 0x40000, true, false, false],
    ]);
  });

  test('a BAR that has a size but no place', () => {
    expect(parsePciResources(line(0, 0xfffff, 0x20040200))).toMatchObject([
      { name: 'bar0', address: null, size: 0x100000 },
    ]);
  });

  test('a BAR that is neither memory nor ports can only be named', () => {
    expect(parsePciResources(line(0x1000, 0x1fff, 0))).toMatchObject([
      { kind: 'other', read: false, write: false, mmap: false },
    ]);
  });

  test('lines without sense are passed over, the others keep their numbers', () => {
    const good = line(0x1000, 0x1fff, 0x200);
    for (const bad of [
      '',
      'garbage',
      '0x1 0x2',
      line(0x2000, 0x1fff, 0x200),
      line(0, 0xffffffffffffffffn, 0x200),
      `${good} 1`,
    ])
      expect(parsePciResources(`${bad}\n${good}`).map((region) => region.name)).toEqual(['bar1']);
  });

  const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => `0x${value.toString(16)}`);
  const row = fc.oneof(
    fc.string(),
    fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
  );

  test('any text gives sound regions', () =>
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const regions = parsePciResources(rows.join('\n'));
        expect(regions.length).toBeLessThanOrEqual(7);
        expect(new Set(regions.map((region) => region.name)).size).toBe(regions.length);
        for (const region of regions) {
          expect(region.size).toBeGreaterThan(0);
          expect(Number.isSafeInteger(region.size)).toBe(true);
          expect(region.address ?? '0x0').toMatch(/^0x[0-9a-f]{1,16}$/);
        }
      }),
    ));
});
