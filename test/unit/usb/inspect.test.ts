import type { UsbDeviceInfo } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { inspectUsb, listUsb } from '../../../src/usb/inspect/inspect';
import { type Content, TreeSys } from '../../support/tree-sys';

const USB = '/sys/bus/usb/devices';
const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');

/** `null` takes away what would be there. */
type Attributes = Record<string, Content | null>;

function add(sys: TreeSys, name: string, attributes: Attributes): TreeSys {
  const home = `/sys/devices/pci0000:00/usb1/${name}`;
  sys.tree.mkdir(home);
  for (const [file, content] of Object.entries(attributes))
    if (content !== null) sys.add({ [file]: content }, `${home}/`);
  return sys.add({ [`${USB}/${name}`]: { link: `../../../devices/pci0000:00/usb1/${name}` } });
}

const FLASH_DRIVE: Attributes = {
  busnum: '1\n',
  devnum: '14\n',
  idVendor: '0781\n',
  idProduct: '5567\n',
  bDeviceClass: '00\n',
  speed: '480\n',
  version: ' 2.00\n',
  manufacturer: 'SanDisk\n',
  product: 'Cruzer Blade\n',
  serial: '4C530001\n',
  bConfigurationValue: '1\n',
  descriptors: hex(`
    12 01 00 02 00 00 00 40 81 07 67 55 00 01 01 02 03 01  09 02 20 00 01 01 00 80 64
    09 04 00 00 02 08 06 50 00  07 05 81 02 00 02 00  07 05 02 02 00 02 01`),
};

const STORAGE_INTERFACE: Attributes = {
  bInterfaceNumber: '00\n',
  bAlternateSetting: ' 0\n',
  bInterfaceClass: '08\n',
  bInterfaceSubClass: '06\n',
  bInterfaceProtocol: '50\n',
  driver: { link: '../../../../bus/usb/drivers/usb-storage' },
  'ep_81/bEndpointAddress': '81\n',
  'ep_81/type': 'Bulk\n',
  'ep_81/wMaxPacketSize': '0200\n',
  'ep_81/bInterval': '00\n',
  'ep_81/direction': 'in\n',
  'ep_02/bEndpointAddress': '02\n',
  'ep_02/type': 'Bulk\n',
  'ep_02/wMaxPacketSize': '0200\n',
  'ep_02/bInterval': '01\n',
  'ep_02/direction': 'out\n',
};

/** A flash drive at 1-2.3 of which some attributes are different. */
function drive(changes: Attributes = {}, intf: Attributes | null = {}): TreeSys {
  const sys = add(new TreeSys({ '/dev/bus/usb/001/014': { node: 'r' } }), '1-2.3', { ...FLASH_DRIVE, ...changes });
  return intf === null ? sys : add(sys, '1-2.3:1.0', { ...STORAGE_INTERFACE, ...intf });
}

const list = (sys: TreeSys) => listUsb(sys, new NameDatabase(sys));
function inspect(sys: TreeSys, address = '1-2.3'): UsbDeviceInfo {
  const device = inspectUsb(sys, new NameDatabase(sys), address);
  if (device === null) throw new Error(`no ${address}`);
  return device;
}

const NOT_PERIODIC = { packets: 1, bytesPerInterval: null, intervalUs: null };

const STORAGE = {
  number: 0,
  alt: 0,
  active: true,
  class: '08',
  subclass: '06',
  protocol: '50',
  className: 'Mass storage (SCSI, BOT)',
  driver: 'usb-storage',
  endpoints: [
    { address: '0x81', direction: 'in', type: 'bulk', maxPacketSize: 512, interval: 0, ...NOT_PERIODIC },
    { address: '0x02', direction: 'out', type: 'bulk', maxPacketSize: 512, interval: 1, ...NOT_PERIODIC },
  ],
};

test('a flash drive', () => {
  expect(inspect(drive())).toEqual({
    address: '1-2.3',
    framework: 'usb',
    vendorId: '0781',
    deviceId: '5567',
    name: 'SanDisk Cruzer Blade',
    driver: 'usb-storage',
    drivers: ['usb-storage'],
    node: '/dev/bus/usb/001/014',
    access: 'r',
    errors: [],
    usb: {
      bus: 1,
      device: 14,
      ports: [2, 3],
      speedMbps: 480,
      usbVersion: '2.00',
      class: '00',
      manufacturer: 'SanDisk',
      product: 'Cruzer Blade',
      serial: '4C530001',
      authorized: true,
      configuration: 1,
      interfaces: [STORAGE],
    },
  });
});

test('a root hub', () => {
  const sys = add(new TreeSys(), 'usb2', {
    ...FLASH_DRIVE,
    busnum: '2\n',
    devnum: '1\n',
    bDeviceClass: '09\n',
    speed: '20000\n',
    manufacturer: 'Linux 6.12.0 xhci-hcd\n',
    product: 'xHCI Host Controller\n',
    descriptors: hex(`
      12 01 20 03 09 00 03 09 6b 1d 03 00 12 06 03 02 01 01  09 02 1f 00 01 01 00 e0 00
      09 04 00 00 01 09 00 00 00  07 05 81 03 04 00 0c  06 30 00 00 02 00`),
  });
  add(sys, '2-0:1.0', { bAlternateSetting: ' 0\n', driver: { link: '../../../../bus/usb/drivers/hub' } });
  expect(list(sys)).toMatchObject([
    {
      address: 'usb2',
      name: 'xHCI Host Controller',
      driver: 'hub',
      node: '/dev/bus/usb/002/001',
      access: null,
      usb: { bus: 2, ports: [], speedMbps: 20000, interfaces: [{ className: 'Hub', driver: 'hub', active: true }] },
    },
  ]);
});

describe('alternate settings', () => {
  // A camera: control, and streaming with a setting without bandwidth and two with; microphone beside it.
  const CAMERA: Attributes = {
    ...FLASH_DRIVE,
    descriptors: hex(`
      12 01 00 02 ef 02 01 40 6d 04 25 08 10 00 01 02 03 01  09 02 ff 00 03 01 00 80 fa
      08 0b 00 02 0e 03 00 00
      09 04 00 00 01 0e 01 00 00  0d 24 01 00 01 0d 00 00 00 00 00 01 01  07 05 83 03 10 00 06  05 25 03 10 00
      09 04 01 00 00 0e 02 00 00
      09 04 01 01 01 0e 02 00 00  07 05 81 05 80 00 01
      09 04 01 02 01 0e 02 00 00  07 05 81 05 00 14 01
      09 04 02 00 00 01 02 00 00`),
  };
  const camera = (alt: string) => {
    const sys = add(new TreeSys(), '1-4', CAMERA);
    add(sys, '1-4:1.1', { bAlternateSetting: alt, driver: { link: '../../../../bus/usb/drivers/uvcvideo' } });
    add(sys, '1-4:1.0', { bAlternateSetting: ' 0\n', driver: { link: '../../../../bus/usb/drivers/uvcvideo' } });
    return add(sys, '1-4:1.2', { bAlternateSetting: ' 0\n' });
  };

  test('are all there, the current one active', () => {
    const device = inspect(camera(' 2\n'), '1-4');
    expect(device.usb.interfaces.map((i) => [i.number, i.alt, i.active, i.driver, i.endpoints.length])).toEqual([
      [0, 0, true, 'uvcvideo', 1],
      [1, 0, false, 'uvcvideo', 0],
      [1, 1, false, 'uvcvideo', 1],
      [1, 2, true, 'uvcvideo', 1],
      [2, 0, true, null, 0],
    ]);
    // High bandwidth: 3 packets of 1024 bytes.
    expect(device.usb.interfaces[3]?.endpoints).toEqual([
      {
        address: '0x81',
        direction: 'in',
        type: 'isochronous',
        maxPacketSize: 1024,
        packets: 3,
        bytesPerInterval: 3072,
        interval: 1,
        intervalUs: 125,
      },
    ]);
    expect(device.driver).toBe('uvcvideo');
  });

  test('of an interface that does not say which: the first', () => {
    const { interfaces } = inspect(camera('zz\n'), '1-4').usb;
    expect(interfaces.filter((i) => i.number === 1 && i.active).map((i) => i.alt)).toEqual([0]);
  });

  test('the driver of the device is that of its interfaces, if there is only one; else all are listed', () => {
    expect(inspect(camera(' 0\n'), '1-4')).toMatchObject({ driver: 'uvcvideo', drivers: ['uvcvideo'] });
    const sys = camera(' 0\n');
    add(sys, '1-4:1.2', { bAlternateSetting: ' 0\n', driver: { link: '../../../../bus/usb/drivers/snd-usb-audio' } });
    expect(inspect(sys, '1-4')).toMatchObject({ driver: null, drivers: ['uvcvideo', 'snd-usb-audio'] });
    expect(inspect(drive({}, { driver: null }))).toMatchObject({ driver: null, drivers: [] });
  });
});

describe('the configuration', () => {
  test('of an unconfigured device is null: the attribute is empty', () => {
    expect(inspect(drive({ bConfigurationValue: '' }, null))).toMatchObject({
      driver: null,
      errors: [],
      usb: { configuration: null, interfaces: [] },
    });
    expect(inspect(drive({ bConfigurationValue: '\n' })).usb).toMatchObject({ configuration: null, interfaces: [] });
  });

  test.each([
    ['0\n', false],
    ['1\n', true],
    [null, null],
    ['x\n', null],
  ])('is missing where the device is not authorized: %j', (authorized, expected) => {
    const text = 'n/a (unauthorized)\n';
    const strings = { manufacturer: text, product: text, serial: text };
    const { name, usb } = inspect(drive({ bConfigurationValue: '\n', authorized, ...strings }, null));
    expect([usb.configuration, usb.authorized]).toEqual([null, expected]);
    // Older kernels put this in place of the strings; a device may have such strings of its own.
    const kept = expected === false ? null : 'n/a (unauthorized)';
    expect([usb.manufacturer, usb.product, usb.serial]).toEqual([kept, kept, kept]);
    expect(name).toBe(kept ?? 'USB device [0781:5567]');
  });

  test('may have the value 0', () => {
    expect(inspect(drive({ bConfigurationValue: '0\n' }, null)).usb.configuration).toBe(0);
  });

  test('is told by the interfaces where the attribute cannot be read', () => {
    const device = inspect(drive({ bConfigurationValue: { error: 'EINTR' } }));
    expect(device.usb).toMatchObject({ configuration: 1, interfaces: [STORAGE] });
    expect(device.errors).toEqual([{ path: `${USB}/1-2.3/bConfigurationValue`, code: 'EINTR' }]);
    expect(inspect(drive({ bConfigurationValue: null }, null)).usb.configuration).toBeNull();
  });

  test('is the active one of several', () => {
    const descriptors = hex(`
      12 01 00 02 00 00 00 40 81 07 67 55 00 01 01 02 03 02
      09 02 12 00 01 01 00 80 64  09 04 00 00 00 ff 00 00 00
      09 02 12 00 01 02 00 80 64  09 04 00 00 00 03 01 01 00`);
    const sys = add(drive({ descriptors, bConfigurationValue: '2\n' }, null), '1-2.3:2.0', {
      bAlternateSetting: ' 0\n',
    });
    expect(inspect(sys).usb.interfaces).toMatchObject([{ className: 'HID boot keyboard', active: true }]);
  });
});

test('an interface of another configuration, left over from a change, is not of this one', () => {
  const sys = add(drive(), '1-2.3:2.0', { bAlternateSetting: ' 3\n', driver: { link: '../x/usbhid' } });
  expect(inspect(sys)).toMatchObject({ driver: 'usb-storage', usb: { interfaces: [STORAGE] } });
});

test('of two descriptors for the same setting the first counts', () => {
  const descriptors = Buffer.concat([FLASH_DRIVE['descriptors'] as Buffer, hex('09 04 00 00 00 ff 00 00 00')]);
  expect(inspect(drive({ descriptors })).usb.interfaces).toEqual([STORAGE]);
});

describe('without usable descriptors', () => {
  test.each([
    ['absent', null],
    ['empty', ''],
    ['too short', hex('12 01 00 02')],
    [
      'of another configuration',
      hex('12 01 00 02 00 00 00 40 81 07 67 55 00 01 01 02 03 01  09 02 09 00 00 07 00 80 64'),
    ],
    ['garbage', Buffer.alloc(200, 0xff)],
    ['zeros', Buffer.alloc(200)],
  ])('%s: the directories tell the current setting', (_, descriptors) => {
    const { usb, errors } = inspect(drive({ descriptors }));
    const [first] = usb.interfaces;
    expect({ ...first, endpoints: [...(first?.endpoints ?? [])].reverse() }).toEqual(STORAGE);
    expect(usb.interfaces).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  test('unreadable: said so', () => {
    expect(inspect(drive({ descriptors: { error: 'EACCES' } }))).toMatchObject({
      usb: { interfaces: [{ class: '08' }] },
      errors: [{ path: `${USB}/1-2.3/descriptors`, code: 'EACCES' }],
    });
  });

  test('cut before the current setting: it is added', () => {
    const { interfaces } = inspect(drive({}, { bAlternateSetting: ' 1\n' })).usb;
    expect(interfaces.map((i) => [i.alt, i.active, i.endpoints.length])).toEqual([
      [0, false, 2],
      [1, true, 2],
    ]);
  });

  test('attributes that are missing or broken there', () => {
    const broken = Object.fromEntries(Object.keys(STORAGE_INTERFACE).map((name) => [name, null]));
    const intf = { ...broken, 'ep_81/type': 'Isoc\n', 'ep_82/type': 'unknown\n', ep_zz: 'x', ep_83: 'x' };
    expect(inspect(drive({ descriptors: null }, intf)).usb.interfaces).toEqual([
      {
        ...STORAGE,
        class: '00',
        subclass: '00',
        protocol: '00',
        className: 'Unspecified class',
        driver: null,
        endpoints: [
          {
            address: '0x81',
            direction: 'in',
            type: 'isochronous',
            maxPacketSize: 0,
            packets: 1,
            bytesPerInterval: 0,
            interval: 0,
            intervalUs: null,
          },
        ],
      },
    ]);
  });
});

describe('attributes', () => {
  test.each([
    ['1.5', 1.5],
    ['12', 12],
    ['480', 480],
    ['5000', 5000],
    ['10000', 10000],
    ['20000', 20000],
    ['unknown', null],
    ['0', null],
    ['-1', null],
    ['1e3', null],
    ['', null],
  ])('speed %j', (text, mbps) => {
    expect(inspect(drive({ speed: `${text}\n` })).usb.speedMbps).toBe(mbps);
  });

  test('that are missing are null', () => {
    const sys = new TreeSys();
    sys.tree.mkdir(`${USB}/3-1`);
    expect(inspect(sys, '3-1')).toEqual({
      address: '3-1',
      framework: 'usb',
      vendorId: null,
      deviceId: null,
      name: 'USB device',
      driver: null,
      drivers: [],
      node: null,
      access: null,
      errors: [],
      usb: {
        bus: 3,
        device: 0,
        ports: [1],
        speedMbps: null,
        usbVersion: null,
        class: null,
        manufacturer: null,
        product: null,
        serial: null,
        authorized: null,
        configuration: null,
        interfaces: [],
      },
    });
  });

  test.each([['zz\n'], ['\x1b]0;\x07\n'], ['-5\n'], ['123456789012345678901\n'], ['\0\0'], [Buffer.alloc(5000, 0x41)]])(
    'that are garbage (%j) do no harm',
    (garbage) => {
      const names = Object.keys(FLASH_DRIVE).filter(
        (name) => !['manufacturer', 'product', 'serial', 'version'].includes(name),
      );
      const device = inspect(drive(Object.fromEntries(names.map((name) => [name, garbage]))));
      expect(device).toMatchObject({ vendorId: null, deviceId: null, node: null, errors: [] });
      expect(device.usb).toMatchObject({ bus: 1, device: 0, speedMbps: null, class: null });
    },
  );

  test('that are unreadable are named', () => {
    const device = inspect(drive({ serial: { error: 'EACCES' }, product: { error: 'EIO' } }));
    expect(device.errors).toEqual([
      { path: `${USB}/1-2.3/product`, code: 'EIO' },
      { path: `${USB}/1-2.3/serial`, code: 'EACCES' },
    ]);
    expect(device.usb).toMatchObject({ product: null, serial: null });
  });

  test('strings are as the device has them', () => {
    const text = 'a\x1b[31m\u0007\u202eb\x7f\u009b';
    expect(inspect(drive({ product: `${text}\n`, manufacturer: null })).name).toBe(text);
    expect(inspect(drive({ serial: Buffer.from([0x41, 0xff, 0xfe, 0x0a]) })).usb.serial).toBe('A\ufffd\ufffd');
  });
});

describe('the name', () => {
  const IDS = { '/usr/share/hwdata/usb.ids': '0781  SanDisk Corp.\n\t5567  Cruzer Blade stick\n' };
  test.each([
    ['product and manufacturer', {}, 'SanDisk Cruzer Blade'],
    ['product, and the vendor from usb.ids', { manufacturer: null }, 'SanDisk Corp. Cruzer Blade'],
    ['the same, with the vendor in the product', { manufacturer: null, product: 'SanDisk Ultra' }, 'SanDisk Ultra'],
    ['product alone', { manufacturer: null, idVendor: '1234' }, 'Cruzer Blade'],
    ['manufacturer within the product', { product: 'SANDISK Ultra' }, 'SANDISK Ultra'],
    ['from usb.ids', { product: null, manufacturer: null }, 'SanDisk Corp. Cruzer Blade stick'],
    ['from usb.ids, with the own manufacturer', { product: null }, 'SanDisk Cruzer Blade stick'],
    [
      'vendor known',
      { product: null, manufacturer: null, idProduct: '0001' },
      'SanDisk Corp. Mass storage (SCSI, BOT)',
    ],
    ['nothing known', { product: null, manufacturer: null, idVendor: '1234' }, 'Mass storage (SCSI, BOT) [1234:5567]'],
    ['no ids', { product: null, manufacturer: null, idVendor: null, bDeviceClass: '09' }, 'Hub'],
    [
      'a class that the device itself has, with subclass and protocol',
      {
        product: null,
        manufacturer: null,
        idVendor: '1234',
        bDeviceClass: 'e0',
        bDeviceSubClass: '01',
        bDeviceProtocol: '01',
      },
      'Bluetooth [1234:5567]',
    ],
    [
      'such a class alone',
      { product: null, manufacturer: null, idVendor: '1234', bDeviceClass: 'e0' },
      'Wireless controller [1234:5567]',
    ],
    ['empty strings', { product: '\n', manufacturer: ' \n', idVendor: null }, 'Mass storage (SCSI, BOT)'],
  ] as [string, Attributes, string][])('%s', (_, changes, name) => {
    expect(inspect(drive(changes).add(IDS)).name).toBe(name);
  });

  test('of devices that have one needs no database', () => {
    const sys = drive().add(IDS);
    inspect(sys);
    expect(sys.calls.filter((call) => call.includes('usb.ids'))).toEqual([]);
  });
});

describe('the list', () => {
  test('is in the order of the ports', () => {
    const addresses = ['usb1', '1-1', '1-2', '1-2.1', '1-2.1.4', '1-2.3', '1-10', 'usb2', '2-1', 'usb10', '10-1'];
    const sys = new TreeSys({ [`${USB}/stray`]: 'x', [`${USB}/1-2-port1`]: 'x' });
    for (const address of [...addresses].reverse()) add(sys, address, FLASH_DRIVE);
    expect(list(sys).map((device) => device.address)).toEqual(addresses);
  });

  test('of a machine without USB is empty', () => {
    expect(list(new TreeSys())).toEqual([]);
    expect(list(new TreeSys({ [USB]: { error: 'EACCES' } }))).toEqual([]);
  });

  test('leaves a device out that vanishes while it is read', () => {
    const sys = drive();
    add(sys, '1-3', {
      ...FLASH_DRIVE,
      speed: () => {
        sys.tree.delete(`${USB}/1-3`);
        sys.tree.delete('/sys/devices/pci0000:00/usb1/1-3');
        return '480\n';
      },
    });
    expect(list(sys).map((device) => device.address)).toEqual(['1-2.3']);
    expect(inspectUsb(sys, new NameDatabase(sys), '1-3')).toBeNull();
  });

  test('leaves a device out whose attributes fail because it is going', () => {
    const sys = drive();
    add(sys, '1-3', {
      devnum: () => {
        sys.tree.delete(`${USB}/1-3`);
        return '';
      },
      product: { error: 'ENODEV' },
    });
    expect(list(sys).map((device) => device.address)).toEqual(['1-2.3']);
  });

  test('costs fifteen calls for a device with one interface', () => {
    const sys = drive();
    list(sys);
    expect(sys.calls).toHaveLength(1 + 15);
  });
});

test.each(['1-9', 'usb1', '1-2.3:1.0', '', '..', 'garbage'])('%j is no device', (address) => {
  expect(inspectUsb(drive(), new NameDatabase(drive()), address)).toBeNull();
});
