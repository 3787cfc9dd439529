import { PORT_STATUS, SUPERSPEED_PORT_STATUS } from '../../../src/usb/decode/classes/hub';
import { CCID } from '../../../src/usb/decode/classes/small-classes';
import { descriptor } from '../../../src/usb/decode/descriptor';
import { decodeDescriptors } from '../../../src/usb/decode/descriptor-tree';
import { type DescriptorJson, descriptorJson } from '../../../src/usb/decode/json';
import type { Layout } from '../../../src/usb/decode/layout';
import { DEVICE } from '../../../src/usb/decode/standard';

const CONTEXT = { speedMbps: 480, vendorName: null, productName: null, string: () => undefined, reports: new Map() };

const fromHex = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const walk = (found: DescriptorJson): DescriptorJson[] => [found, ...(found.children ?? []).flatMap(walk)];
const decoded = (hex: string, speedMbps: number | null = null) =>
  decodeDescriptors(fromHex(hex), speedMbps).descriptors.flatMap((found) => walk(descriptorJson(found, CONTEXT)));
const notes = (hex: string, speedMbps: number | null = null) =>
  decoded(hex, speedMbps).flatMap(({ descriptor: id, notes: found = [] }) => found.map((note) => `${id}: ${note}`));

const byte = (value: number) => value.toString(16).padStart(2, '0');
/** A configuration that claims what is there. */
function configuration(body: string, attributes = '80'): string {
  const bytes = fromHex(body);
  const numbers = new Set<number>();
  for (let at = 0; at < bytes.length; at += bytes.readUInt8(at))
    if (bytes.readUInt8(at + 1) === 4) numbers.add(bytes.readUInt8(at + 2));
  return `0902 ${byte(9 + bytes.length)}00 ${byte(numbers.size)} 01 00 ${attributes} 32 ${body}`;
}
const setting = (number: number, endpoints: number, alternate = 0, baseClass = 'ff') =>
  `0904 ${byte(number)} ${byte(alternate)} ${byte(endpoints)} ${baseClass} 00 00 00`;
const endpoint = (address: number, type: number, size: number, interval = 1) =>
  `0705 ${byte(address)} ${byte(type)} ${byte(size & 0xff)}${byte(size >> 8)} ${byte(interval)}`;

describe('a configuration', () => {
  test('that is well formed has no note', () => {
    const body = `${setting(0, 1)} ${endpoint(0x81, 2, 512)} ${setting(1, 1)} ${endpoint(0x02, 2, 512)} ${setting(1, 0, 1)}`;
    expect(notes(configuration(body), 480)).toEqual([]);
    expect(notes(configuration(body), null)).toEqual([]);
  });

  test.each([
    ['gaps', `${setting(2, 0)} ${setting(3, 0)}`, ['configuration: interface numbers have gaps: 2, 3']],
    ['a gap', `${setting(0, 0)} ${setting(2, 0)}`, ['configuration: interface numbers have gaps: 0, 2']],
    ['disorder', `${setting(1, 0)} ${setting(0, 0)}`, ['configuration: interfaces are out of order: 1, 0']],
    [
      'both',
      `${setting(3, 0)} ${setting(0, 0)}`,
      ['configuration: interfaces are out of order: 3, 0', 'configuration: interface numbers have gaps: 0, 3'],
    ],
    [
      'a setting that is there twice',
      `${setting(0, 0)} ${setting(0, 0)}`,
      ['interface: alternate setting 0 of interface 0 is there more than once'],
    ],
    // A setting may come later: that is no disorder.
    ['none, settings apart', `${setting(0, 0)} ${setting(1, 0)} ${setting(0, 0, 1)}`, []],
  ])('whose interfaces have %s', (_, body, expected) => {
    expect(notes(configuration(body))).toEqual(expected);
  });

  test('whose bmAttributes lacks bit 7', () => {
    expect(notes(configuration(setting(0, 0), '40'))).toEqual([
      'configuration: bit 7 of bmAttributes is 0, it has to be 1',
    ]);
  });

  test('with one endpoint where more are claimed', () => {
    expect(notes(configuration(`${setting(0, 2)} ${endpoint(0x81, 2, 512)}`))).toEqual([
      'interface: bNumEndpoints is 2, there is 1 endpoint',
    ]);
  });
});

describe('an endpoint', () => {
  test('0', () => {
    expect(notes(configuration(`${setting(0, 1)} ${endpoint(0x80, 2, 512)}`))).toEqual([
      'endpoint: endpoint 0 is the control endpoint, which has no descriptor',
    ]);
  });

  test('with reserved bits in its address', () => {
    expect(notes(configuration(`${setting(0, 1)} ${endpoint(0xc1, 2, 512)}`))).toEqual([
      'endpoint: bits 4 to 6 of bEndpointAddress are reserved',
    ]);
  });

  test('twice in a setting, and in two interfaces', () => {
    const one = endpoint(0x81, 2, 512);
    expect(notes(configuration(`${setting(0, 2)} ${one} ${one}`))).toEqual([
      'endpoint: endpoint 0x81 is there more than once in this setting',
    ]);
    expect(notes(configuration(`${setting(0, 1)} ${one} ${setting(1, 1)} ${one}`))).toEqual([
      'endpoint: endpoint 0x81 belongs to interface 0 too',
    ]);
    expect(notes(configuration(`${setting(0, 1)} ${one} ${setting(0, 1, 1)} ${one}`))).toEqual([]);
  });

  test.each([
    [480, 2, 64, ['a bulk packet has 512 bytes at high speed, not 64']],
    [480, 2, 1024, ['a bulk packet has 512 bytes at high speed, not 1024']],
    [480, 2, 512, []],
    [12, 2, 64, []],
    [12, 2, 8, []],
    [12, 2, 512, ['a bulk packet has 8, 16, 32 or 64 bytes at full speed, not 512']],
    [12, 2, 20, ['a bulk packet has 8, 16, 32 or 64 bytes at full speed, not 20']],
    [1.5, 2, 8, ['there are no bulk endpoints at low speed']],
    [1.5, 3, 8, []],
    [1.5, 3, 16, ['an interrupt packet has at most 8 bytes at low speed, not 16']],
    [12, 3, 65, ['an interrupt packet has at most 64 bytes at full speed, not 65']],
    [12, 1, 1023, []],
    [12, 1, 0, []],
    [12, 1, 1024, ['an isochronous packet has at most 1023 bytes at full speed, not 1024']],
    // The transactions of a microframe do not count.
    [480, 1, 0x1400, []],
    [480, 3, 0x0800, ['an interrupt packet of 0 bytes can carry nothing']],
    [480, 0, 64, []],
    [null, 2, 64, []],
  ])('at %s Mbit/s, of type %i, with packets of %i bytes', (speed, type, size, expected) => {
    expect(notes(configuration(`${setting(0, 1)} ${endpoint(0x81, type, size)}`), speed)).toEqual(
      expected.map((note) => `endpoint: ${note}`),
    );
  });

  test('at SuperSpeed has packets of 1024 bytes and a companion', () => {
    const companion = '0630 0f 00 0000';
    expect(notes(configuration(`${setting(0, 1)} ${endpoint(0x81, 2, 1024)} ${companion}`), 5000)).toEqual([]);
    expect(notes(configuration(`${setting(0, 1)} ${endpoint(0x81, 2, 512)}`), 10000)).toEqual([
      'endpoint: a bulk packet has 1024 bytes at SuperSpeed, not 512',
      'endpoint: no SuperSpeed endpoint companion behind it',
    ]);
  });
});

describe('a vendor specific interface', () => {
  const CCID_HEX =
    '36211001000703000000a00f0000401f000000002a00002940050000fe0000000000000000000000ba0001000f010000000000000001';
  const HID_HEX = '092110010001221500';
  const CDC_HEX = '0524001001 0524010000 04240202 0524060000';
  const shapes = (body: string, baseClass = 'ff') =>
    decoded(configuration(`${setting(0, 0, 0, baseClass)} ${body}`))
      .slice(2)
      .map(({ descriptor: id, byShape }) => (byShape === true ? `${id}, by its shape` : id));

  test.each([
    ['CDC', CDC_HEX, ['cdc.header', 'cdc.callManagement', 'cdc.acm', 'cdc.union'].map((id) => `${id}, by its shape`)],
    ['CCID', CCID_HEX, ['ccid, by its shape']],
    ['CCID, its version swapped', CCID_HEX.replace('36211001', '36210110'), ['ccid, by its shape']],
    ['HID', HID_HEX, ['hid, by its shape']],
    ['HID with a physical descriptor', '0c2111010002223f00231000', ['hid, by its shape']],
  ])('has the descriptors of %s decoded', (_, hex, expected) => {
    expect(shapes(hex)).toEqual(expected);
  });

  test('values and meanings are those of the class', () => {
    const found = decoded(configuration(`${setting(0, 0)} ${CCID_HEX}`)).find(({ descriptor: id }) => id === 'ccid');
    expect(found).toMatchObject({ bcdCCID: 0x0110, byShape: true, means: { dwDefaultClock: '4 MHz' } });
  });

  test.each([
    ['functional descriptors without a header', '0524010000 04240202'],
    ['a header of another length', '0624001001ff'],
    ['a header of no version', '0524009901'],
    ['a CCID descriptor that is a byte short', `35${CCID_HEX.slice(2, -2)}`],
    ['a CCID descriptor without a voltage', `${CCID_HEX.slice(0, 10)}00${CCID_HEX.slice(12)}`],
    ['a CCID descriptor whose default clock is above its maximum', CCID_HEX.replace('a00f0000', 'a0ff0000')],
    ['a HID descriptor of no report', '092110010001231500'],
    ['a HID descriptor of an empty report', '092110010001220000'],
    ['a HID descriptor that counts more than it has', '092110010002221500'],
    ['a HID descriptor of no version', '092110990001221500'],
    ['DFU', '0921010000001000 10'],
    ['nothing known', '04217700 0324ff 022401'.slice(0, 15)],
  ])('has %s as bytes', (_, hex) => {
    expect(shapes(hex).every((id) => id === 'classSpecific')).toBe(true);
  });

  test('what a header does not explain stays bytes', () => {
    expect(shapes('0524001001 0424aabb 0524020101')).toEqual([
      'cdc.header, by its shape',
      'classSpecific',
      'classSpecific',
    ]);
  });

  test('of one interface says nothing about the next', () => {
    const found = decoded(configuration(`${setting(0, 0)} 0524001001 ${setting(1, 0)} 04240202`));
    expect(found.at(-1)).toMatchObject({ descriptor: 'classSpecific', data: '0202' });
  });

  test('where the class says what it is, the shape is not asked', () => {
    expect(shapes(HID_HEX, '03')).toEqual(['hid']);
    expect(shapes('0524001001', '02')).toEqual(['cdc.header']);
  });
});

describe('meanings that were wrong', () => {
  const means = (layout: Layout, hex: string) => descriptorJson(descriptor(layout, fromHex(hex)), CONTEXT).means;

  // USB 2.0 LPM addendum: C_PORT_L1; USB 3.2, table 10-14: C_BH_PORT_RESET.
  test('bit 5 of wPortChange is L1 at USB 2 and a BH reset at USB 3', () => {
    expect(means(PORT_STATUS, '01 0305 2000')?.['wPortChange']).toEqual(['L1']);
    expect(means(SUPERSPEED_PORT_STATUS, '01 0302 2000')?.['wPortChange']).toEqual(['BH reset']);
    expect(means(SUPERSPEED_PORT_STATUS, '01 0302 d100')?.['wPortChange']).toEqual([
      'connection',
      'reset',
      'link state',
      'configuration error',
    ]);
  });

  test('bit 11 of dwFeatures is a USB token', () => {
    const token = Buffer.alloc(54);
    token.set([54, 0x21]);
    token.writeUInt32LE(0x00040840, 40);
    expect(descriptorJson(descriptor(CCID, token), CONTEXT).means?.['dwFeatures']).toEqual([
      'automatic parameter negotiation',
      'USB token (ICCD)',
      'short and extended APDU exchange',
    ]);
  });

  test('class 0 of a device leaves it to the interfaces', () => {
    expect(means(DEVICE, '1201000200000040 34127856 0001 010203 01')?.['bDeviceClass']).toBe(
      'defined by the interfaces',
    );
    expect(decoded(configuration(setting(0, 0, 0, '00')))[1]?.means?.['bInterfaceClass']).toBe('Unspecified class');
  });
});
