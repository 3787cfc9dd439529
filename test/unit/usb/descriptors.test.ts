import fc from 'fast-check';
import { compareUsbAddresses, parseUsbAddress, parseUsbInterface } from '../../../src/usb/inspect/address';
import { usbClassName } from '../../../src/usb/inspect/class-names';
import { parseDescriptors, splitDescriptors } from '../../../src/usb/inspect/descriptors';

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
  const { device, configurations, extra, rest } = parseDescriptors(FLASH_DRIVE);
  expect(device).toMatchObject({ bcdUSB: 0x200, idVendor: 0x781, idProduct: 0x5567, bNumConfigurations: 1 });
  expect(configurations).toHaveLength(1);
  expect(configurations[0]).toMatchObject({ wTotalLength: 32, bConfigurationValue: 1, bMaxPower: 100 });
  expect(configurations[0]?.interfaces).toMatchObject([
    {
      bInterfaceClass: 8,
      bInterfaceSubClass: 6,
      bInterfaceProtocol: 0x50,
      endpoints: [
        { bEndpointAddress: 0x81, bmAttributes: 2, wMaxPacketSize: 512, bInterval: 0 },
        { bEndpointAddress: 2, bmAttributes: 2, wMaxPacketSize: 512, bInterval: 1 },
      ],
    },
  ]);
  expect(extra).toEqual([]);
  expect(rest).toHaveLength(0);
});

test('what follows an endpoint is kept with it', () => {
  const [bot, uas] = parseDescriptors(UAS_DRIVE).configurations[0]?.interfaces ?? [];
  expect([bot?.bAlternateSetting, bot?.endpoints.length]).toEqual([0, 2]);
  expect([uas?.bAlternateSetting, uas?.endpoints.length]).toEqual([1, 4]);
  expect(uas?.endpoints[0]?.extra).toEqual([
    { bDescriptorType: 0x30, bytes: hex('06 30 0f 05 00 00') },
    { bDescriptorType: 0x24, bytes: hex('04 24 03 00') },
  ]);
});

test('several configurations', () => {
  const { configurations } = parseDescriptors(TWO_CONFIGURATIONS);
  expect(configurations.map((c) => [c.bConfigurationValue, c.interfaces.length])).toEqual([
    [1, 1],
    [5, 2],
  ]);
  expect(configurations[1]?.extra).toEqual([{ bDescriptorType: 0x0b, bytes: hex('08 0b 00 02 02 02 01 00') }]);
  expect(configurations[1]?.interfaces[0]?.extra).toHaveLength(2);
});

test('what follows an interface is not taken for the endpoint before', () => {
  const { configurations } = parseDescriptors(
    Buffer.concat([FLASH_DRIVE, hex('09 04 01 00 00 03 00 00 00  09 21 11 01 00 01 22 3f 00')]),
  );
  const [storage, keyboard] = configurations[0]?.interfaces ?? [];
  expect(storage?.endpoints[1]?.extra).toEqual([]);
  expect(keyboard?.extra).toMatchObject([{ bDescriptorType: 0x21 }]);
});

describe('lengths that are not true', () => {
  const withTotal = (total: number) => {
    const bytes = Buffer.from(TWO_CONFIGURATIONS);
    bytes.writeUInt16LE(total, 20);
    return parseDescriptors(bytes).configurations.map((c) => c.interfaces.length);
  };
  test.each([0, 9, 18, 19, 67, 0xffff])('wTotalLength %d changes nothing', (total) => {
    expect(withTotal(total)).toEqual([1, 2]);
  });

  test.each([0, 1])('bLength %d ends it', (length) => {
    const bytes = Buffer.concat([FLASH_DRIVE, Buffer.from([length, 5, 0x83, 2, 0, 2, 0])]);
    const { configurations, rest } = parseDescriptors(bytes);
    expect(configurations[0]?.interfaces[0]?.endpoints).toHaveLength(2);
    expect(rest).toHaveLength(7);
  });

  test('a descriptor that reaches past the end is not read', () => {
    const { configurations, rest } = parseDescriptors(FLASH_DRIVE.subarray(0, -1));
    expect(configurations[0]?.interfaces[0]?.endpoints).toHaveLength(1);
    expect(rest).toHaveLength(6);
  });

  test('descriptors that are too short for their type are kept as bytes', () => {
    const { device, configurations, extra } = parseDescriptors(
      hex('03 01 00  05 02 20 00 01  04 04 00 00  03 05 81  09 02 20 00 01 01 00 80 64  04 04 00 00'),
    );
    expect(device).toBeNull();
    expect(extra.map((raw) => raw.bDescriptorType)).toEqual([1, 2, 4, 5]);
    expect(configurations).toMatchObject([{ interfaces: [], extra: [{ bDescriptorType: 4 }] }]);
  });

  test('interfaces without a configuration and endpoints without an interface are kept as bytes', () => {
    const { extra } = parseDescriptors(FLASH_DRIVE.subarray(27));
    expect(extra.map((raw) => raw.bDescriptorType)).toEqual([4, 5, 5]);
  });

  test('a descriptor that is longer than its type needs', () => {
    const audio = parseDescriptors(
      hex('09 02 1b 00 01 01 00 80 64  09 04 00 00 01 01 02 00 00  09 05 81 05 c0 00 04 00 00'),
    );
    expect(audio.configurations[0]?.interfaces[0]?.endpoints).toMatchObject([{ bEndpointAddress: 0x81, bInterval: 4 }]);
  });
});

describe('whatever a device sends', () => {
  const sound = (bytes: Buffer) => {
    const { descriptors, rest } = splitDescriptors(bytes);
    expect(Buffer.concat([...descriptors.map((raw) => raw.bytes), rest])).toEqual(bytes);
    const set = parseDescriptors(bytes);
    const parts = set.configurations.flatMap((c) => [
      c,
      ...c.extra,
      ...c.interfaces.flatMap((i) => [i, ...i.extra, ...i.endpoints.flatMap((e) => [e, ...e.extra])]),
    ]);
    // Every descriptor stands in one place.
    expect(parts.length + set.extra.length + (set.device === null ? 0 : 1)).toBe(descriptors.length);
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
