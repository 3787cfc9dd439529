import fc from 'fast-check';
import { audioLayout } from '../../../src/usb/decode/classes/audio';
import { videoLayout } from '../../../src/usb/decode/classes/video';
import { descriptor } from '../../../src/usb/decode/descriptor';
import {
  type DescriptorTree,
  decodeBos,
  decodeDescriptors,
  decodeMsos20,
  encodeDescriptors,
} from '../../../src/usb/decode/descriptor-tree';
import { type DecodeContext, type DescriptorJson, descriptorJson, stringIndices } from '../../../src/usb/decode/json';
import { decode, encode, type ValuesOf } from '../../../src/usb/decode/layout';
import { DEVICE, ENDPOINT, INTERFACE } from '../../../src/usb/decode/standard';
import { targets } from '../../fuzz/targets/usb';
import * as fixtures from '../../support/usb-fixtures';

const CONTEXT: DecodeContext = {
  speedMbps: 480,
  vendorName: null,
  productName: null,
  string: () => undefined,
  reports: new Map(),
};

/** In the order of the bytes. */
function flat({ descriptors }: DescriptorTree, context = CONTEXT): DescriptorJson[] {
  const walk = (found: DescriptorJson): DescriptorJson[] => [found, ...(found.children ?? []).flatMap(walk)];
  return descriptors.flatMap((found) => walk(descriptorJson(found, context)));
}

function only(tree: DescriptorTree, id: string, context?: DecodeContext): DescriptorJson[] {
  return flat(tree, context).filter(({ descriptor }) => descriptor === id);
}

describe('each of the devices', () => {
  test.each(Object.entries(fixtures.DEVICES))('%s is written as it was read', (_, bytes) => {
    const tree = decodeDescriptors(bytes);
    expect(encodeDescriptors(tree).toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(Object.entries(fixtures.DEVICES).filter(([name]) => !['oddities', 'headset, UAC1'].includes(name)))(
    '%s is understood, with nothing left over and nothing wrong',
    (_, bytes) => {
      const tree = decodeDescriptors(bytes);
      expect(tree).toMatchObject({ rest: Buffer.alloc(0), notes: [] });
      for (const found of flat(tree)) {
        expect(found).not.toHaveProperty('notes');
        expect(found).not.toHaveProperty('rest');
        expect(found.descriptor).not.toMatch(/unknown|classSpecific/i);
      }
    },
  );
});

test('a webcam', () => {
  const tree = decodeDescriptors(fixtures.WEBCAM);
  expect(flat(tree).map(({ descriptor }) => descriptor)).toEqual([
    'device',
    'configuration',
    'interfaceAssociation',
    'interface',
    'uvc.header',
    'uvc.inputTerminal',
    'uvc.processingUnit',
    'uvc.extensionUnit',
    'uvc.outputTerminal',
    'endpoint',
    'uvc.interruptEndpoint',
    'interface',
    'uvc.inputHeader',
    'uvc.formatUncompressed',
    'uvc.frameUncompressed',
    'uvc.formatMjpeg',
    'uvc.frameMjpeg',
    'uvc.colorFormat',
    'interface',
    'endpoint',
  ]);
  expect(only(tree, 'uvc.inputTerminal')[0]).toMatchObject({
    wTerminalType: 0x0201,
    bControlSize: 3,
    bmControls: '0e0002',
    means: {
      wTerminalType: 'camera',
      bmControls: ['auto-exposure mode', 'auto-exposure priority', 'exposure time (absolute)', 'focus, auto'],
    },
  });
  expect(only(tree, 'uvc.extensionUnit')[0]).toMatchObject({
    guidExtensionCode: '11e4a164-fcf3-4c0c-9a02-d16e11a2c3d4',
    baSourceID: [2],
  });
  expect(only(tree, 'uvc.formatUncompressed')[0]).toMatchObject({
    guidFormat: '32595559-0000-0010-8000-00aa00389b71',
    means: { guidFormat: 'YUY2' },
  });
  expect(only(tree, 'uvc.frameUncompressed')[0]).toMatchObject({
    wWidth: 640,
    wHeight: 480,
    dwFrameInterval: [333333],
    means: { dwFrameInterval: ['33.333 ms, 30 frames/s'] },
  });
  expect(only(tree, 'uvc.frameMjpeg')[0]).toMatchObject({
    bFrameIntervalType: 0,
    dwMinFrameInterval: 333333,
    dwMaxFrameInterval: 2000000,
  });
  expect(only(tree, 'endpoint')[1]).toMatchObject({
    means: {
      bmAttributes: ['isochronous', 'asynchronous', 'data'],
      wMaxPacketSize: '3 x 1024 bytes in a microframe',
      bInterval: 'every 125 us',
    },
  });
});

test('video that is interlaced, and digital video', () => {
  const means = (subtype: number, digits: string) =>
    descriptorJson(descriptor(videoLayout(2, subtype), Buffer.from(digits, 'hex')), CONTEXT).means;
  const interlaced = (flags: string) => means(6, `0b2406010101010000${flags}00`)?.['bmInterlaceFlags'];
  expect(interlaced('00')).toBeUndefined();
  expect(interlaced('01')).toEqual(['interlaced', '2 fields in a frame', 'field 1 only']);
  expect(interlaced('27')).toEqual(['interlaced', '1 field in a frame', 'field 1 first', 'fields 1 and 2 in turn']);
  expect(means(12, '09240c010010000081')).toMatchObject({ bFormatType: ['SDL-DV', '60 Hz'] });
});

describe('audio', () => {
  test('what the bits of version 2 mean depends on the type beside them', () => {
    const means = (subclass: number, digits: string) => {
      const bytes = Buffer.from(digits.replaceAll(' ', ''), 'hex');
      return descriptorJson(descriptor(audioLayout(subclass, 0x20, bytes.readUInt8(2)), bytes), CONTEXT).means;
    };
    const general = (type: string, formats: string) => means(2, `10 24 01 01 05 ${type} ${formats} 02 03000000 00`);
    expect(general('81', '01000000')).toMatchObject({ bmFormats: ['PCM'] });
    expect(general('02', '03000080')).toMatchObject({ bmFormats: ['MPEG', 'AC-3', 'raw data'] });
    expect(general('03', '80000000')).toMatchObject({ bmFormats: ['IEC61937 DTS-I'] });
    const processing = (type: string) => means(1, `12 24 08 07 ${type} 01 02 02 03000000 00 0c00 00`);
    expect(processing('0100')).toMatchObject({ bmControls: ['mode select (read and write)'] });
    expect(processing('0300')).toMatchObject({ bmControls: ['width (read and write)'] });
  });

  test('version 1', () => {
    const tree = decodeDescriptors(fixtures.HEADSET_UAC1);
    expect(only(tree, 'uac1.featureUnit')[0]).toMatchObject({
      bmaControls: [1, 2, 2],
      means: { bmaControls: ['mute', 'volume', 'volume'] },
    });
    const [discrete, range] = only(tree, 'uac1.formatType');
    expect(discrete).toMatchObject({ bSamFreqType: 2, tSamFreq: [44100, 48000] });
    expect(range).toMatchObject({ wMaxBitRate: 128, tLowerSamFreq: 8000, tUpperSamFreq: 48000 });
    expect(only(tree, 'endpoint')[0]).toMatchObject({ bLength: 9, bRefresh: 0, bSynchAddress: 0 });
    // Cut off behind wChannelConfig.
    expect(only(tree, 'uac1.mixerUnit')[0]).toMatchObject({ notes: ['ends before all of iChannelNames'] });
  });

  test('version 2', () => {
    const tree = decodeDescriptors(fixtures.HEADSET_UAC2);
    expect(only(tree, 'uac2.clockSource')[0]).toMatchObject({
      means: {
        bmAttributes: ['internal programmable'],
        bmControls: ['clock frequency (read and write)', 'clock validity (read only)'],
      },
    });
    expect(only(tree, 'uac2.general')[0]).toMatchObject({ means: { bmFormats: ['PCM', 'raw data'] } });
  });

  test('version 3', () => {
    const tree = decodeDescriptors(fixtures.HEADSET_UAC3);
    expect(only(tree, 'uac3.general')[0]).toMatchObject({
      bmFormats: '0x0000000000000001',
      means: { bmFormats: ['PCM'] },
    });
    expect(only(tree, 'uac3.powerDomain')[0]).toMatchObject({
      waRecoveryTime: [3, 8],
      means: { waRecoveryTime: ['150 us', '400 us'] },
    });
  });

  test('MIDI, 1.0 and 2.0', () => {
    const tree = decodeDescriptors(fixtures.KEYBOARD_MIDI);
    expect(only(tree, 'midi.outJack')[0]).toMatchObject({
      bNrInputPins: 1,
      inputPins: [{ baSourceID: 2, BaSourcePin: 1 }],
    });
    expect(only(tree, 'midi.endpoint2')[0]).toMatchObject({ baAssoGrpTrmBlkID: [1] });
  });
});

test('communications', () => {
  const tree = decodeDescriptors(fixtures.NETWORK);
  expect(only(tree, 'cdc.mbim')[0]).toMatchObject({
    bcdMBIMVersion: 0x100,
    wMaxControlMessage: 4096,
    wMaxSegmentSize: 1500,
  });
  expect(only(tree, 'cdc.ethernet')[0]).toMatchObject({
    wMaxSegmentSize: 1514,
    means: { wNumberMCFilters: '0 imperfect multicast filters', bmEthernetStatistics: ['XMIT_OK', 'RCV_OK'] },
  });
  expect(only(decodeDescriptors(fixtures.SERIAL), 'cdc.country')[0]).toMatchObject({ wCountryCode: [0x34, 0x39] });
});

test('a type means what the class around it says', () => {
  const tree = decodeDescriptors(fixtures.SECURITY_KEY);
  expect(only(tree, 'hid')[0]).toMatchObject({
    descriptors: [
      { bDescriptorType: 0x22, wDescriptorLength: 34 },
      { bDescriptorType: 0x23, wDescriptorLength: 16 },
    ],
  });
  expect(only(tree, 'ccid')[0]).toMatchObject({
    bcdCCID: 0x110,
    dwProtocols: 3,
    means: { dwProtocols: ['T=0', 'T=1'], dwDefaultClock: '4 MHz', wLcdLayout: '16 lines of 2 characters' },
  });
  expect(only(tree, 'dfu')[0]).toMatchObject({
    wDetachTimeOut: 1000,
    wTransferSize: 4096,
    bcdDFUVersion: 0x110,
    means: { bmAttributes: ['download', 'manifestation tolerant', 'will detach'] },
  });
  expect(only(decodeDescriptors(fixtures.PRINTER), 'ippPrinter')[0]).toMatchObject({
    iIPPPrinterUUID: 5,
    means: { wBasicCapabilities: ['print', 'scan', 'other', 'user name'] },
  });
  // Nothing is made up for an unknown class.
  expect(only(decodeDescriptors(fixtures.ODDITIES), 'classSpecific').map(({ data }) => data)).toEqual([
    'ff010203',
    '010203',
    '010203',
  ]);
});

test('SuperSpeed', () => {
  const tree = decodeDescriptors(fixtures.UAS_DISK);
  const context = { ...CONTEXT, speedMbps: 5000 };
  expect(only(tree, 'configuration', context)[0]).toMatchObject({ bMaxPower: 112, means: { bMaxPower: '896 mA' } });
  expect(only(tree, 'pipeUsage', context).map(({ means }) => means?.['bPipeID'])).toEqual(['data in', undefined]);
  expect(only(tree, 'superSpeedEndpointCompanion').map(({ means }) => means?.['bmAttributes'])).toEqual([
    '32 streams',
    '3 bursts in an interval, more in the SuperSpeedPlus companion',
    '32 streams',
  ]);
  expect(only(tree, 'superSpeedEndpointCompanion')[0]).toMatchObject({
    bMaxBurst: 15,
    means: { bMaxBurst: '16 packets in a burst' },
  });
  expect(only(tree, 'superSpeedPlusIsochronousEndpointCompanion')[0]).toMatchObject({ dwBytesPerInterval: 49152 });
});

describe('an endpoint', () => {
  const endpoint = (
    speedMbps: number | null,
    values: Omit<ValuesOf<typeof ENDPOINT>, 'bLength' | 'bDescriptorType'>,
  ) => {
    const { values: read } = decode(ENDPOINT, encode(ENDPOINT, { bDescriptorType: 5, ...values }));
    const found = { layout: ENDPOINT, values: read, rest: Buffer.alloc(0), notes: [], children: [] };
    return descriptorJson(found, { ...CONTEXT, speedMbps }).means;
  };

  // USB 2.0, table 9-13.
  test.each([
    [1.5, 3, 10, 'every 10 ms'],
    [12, 3, 255, 'every 255 ms'],
    [12, 1, 4, 'every 8 ms'],
    [480, 3, 4, 'every 1 ms'],
    [480, 1, 1, 'every 125 us'],
    [480, 3, 16, 'every 4096 ms'],
    [480, 3, 17, 'out of range: 1 to 16'],
    [480, 1, 0, 'out of range: 1 to 16'],
    [5000, 3, 2, 'every 250 us'],
    [480, 2, 1, 'a NAK in 1 microframes at most'],
    [12, 2, 1, undefined],
    [null, 3, 4, undefined],
  ])('at %s Mbit/s, of type %i, with bInterval %i', (speed, bmAttributes, bInterval, means) => {
    expect(endpoint(speed, { bEndpointAddress: 1, bmAttributes, wMaxPacketSize: 8, bInterval })?.['bInterval']).toBe(
      means,
    );
  });

  test.each([
    [480, 1, 0x1400, '3 x 1024 bytes in a microframe'],
    [480, 3, 0x0840, '2 x 64 bytes in a microframe'],
    [480, 1, 0x1c00, '1024 bytes, reserved number of transactions'],
    [480, 2, 0x0200, '512 bytes'],
    [12, 1, 0x03ff, '1023 bytes'],
    [5000, 1, 0x0400, '1024 bytes'],
  ])('at %s Mbit/s, of type %i, with wMaxPacketSize %i', (speed, bmAttributes, wMaxPacketSize, means) => {
    expect(
      endpoint(speed, { bEndpointAddress: 1, bmAttributes, wMaxPacketSize, bInterval: 1 })?.['wMaxPacketSize'],
    ).toBe(means);
  });
});

describe('the binary object store', () => {
  const tree = decodeBos(fixtures.BOS);

  test('is written as it was read', () => {
    expect(encodeDescriptors(tree).toString('hex')).toBe(fixtures.BOS.toString('hex'));
    expect(tree.notes).toEqual([]);
    for (const found of flat(tree)) expect(found).not.toHaveProperty('notes');
  });

  test('has all capabilities', () => {
    expect(flat(tree).map(({ descriptor }) => descriptor)).toEqual([
      'bos',
      'usb2Extension',
      'superSpeedCapability',
      'containerId',
      'superSpeedPlusCapability',
      'webusbCapability',
      'msos20Capability',
      'ds20Capability',
      'platformCapability',
      'billboard',
      'billboardAlternateMode',
      'configurationSummary',
      'firmwareStatus',
      'capability',
    ]);
  });

  test.each([
    [
      'usb2Extension',
      {
        means: {
          bmAttributes: ['LPM', 'BESL and alternate HIRD', 'baseline BESL 4', 'deep BESL 15'],
          bDevCapabilityType: 'USB 2.0 extension',
        },
      },
    ],
    ['containerId', { ContainerID: '00112233-4455-6677-8899-aabbccddeeff' }],
    [
      'superSpeedPlusCapability',
      {
        bmSublinkSpeedAttr: [0x000a4030, 0x000a40b0],
        means: {
          bmSublinkSpeedAttr: ['ID 0 receive 10 Gbit/s SuperSpeedPlus', 'ID 0 transmit 10 Gbit/s SuperSpeedPlus'],
        },
      },
    ],
    ['webusbCapability', { bcdVersion: 0x100, bVendorCode: 0x22, iLandingPage: 1 }],
    [
      'msos20Capability',
      {
        descriptorSets: [
          { dwWindowsVersion: 0x06030000, wMSOSDescriptorSetTotalLength: 0x9e, bMS_VendorCode: 0x15, bAltEnumCode: 0 },
        ],
      },
    ],
    ['billboard', { bNumberOfAlternateOrUSB4Modes: 2, modes: [{ wSVID: 0xff01 }, { wSVID: 0x8087 }] }],
    ['platformCapability', { CapabilityData: '07' }],
    ['capability', { CapabilityData: '0102' }],
  ])('%s', (id, expected) => {
    expect(only(tree, id)[0]).toMatchObject(expected);
  });

  test('says where counts are wrong', () => {
    expect(only(decodeBos(fixtures.BOS.subarray(0, 12)), 'bos')[0]?.notes).toEqual([
      'bNumDeviceCaps is 13, there is 1 capability',
      expect.stringMatching(/^wTotalLength is \d+, there are 12 bytes$/),
    ]);
  });
});

test('the Microsoft OS 2.0 set is a tree', () => {
  const tree = decodeMsos20(fixtures.MSOS20_SET);
  expect(tree.notes).toEqual([]);
  const ids = (found: DescriptorJson): unknown => [found.descriptor, ...(found.children ?? []).map(ids)];
  expect(tree.descriptors.map((found) => ids(descriptorJson(found, CONTEXT)))).toEqual([
    [
      'msos20.setHeader',
      ['msos20.configurationSubset', ['msos20.functionSubset', ['msos20.compatibleId'], ['msos20.registryProperty']]],
    ],
  ]);
  expect(only(tree, 'msos20.compatibleId')[0]).toMatchObject({ CompatibleID: 'WINUSB', SubCompatibleID: '' });
  expect(only(tree, 'msos20.registryProperty')[0]?.means).toMatchObject({
    wPropertyDataType: 'REG_MULTI_SZ',
    PropertyName: 'DeviceInterfaceGUIDs',
    PropertyData: '{ABCDEF',
  });
  expect(encodeDescriptors(tree).equals(fixtures.MSOS20_SET)).toBe(true);
});

describe('descriptors that are wrong', () => {
  const tree = decodeDescriptors(fixtures.ODDITIES);

  test('end in notes', () => {
    expect(flat(tree).flatMap(({ descriptor, notes = [] }) => notes.map((note) => `${descriptor}: ${note}`))).toEqual([
      'device: bNumConfigurations is 3, there are 2 configurations',
      'configuration: bNumInterfaces is 5, there is 1 interface',
      'interface: bNumEndpoints is 3, there is 1 endpoint',
      'configuration: ends before all of bNumInterfaces',
      'configuration: wTotalLength is 9, there are 12 bytes',
      'interface: ends before all of bInterfaceClass',
      'endpoint: ends before all of bmAttributes',
    ]);
    expect(tree).toMatchObject({ rest: Buffer.from([1, 2, 3]), notes: ['3 bytes at the end are no descriptor'] });
  });

  test('beside them, what stands before any configuration is kept', () => {
    expect(
      flat(decodeDescriptors(Buffer.from('0705810200020003aa01', 'hex'))).map(({ descriptor }) => descriptor),
    ).toEqual(['endpoint', 'unknown']);
  });
});

describe('the writer', () => {
  test('fills in the length', () => {
    const bytes = encode(DEVICE, { bDescriptorType: 1, bcdUSB: 0x210, bDeviceClass: 0 });
    expect(bytes.toString('hex')).toBe('0501100200');
  });

  test('refuses what does not fit', () => {
    expect(() => encode(INTERFACE, { bInterfaceNumber: 256 })).toThrow(/out of range/);
  });
});

test('string indices are found in descriptors, below them, and in groups', () => {
  expect([...stringIndices(decodeDescriptors(fixtures.PRINTER).descriptors)].sort()).toEqual([1, 2, 3, 4, 5]);
  expect([...stringIndices(decodeBos(fixtures.BOS).descriptors)].sort()).toEqual([4, 5, 6]);
});

/** Takes bytes for each kind of descriptors, as the fuzzer does: `npm run bench -- fuzz usb`. */
function checkAll(bytes: Buffer): void {
  for (const target of targets) target.run(bytes);
}

describe('whatever the bytes', () => {
  test('nothing fails, and all is written as it was read', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => checkAll(Buffer.from(bytes))));
  });

  test('of any number, the tree is no deeper than descriptors nest', () => {
    const depth = (found: DescriptorJson): number => 1 + Math.max(0, ...(found.children ?? []).map(depth));
    const many = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from('0a0002000a0a0a0a0a0a', 'hex')));
    for (const bytes of [many, Buffer.concat([fixtures.WEBCAM, fixtures.WEBCAM])])
      for (const tree of [decodeDescriptors(bytes), decodeBos(bytes), decodeMsos20(bytes)])
        for (const found of tree.descriptors) expect(depth(descriptorJson(found, CONTEXT))).toBeLessThanOrEqual(4);
  });
});

// More lines than a call can have arguments, among other things.
test.each([
  ['descriptors of two bytes', Buffer.alloc(128 * 1024, Buffer.from([2, 0x77]))],
  ['endpoints', Buffer.concat([fixtures.UAS_DISK, Buffer.alloc(7 * 18_000, Buffer.from([7, 5, 0x81, 2, 0, 4, 0]))])],
  ['configurations', Buffer.alloc(9 * 14_000, Buffer.from([9, 2, 9, 0, 0, 1, 0, 0x80, 50]))],
  ['HID items', Buffer.alloc(128 * 1024, 0xa0)],
  ['zeros', Buffer.alloc(128 * 1024)],
])('as many %s as two configurations can hold are shown', (_, bytes) => {
  checkAll(bytes);
});
