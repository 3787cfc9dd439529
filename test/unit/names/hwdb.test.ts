import fc from 'fast-check';
import { recordMachine } from '../../../src/devices/record-machine';
import { NameDatabase } from '../../../src/names/database';
import { compiledHwdb, textHwdb } from '../../../src/names/hwdb';
import { hwdbBin } from '../../support/hwdb';
import { TreeSys } from '../../support/tree-sys';

const ENTRIES = {
  'usb:v1234*': { ID_VENDOR_FROM_DATABASE: 'Technical Corp.' },
  'usb:v1234p11E8*': { ID_MODEL_FROM_DATABASE: 'Educational Device' },
  'usb:v1234p11EF*': { ID_AUTOSUSPEND: '1', ID_MODEL_FROM_DATABASE: 'Sleeper' },
  'usb:v1ABC*': { ID_VENDOR_FROM_DATABASE: 'Müller & Söhne' },
  'usb:v1ABCp0001*': { ID_AUTOSUSPEND: '1' },
  'pci:v00001AF4*': { ID_VENDOR_FROM_DATABASE: 'Red Hat, Inc.' },
  'pci:v00001AF4d00001000*': { ID_MODEL_FROM_DATABASE: 'Virtio network device' },
  'pci:v00001AF4d00001000sv00001AF4sd00000001*': { ID_MODEL_FROM_DATABASE: 'a subsystem' },
  'evdev:input:b0003v1234*': { KEYBOARD_KEY_700: 'esc' },
};
const BIN = hwdbBin(ENTRIES);
const TEXT = `# Data imported from usb.ids

usb:v1234*
 ID_VENDOR_FROM_DATABASE=Technical Corp.

usb:v1234p11E8*
 ID_MODEL_FROM_DATABASE=Educational Device

usb:v1234p11EF*
 ID_MODEL_FROM_DATABASE=Sleeper

usb:v1ABC*
 ID_VENDOR_FROM_DATABASE=Müller & Söhne

pci:v00001AF4*
 ID_VENDOR_FROM_DATABASE=Red Hat, Inc.

pci:v00001AF4d00001000*
 ID_MODEL_FROM_DATABASE=Virtio network device
`;

describe.each([
  ['hwdb.bin', (bus: 'pci' | 'usb') => compiledHwdb(BIN, bus)],
  ['the text', (bus: 'pci' | 'usb') => textHwdb(Buffer.from(TEXT), bus)],
])('%s', (_, open) => {
  test.each([
    ['usb', '1234', '11e8', 'Technical Corp.', 'Educational Device'],
    ['usb', '1234', '11ef', 'Technical Corp.', 'Sleeper'],
    ['usb', '1abc', '0001', 'Müller & Söhne', null],
    ['usb', '1af4', '1000', null, null],
    ['usb', '123', '11e8', null, null],
    ['usb', '1234*', '11e8', null, null],
    ['usb', '1ABC', '0001', null, null],
    ['usb', '', '', null, null],
    ['pci', '1af4', '1000', 'Red Hat, Inc.', 'Virtio network device'],
    ['pci', '1af4', '1001', 'Red Hat, Inc.', null],
    ['pci', '1234', '11e8', null, null],
  ] as const)('%s %s:%s', (bus, vendor, device, vendorName, deviceName) => {
    const names = open(bus);
    expect([names?.vendor(vendor), names?.device(vendor, device)]).toEqual([vendorName, deviceName]);
  });
});

describe('the database', () => {
  const name = (files: Record<string, string | Buffer>) => new NameDatabase(new TreeSys(files)).usbName('1234', '11e8');
  const both = { vendor: 'Technical Corp.', device: 'Educational Device' };

  test.each([
    '/etc/systemd/hwdb/hwdb.bin',
    '/etc/udev/hwdb.bin',
    '/usr/lib/systemd/hwdb/hwdb.bin',
    '/usr/lib/udev/hwdb.bin',
    '/lib/udev/hwdb.bin',
  ])('is %s where there is no usb.ids', (path) => {
    expect(name({ [path]: BIN })).toEqual(both);
    expect(name({ [path]: BIN, '/usr/share/misc/usb.ids': '1234  From usb.ids\n' })).toEqual({
      vendor: 'From usb.ids',
      device: null,
    });
  });

  test('is the text where neither is there, or hwdb.bin is none', () => {
    const text = { '/usr/lib/udev/hwdb.d/20-usb-vendor-model.hwdb': TEXT };
    expect(name(text)).toEqual(both);
    expect(name({ ...text, '/usr/lib/udev/hwdb.bin': Buffer.alloc(200) })).toEqual(both);
    expect(name({ ...text, '/etc/udev/hwdb.bin': '' })).toEqual(both);
    expect(name({})).toEqual({ vendor: null, device: null });
  });

  test('has PCI too, and gives an excerpt as an ids file', () => {
    const database = new NameDatabase(new TreeSys({ '/usr/lib/udev/hwdb.bin': BIN }));
    expect(database.pciName('1af4', '1000')).toEqual({ vendor: 'Red Hat, Inc.', device: 'Virtio network device' });
    expect(database.excerpt('pci', [{ vendor: '1af4', device: '1000' }])).toBe(
      '1af4  Red Hat, Inc.\n\t1000  Virtio network device\n',
    );
  });
});

test('a recording keeps the names of the machine, and no database', () => {
  const machine = new TreeSys({
    '/sys/bus/usb/devices/1-2/idVendor': '1234\n',
    '/sys/bus/usb/devices/1-2/idProduct': '11e8\n',
    '/sys/bus/usb/devices/1-2/busnum': '1\n',
    '/sys/bus/usb/devices/1-2/devnum': '2\n',
    '/usr/lib/udev/hwdb.bin': BIN,
  });
  const manifest = recordMachine(machine);
  expect(manifest).toContain('/usr/share/hwdata/usb.ids = 1234  Technical Corp.\\n\\t11e8  Educational Device');
  expect(manifest).not.toContain('hwdb.bin');
});

describe('a hwdb.bin that is not as it should be', () => {
  test.each([
    ['empty', Buffer.alloc(0)],
    ['another signature', Buffer.concat([Buffer.from('KSLPHHRX'), BIN.subarray(8)])],
    ['a header that is cut off', BIN.subarray(0, 79)],
    ['nodes of no size', patched((file) => file.writeBigUInt64LE(0n, 32))],
    ['endless nodes', patched((file) => file.writeBigUInt64LE(2n ** 63n, 32))],
  ])('%s is refused', (_, bytes) => {
    expect(compiledHwdb(bytes, 'usb')).toBeNull();
  });

  test.each([
    ['a root outside of it', patched((file) => file.writeBigUInt64LE(2n ** 60n, 56))],
    ['a root in the header', patched((file) => file.writeBigUInt64LE(0n, 56))],
    ['no more than its header', BIN.subarray(0, 80)],
  ])('%s: no name', (_, bytes) => {
    expect(compiledHwdb(bytes, 'usb')?.vendor('1234')).toBeNull();
  });

  test('a node that is its own child ends', () => {
    const file = Buffer.concat([BIN, Buffer.alloc(24 + 16)]);
    file.writeBigUInt64LE(BigInt(BIN.length), 56);
    file.writeUInt8(1, BIN.length + 8);
    for (const letter of 'usb:v1234*') {
      file.writeUInt8(letter.charCodeAt(0), BIN.length + 24);
      file.writeBigUInt64LE(BigInt(BIN.length), BIN.length + 32);
      expect(compiledHwdb(file, 'usb')?.vendor('1234')).toBeNull();
    }
  });

  test('a name of two lines is cut after the first, and an endless one after 512 bytes', () => {
    const name = (text: string) =>
      compiledHwdb(hwdbBin({ 'usb:v1234*': { ID_VENDOR_FROM_DATABASE: text } }), 'usb')?.vendor('1234');
    expect(name('one\n1235  two')).toBe('one');
    expect(name('x'.repeat(10_000))).toHaveLength(512);
    expect(name('')).toBeNull();
  });

  test('whatever stands in it, a lookup ends and does not throw', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(BIN.length - 9), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), { maxLength: 8 }),
        fc.nat(BIN.length),
        (changes, length) => {
          const file = Buffer.from(BIN);
          for (const [at, value] of changes) file.writeBigUInt64LE(value % 3n === 0n ? value : value % 2000n, at);
          const names = compiledHwdb(file.subarray(0, length), 'usb');
          for (const name of [names?.vendor('1234'), names?.device('1234', '11e8')])
            expect(typeof name === 'string' ? name.length : 0).toBeLessThanOrEqual(512);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function patched(change: (file: Buffer) => void): Buffer {
  const file = Buffer.from(BIN);
  change(file);
  return file;
}
