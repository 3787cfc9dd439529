import fc from 'fast-check';
import { NameDatabase } from '../../../src/names/database';
import { IdsFile } from '../../../src/names/ids-file';
import { idsExcerpt } from '../../../src/names/name-source';
import { TreeSys } from '../../support/tree-sys';

const PCI_IDS = `#
# List of PCI ID's
#

# Vendors, devices and subsystems.
0001  SafeNet (wrong ID)
1234  Technical Corp.
\t1111  QEMU Virtual Video Controller
\t\t1af4 1100  a subsystem, not a device
\t11e8  QEMU Educational Device
1af4  Red Hat, Inc.
\t1000  Virtio network device
\t1001  Virtio block device

# a comment inside a block
\t1041  Virtio 1.0 network device
8086  Intel Corporation
\t1237  440FX - 82441FX PMC [Natoma]
ffff  Illegal Vendor ID


# List of known device classes
C 00  Unclassified device
\t00  Non-VGA unclassified device
C 01  Mass storage controller
\t1234  not a device of Illegal Vendor ID
`;

const names = (files: Record<string, string | Buffer>) => new NameDatabase(new TreeSys(files));
const ids = (text: string) => new IdsFile(Buffer.from(text));

describe('looking a name up', () => {
  const db = names({ '/usr/share/misc/pci.ids': PCI_IDS });
  const cases: [string, string | null, string | null, string | null][] = [
    ['1234', '11e8', 'Technical Corp.', 'QEMU Educational Device'],
    ['1234', '1111', 'Technical Corp.', 'QEMU Virtual Video Controller'],
    ['1af4', '1041', 'Red Hat, Inc.', 'Virtio 1.0 network device'],
    ['8086', '1237', 'Intel Corporation', '440FX - 82441FX PMC [Natoma]'],
    ['0001', '0000', 'SafeNet (wrong ID)', null],
    ['ffff', '1234', 'Illegal Vendor ID', null],
    ['1234', '1af4', 'Technical Corp.', null],
    ['1234', '1000', 'Technical Corp.', null],
    ['8086', null, 'Intel Corporation', null],
    ['8087', '1237', null, null],
    ['0000', '0000', null, null],
    ['1AF4', '1000', null, null],
    ['', '', null, null],
    ['1af4\n', '1000', null, null],
  ];
  test.each(cases)('%s:%s', (vendor, device, vendorName, deviceName) => {
    expect(db.pciName(vendor, device)).toEqual({ vendor: vendorName, device: deviceName });
    expect(db.pciName(vendor, device)).toEqual({ vendor: vendorName, device: deviceName });
  });

  test('nothing is known of a device without ids', () => {
    expect(db.pciName(null, null)).toEqual({ vendor: null, device: null });
  });

  test('the two databases are not mixed up', () => {
    const both = names({
      '/usr/share/pci.ids': PCI_IDS,
      '/var/lib/usbutils/usb.ids': '1234  Another\n\t11e8  Thing\n',
    });
    expect(both.pciName('1234', '11e8')).toEqual({ vendor: 'Technical Corp.', device: 'QEMU Educational Device' });
    expect(both.usbName('1234', '11e8')).toEqual({ vendor: 'Another', device: 'Thing' });
  });
});

describe('the file', () => {
  test('is read once, when the first name is asked for', () => {
    const sys = new TreeSys({ '/usr/share/misc/pci.ids': PCI_IDS });
    const db = new NameDatabase(sys);
    expect(sys.calls).toEqual([]);
    db.pciName(null, '1234');
    expect(sys.calls).toEqual([]);
    db.pciName('1234', '11e8');
    db.pciName('8086', '1237');
    expect(sys.calls).toEqual(['readFile /usr/share/hwdata/pci.ids', 'readFile /usr/share/misc/pci.ids']);
  });

  test('is not asked for again where there is none', () => {
    const sys = new TreeSys();
    const db = new NameDatabase(sys);
    db.usbName('1234', '11e8');
    const { length } = sys.calls;
    expect(db.usbName('8086', '1237')).toEqual({ vendor: null, device: null });
    expect(sys.calls).toHaveLength(length);
  });

  test('comes from the first place where it can be read', () => {
    const sys = new TreeSys({
      '/usr/share/hwdata/pci.ids': { error: 'EACCES' },
      '/usr/share/misc/pci.ids': '1234  From misc\n',
      '/usr/share/pci.ids': '1234  From share\n',
    });
    expect(new NameDatabase(sys).pciName('1234', null).vendor).toBe('From misc');
  });

  test('of more than 16 MiB is passed over', () => {
    const huge = Buffer.alloc(16 * 1024 * 1024 + 1, '# a comment\n');
    expect(names({ '/usr/share/hwdata/pci.ids': huge, '/usr/share/pci.ids': PCI_IDS }).pciName('1234', null)).toEqual({
      vendor: 'Technical Corp.',
      device: null,
    });
  });
});

describe('an excerpt', () => {
  const file = ids(PCI_IDS);
  const wanted = [
    { vendor: '8086', device: '1237' },
    { vendor: '1af4', device: '1041' },
    { vendor: '1af4', device: '1000' },
    { vendor: '1af4', device: '1000' },
    { vendor: '1af4', device: 'dead' },
    { vendor: '1234', device: null },
    { vendor: 'beef', device: '0001' },
  ];
  const excerpt = idsExcerpt(file, wanted);

  test('has the lines of the ids in order', () => {
    expect(excerpt).toBe(
      '1234  Technical Corp.\n1af4  Red Hat, Inc.\n\t1000  Virtio network device\n\t1041  Virtio 1.0 network device\n' +
        '8086  Intel Corporation\n\t1237  440FX - 82441FX PMC [Natoma]\n',
    );
  });

  test('is a database that says the same', () => {
    const again = ids(excerpt);
    expect(idsExcerpt(again, wanted)).toBe(excerpt);
    expect(again.device('1af4', '1041')).toBe(file.device('1af4', '1041'));
    expect(again.vendor('1234')).toBe('Technical Corp.');
  });

  test('of no database is empty', () => {
    expect(names({}).excerpt('usb', wanted)).toBe('');
    expect(names({ '/usr/share/pci.ids': PCI_IDS }).excerpt('pci', [])).toBe('');
  });
});

describe('a file that is not as it should be', () => {
  test.each([
    ['empty', ''],
    ['a newline', '\n'],
    ['an id at the end', '1234'],
    ['an id without a name', '1234  \n\t11e8  \n'],
    ['one space', '1234 Name\n'],
    ['binary', Buffer.from([0, 255, 10, 0x31, 0x32, 10, 10, 9, 9]).toString('latin1')],
  ])('%s', (_, text) => {
    expect(ids(text).vendor('1234')).toBeNull();
    expect(ids(text).device('1234', '11e8')).toBeNull();
  });

  test('a file without a last newline', () => {
    expect(ids('1234  Name\n\t11e8  Device').device('1234', '11e8')).toBe('Device');
    expect(ids('1234  Name').vendor('1234')).toBe('Name');
  });

  test('CR LF line ends', () => {
    expect(ids('1234  Name\r\n\t11e8  Device\r\n').device('1234', '11e8')).toBe('Device');
  });

  test('the malformed id that usb.ids once had', () => {
    const file = ids('01xy  Nonsense\n\t0001  of nonsense\n0200  Good\n\t0001  Thing\n');
    expect(file.device('0200', '0001')).toBe('Thing');
    expect(file.vendor('01xy')).toBeNull();
  });

  test('names keep what they hold: whoever prints them escapes it', () => {
    expect(ids('1234  \x1b[31mred\n').vendor('1234')).toBe('\x1b[31mred');
    expect(new IdsFile(Buffer.from('1234  M\xfcller\n', 'latin1')).vendor('1234')).toBe('M\ufffdller');
    expect(ids('1234  Müller\n').vendor('1234')).toBe('Müller');
  });

  test('an endless name is cut', () => {
    expect(ids(`1234  ${'x'.repeat(1e6)}\n`).vendor('1234')).toHaveLength(512);
  });

  test('a vendor far away, with a block of megabytes in front', () => {
    const file = ids(`0001  First\n${'\t0001  device\n'.repeat(300_000)}fffe  Last\n\t0002  Found\n`);
    expect(file.device('fffe', '0002')).toBe('Found');
    expect(file.device('0001', '0001')).toBe('device');
    expect(file.vendor('8086')).toBeNull();
  });

  test('vendors out of order are found too', () => {
    const file = ids('8086  C\n1234  B\n\t0001  of B\n0001  A\n');
    expect(['8086', '1234', '0001', '0002'].map((id) => file.vendor(id))).toEqual(['C', 'B', 'A', null]);
    expect(file.device('1234', '0001')).toBe('of B');
  });

  const id = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16).padStart(4, '0'));

  test('arbitrary text never throws and never ends the search', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        '\t',
        '  ',
        '#',
        'C 01  Class\n',
        '\r',
        '\0',
        '\n\t\t',
        '\n1234  A',
        '\n\t1234  B',
        '\n8086  ',
      ),
      id,
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.array(id, { maxLength: 5 }), (pieces, wanted) => {
        const file = ids(pieces.join(''));
        for (const vendor of ['1234', '8086', ...wanted]) {
          const name = file.vendor(vendor);
          if (name !== null) expect(pieces.join('')).toContain(name);
          file.device(vendor, '1234');
        }
        idsExcerpt(
          file,
          wanted.map((vendor) => ({ vendor, device: '1234' })),
        );
      }),
    );
  });

  test('every name of a file in order is found', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z ]{0,30}[a-z]$/);
    const block = fc.dictionary(id, name, { maxKeys: 20 });
    fc.assert(
      fc.property(
        fc.dictionary(id, fc.tuple(name, block), { maxKeys: 40 }),
        fc.constantFrom('\n', '\n# x\n\n'),
        (all, eol) => {
          const sorted = <T>(of: Record<string, T>) => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
          const text = sorted(all)
            .map(
              ([v, [n, devices]]) =>
                `${v}  ${n}${eol}${sorted(devices)
                  .map(([d, m]) => `\t${d}  ${m}${eol}`)
                  .join('')}`,
            )
            .join('');
          const file = ids(text);
          for (const [vendor, [vendorName, devices]] of Object.entries(all)) {
            expect(file.vendor(vendor)).toBe(vendorName);
            for (const [device, deviceName] of Object.entries(devices))
              expect(file.device(vendor, device)).toBe(deviceName);
          }
          const every = Object.entries(all).flatMap(([vendor, [, devices]]) => [
            { vendor, device: null },
            ...Object.keys(devices).map((device) => ({ vendor, device })),
          ]);
          if (eol === '\n') expect(idsExcerpt(file, every)).toBe(text);
        },
      ),
    );
  });
});
