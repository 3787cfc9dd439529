import fc from 'fast-check';
import { usbClassName } from '../../../src/usb/class-names';
import { compareUsbAddresses, parseUsbAddress, parseUsbInterface } from '../../../src/usb/inspect/address';
import { readSettings } from '../../../src/usb/inspect/settings';
import { splitDescriptors } from '../../../src/usb/split-descriptors';

const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');

const FLASH_DRIVE = hex(`
  12 01 00 02 00 00 00 40 81 07 67 55 00 01 01 02 03 01
  09 02 20 00 01 01 00 80 64
  09 04 00 00 02 08 06 50 00
  07 05 81 02 00 02 00
  07 05 02 02 00 02 01
`);

/** SuperSpeed, BOT and UAS settings, with companions and pipe usage descriptors. */
const UAS_DRIVE = hex(`
  12 01 20 03 00 00 00 09 78 05 83 55 00 01 01 02 03 01
  09 02 79 00 01 01 00 c0 70
  09 04 00 00 02 08 06 50 00
  07 05 81 02 00 04 00  06 30 0f 00 00 00
  07 05 02 02 00 04 00  06 30 0f 00 00 00
  09 04 00 01 04 08 06 62 00
  07 05 81 02 00 04 00  06 30 0f 05 00 00  04 24 03 00
  07 05 02 02 00 04 00  06 30 0f 05 00 00  04 24 04 00
  07 05 83 02 00 04 00  06 30 0f 05 00 00  04 24 02 00
  07 05 04 02 00 04 00  06 30 00 00 00 00  04 24 01 00
`);

/** Two configurations; the second has an interface association and CDC descriptors. */
const TWO_CONFIGURATIONS = hex(`
  12 01 10 02 ef 02 01 40 6b 1d 04 01 00 04 01 02 03 02
  09 02 12 00 01 01 00 c0 01  09 04 00 00 00 ff 00 00 00
  09 02 43 00 02 05 04 c0 01
  08 0b 00 02 02 02 01 00
  09 04 00 00 01 02 02 01 05  05 24 00 10 01  04 24 02 02  07 05 83 03 0a 00 09
  09 04 01 00 02 0a 00 00 06  07 05 81 02 00 02 00  07 05 01 02 00 02 00
`);

test('a flash drive', () => {
  const settings = readSettings(FLASH_DRIVE, 1);
  expect(settings).toEqual([
    {
      bInterfaceNumber: 0,
      bAlternateSetting: 0,
      bInterfaceClass: 8,
      bInterfaceSubClass: 6,
      bInterfaceProtocol: 0x50,
      endpoints: [
        { bEndpointAddress: 0x81, bmAttributes: 2, wMaxPacketSize: 512, bInterval: 0, ...NO_COMPANION },
        { bEndpointAddress: 2, bmAttributes: 2, wMaxPacketSize: 512, bInterval: 1, ...NO_COMPANION },
      ],
    },
  ]);
});

const NO_COMPANION = { companion: null, dwBytesPerInterval: null };

test('companions belong to the endpoint before them', () => {
  const [bot, uas] = readSettings(UAS_DRIVE, 1);
  expect([bot?.bAlternateSetting, bot?.endpoints.length]).toEqual([0, 2]);
  expect([uas?.bAlternateSetting, uas?.endpoints.length]).toEqual([1, 4]);
  expect(bot?.endpoints[0]?.companion).toEqual({ bMaxBurst: 15, bmAttributes: 0, wBytesPerInterval: 0 });
  expect(uas?.endpoints.map(({ companion }) => companion)).toEqual([
    { bMaxBurst: 15, bmAttributes: 5, wBytesPerInterval: 0 },
    { bMaxBurst: 15, bmAttributes: 5, wBytesPerInterval: 0 },
    { bMaxBurst: 15, bmAttributes: 5, wBytesPerInterval: 0 },
    { bMaxBurst: 0, bmAttributes: 0, wBytesPerInterval: 0 },
  ]);
});

test('the first of two companions counts, and the isochronous one behind it', () => {
  const [setting] = readSettings(
    hex(`
      09 02 2e 00 01 01 00 80 64  09 04 00 00 01 0e 02 00 00
      07 05 81 05 00 04 01  06 30 0f 82 01 00  08 31 00 00 00 80 01 00  06 30 01 00 02 00
    `),
    1,
  );
  expect(setting?.endpoints).toMatchObject([
    { companion: { bMaxBurst: 15, bmAttributes: 0x82, wBytesPerInterval: 1 }, dwBytesPerInterval: 0x18000 },
  ]);
});

test('several configurations', () => {
  const numbers = (value: number) => readSettings(TWO_CONFIGURATIONS, value).map((i) => i.bInterfaceNumber);
  expect([numbers(1), numbers(5), numbers(2)]).toEqual([[0], [0, 1], []]);
});

test('of two configurations with one value the first counts', () => {
  const second = Buffer.from(TWO_CONFIGURATIONS);
  second.writeUInt8(1, 18 + 18 + 5);
  expect(readSettings(second, 1)).toHaveLength(1);
});

test('a companion behind an interface is not taken for the endpoint before', () => {
  const [storage] = readSettings(Buffer.concat([FLASH_DRIVE, hex('09 04 01 00 00 03 00 00 00  06 30 0f 00 00 00')]), 1);
  expect(storage?.endpoints[1]?.companion).toBeNull();
});

describe('lengths that are not true', () => {
  test.each([0, 9, 18, 19, 67, 0xffff])('wTotalLength %d changes nothing', (total) => {
    const bytes = Buffer.from(TWO_CONFIGURATIONS);
    bytes.writeUInt16LE(total, 20);
    expect([readSettings(bytes, 1).length, readSettings(bytes, 5).length]).toEqual([1, 2]);
  });

  test.each([0, 1])('bLength %d ends it', (length) => {
    const bytes = Buffer.concat([FLASH_DRIVE, Buffer.from([length, 5, 0x83, 2, 0, 2, 0])]);
    expect(readSettings(bytes, 1)[0]?.endpoints).toHaveLength(2);
    expect(splitDescriptors(bytes).rest).toHaveLength(7);
  });

  test('a descriptor that reaches past the end is not read', () => {
    expect(readSettings(FLASH_DRIVE.subarray(0, -1), 1)[0]?.endpoints).toHaveLength(1);
    expect(splitDescriptors(FLASH_DRIVE.subarray(0, -1)).rest).toHaveLength(6);
  });

  test('descriptors that are too short for their type are none', () => {
    const short = '05 02 20 00 01  04 04 00 00  03 05 81  09 02 20 00 01 01 00 80 64  04 04 00 00  03 05 81';
    expect(readSettings(hex(short), 1)).toEqual([]);
    const [setting] = readSettings(Buffer.concat([FLASH_DRIVE, hex('05 30 0f 00 00  07 31 00 00 01 00 00')]), 1);
    expect(setting?.endpoints[1]).toMatchObject(NO_COMPANION);
  });

  test('interfaces without a configuration and endpoints without an interface are none', () => {
    expect(readSettings(FLASH_DRIVE.subarray(27), 1)).toEqual([]);
    expect(readSettings(hex('09 02 10 00 01 01 00 80 64  07 05 81 02 00 02 00'), 1)).toEqual([]);
  });

  test('a descriptor that is longer than its type needs', () => {
    const audio = readSettings(
      hex('09 02 1b 00 01 01 00 80 64  09 04 00 00 01 01 02 00 00  09 05 81 05 c0 00 04 00 00'),
      1,
    );
    expect(audio[0]?.endpoints).toMatchObject([{ bEndpointAddress: 0x81, bInterval: 4 }]);
  });
});

describe('whatever a device sends', () => {
  const sound = (bytes: Buffer) => {
    const { descriptors, rest } = splitDescriptors(bytes);
    expect(Buffer.concat([...descriptors.map((raw) => raw.bytes), rest])).toEqual(bytes);
    const parts = readSettings(bytes, 1).flatMap((setting) => [setting, ...setting.endpoints]);
    expect(parts.length).toBeLessThanOrEqual(descriptors.length);
  };

  test('random bytes', () =>
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => sound(Buffer.from(bytes)))));

  test('descriptors with bytes changed, cut and repeated', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(FLASH_DRIVE, UAS_DRIVE, TWO_CONFIGURATIONS),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }),
        fc.nat(200),
        fc.nat(3),
        (original, changes, length, times) => {
          const bytes = Buffer.from(original);
          for (const [offset, value] of changes) if (offset < bytes.length) bytes.writeUInt8(value, offset);
          sound(Buffer.concat([bytes, ...Array.from({ length: times }, () => bytes)]).subarray(0, length));
        },
      ),
    ));
});

describe('names', () => {
  test.each([
    ['usb1', { bus: 1, ports: [] }],
    ['usb12', { bus: 12, ports: [] }],
    ['1-2', { bus: 1, ports: [2] }],
    ['10-14.3.1', { bus: 10, ports: [14, 3, 1] }],
  ])('%s is a device', (name, address) => {
    expect(parseUsbAddress(name)).toEqual(address);
    expect(parseUsbInterface(name)).toBeNull();
  });

  test.each([
    ['1-2.3:1.0', '1-2.3', 1, 0],
    ['1-0:1.0', 'usb1', 1, 0],
    ['10-2:3.12', '10-2', 3, 12],
  ])('%s is an interface', (name, device, configuration, number) => {
    expect(parseUsbInterface(name)).toEqual({ name, device, configuration, number });
    expect(parseUsbAddress(name)).toBeNull();
  });

  test('sort by bus and port, a hub before what hangs on it', () => {
    const sorted = ['usb1', '1-1', '1-2', '1-2.1', '1-2.1.4', '1-2.3', '1-10', 'usb2', '2-1', 'usb10'];
    const addresses = sorted.map(parseUsbAddress).filter((address) => address !== null);
    for (const [i, a] of addresses.entries())
      for (const [j, b] of addresses.entries()) expect(Math.sign(compareUsbAddresses(a, b))).toBe(Math.sign(i - j));
  });

  test.each(['', 'usb', 'usb1-port2', '1-', '1-2.', '1-2..3', '1-2:1', '1-2-port1', '1-0', '..', '1-2/..'])(
    '%j is none',
    (name) => {
      expect(parseUsbAddress(name)).toBeNull();
      expect(parseUsbInterface(name)).toBeNull();
    },
  );
});

test.each([
  ['03', '01', '01', 'HID boot keyboard'],
  ['03', '00', '00', 'HID'],
  ['08', '06', '50', 'Mass storage (SCSI, BOT)'],
  ['08', '06', '62', 'Mass storage (SCSI, UAS)'],
  ['08', '06', '99', 'Mass storage (SCSI)'],
  ['02', '02', '01', 'CDC ACM serial port'],
  ['02', '0e', '00', 'CDC MBIM network'],
  ['0e', '02', '01', 'Video streaming'],
  ['e0', '01', '01', 'Bluetooth'],
  ['fe', '01', '02', 'DFU mode'],
  ['ff', '42', '01', 'Vendor specific'],
  ['77', '00', '00', 'Unknown class 77'],
])('class %s/%s/%s', (base, subclass, protocol, name) => {
  expect(usbClassName(base, subclass, protocol)).toBe(name);
});
