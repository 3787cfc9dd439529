import { hexDigits } from '../../text/hex';
/** The descriptors that every device may have: USB 2.0 and USB 3.2, chapter 9.6; OTG 2.0, chapter 6.4. */
import { usbClassName } from '../class-names';
import {
  allBut,
  bcd16,
  bytes,
  layout,
  list,
  type MeaningScope,
  numberOf,
  string8,
  u8,
  u16,
  u32,
  when,
  x8,
  x16,
} from './layout';
import { bits, field, oneOf, setBits, trimmed } from './meaning';

/** bDescriptorType. The class around a descriptor gives types from 0x21 on their meaning, but for the companions. */
export const Type = {
  device: 0x01,
  configuration: 0x02,
  string: 0x03,
  interface: 0x04,
  endpoint: 0x05,
  deviceQualifier: 0x06,
  otherSpeed: 0x07,
  interfacePower: 0x08,
  otg: 0x09,
  debug: 0x0a,
  interfaceAssociation: 0x0b,
  security: 0x0c,
  key: 0x0d,
  encryptionType: 0x0e,
  bos: 0x0f,
  deviceCapability: 0x10,
  wirelessCompanion: 0x11,
  eusb2Companion: 0x12,
  hub: 0x29,
  superSpeedHub: 0x2a,
  superSpeedCompanion: 0x30,
  superSpeedPlusCompanion: 0x31,
} as const;

const hexByte = (value: number) => hexDigits(value, 2);

const classOf = (value: number) => usbClassName(hexByte(value));

/** Names a device's class; 0 leaves it to the interfaces: USB 2.0, table 9-8. */
const deviceClassOf = (value: number) => (value === 0 ? 'defined by the interfaces' : classOf(value));

/** Name a subclass and a protocol after the codes before them; null where they add nothing. */
const subclassOf =
  (className: string) =>
  (value: number, { values }: MeaningScope) =>
    refined([numberOf(values, className)], value);
const protocolOf =
  (className: string, subclassName: string) =>
  (value: number, { values }: MeaningScope) =>
    refined([numberOf(values, className), numberOf(values, subclassName)], value);

/** Returns the name that a code adds to those of the codes before it. */
function refined(before: readonly number[], value: number): string | null {
  const [base = '', subclass] = before.map(hexByte);
  const name =
    subclass === undefined ? usbClassName(base, hexByte(value)) : usbClassName(base, subclass, hexByte(value));
  return name === usbClassName(base, subclass) ? null : name;
}

/** Reads bMaxPacketSize0: bytes, and from USB 3.0 on an exponent of 2. */
function packetSize0(value: number, { values }: MeaningScope): string | null {
  if (numberOf(values, 'bcdUSB') < 0x0300) return null;
  return value < 16 ? `${2 ** value} bytes` : null;
}

export const DEVICE = layout(
  'device',
  'Device',
  u8('bLength'),
  x8('bDescriptorType'),
  bcd16('bcdUSB'),
  x8('bDeviceClass', deviceClassOf),
  x8('bDeviceSubClass', subclassOf('bDeviceClass')),
  x8('bDeviceProtocol', protocolOf('bDeviceClass', 'bDeviceSubClass')),
  u8('bMaxPacketSize0', packetSize0),
  x16('idVendor', (_, { vendorName }) => vendorName),
  x16('idProduct', (_, { productName }) => productName),
  bcd16('bcdDevice'),
  string8('iManufacturer'),
  string8('iProduct'),
  string8('iSerialNumber'),
  u8('bNumConfigurations'),
);

export const DEVICE_QUALIFIER = layout(
  'deviceQualifier',
  'Device qualifier',
  u8('bLength'),
  x8('bDescriptorType'),
  bcd16('bcdUSB'),
  x8('bDeviceClass', deviceClassOf),
  x8('bDeviceSubClass', subclassOf('bDeviceClass')),
  x8('bDeviceProtocol', protocolOf('bDeviceClass', 'bDeviceSubClass')),
  u8('bMaxPacketSize0'),
  u8('bNumConfigurations'),
  u8('bReserved'),
);

/** Names the attributes of a configuration; bit 7 is always 1 since USB 1.1. */
function configurationAttributes(value: number): string[] {
  return [
    value & 0x40 ? 'self powered' : 'bus powered',
    ...(value & 0x20 ? ['remote wakeup'] : []),
    ...(value & 0x10 ? ['battery powered'] : []),
    ...setBits(value & 0x0f, []),
  ];
}

/** Reads bMaxPower: units of 2 mA, or of 8 mA where the device runs at SuperSpeed. */
function maxPower(value: number, { speedMbps }: MeaningScope): string {
  return `${value * (speedMbps !== null && speedMbps >= 5000 ? 8 : 2)} mA`;
}

const configuration = [
  u8('bLength'),
  x8('bDescriptorType'),
  u16('wTotalLength'),
  u8('bNumInterfaces'),
  u8('bConfigurationValue'),
  string8('iConfiguration'),
  x8('bmAttributes', configurationAttributes),
  u8('bMaxPower', maxPower),
] as const;

export const CONFIGURATION = layout('configuration', 'Configuration', ...configuration);
export const OTHER_SPEED = layout('otherSpeedConfiguration', 'Other speed configuration', ...configuration);

export const INTERFACE = layout(
  'interface',
  'Interface',
  u8('bLength'),
  x8('bDescriptorType'),
  u8('bInterfaceNumber'),
  u8('bAlternateSetting'),
  u8('bNumEndpoints'),
  x8('bInterfaceClass', classOf),
  x8('bInterfaceSubClass', subclassOf('bInterfaceClass')),
  x8('bInterfaceProtocol', protocolOf('bInterfaceClass', 'bInterfaceSubClass')),
  string8('iInterface'),
);

export const INTERFACE_ASSOCIATION = layout(
  'interfaceAssociation',
  'Interface association',
  u8('bLength'),
  x8('bDescriptorType'),
  u8('bFirstInterface'),
  u8('bInterfaceCount'),
  x8('bFunctionClass', classOf),
  x8('bFunctionSubClass', subclassOf('bFunctionClass')),
  x8('bFunctionProtocol', protocolOf('bFunctionClass', 'bFunctionSubClass')),
  string8('iFunction'),
);

export const TRANSFER_TYPES = ['control', 'isochronous', 'bulk', 'interrupt'] as const;
const SYNCHRONIZATION = ['not synchronized', 'asynchronous', 'adaptive', 'synchronous'];
const ISOCHRONOUS_USAGE = ['data', 'feedback', 'data with implicit feedback', 'reserved usage'];
const INTERRUPT_USAGE = ['periodic', 'notification', 'reserved usage 2', 'reserved usage 3'];

export function endpointAddress(value: number): string {
  return `EP ${value & 0x0f} ${value & 0x80 ? 'in' : 'out'}`;
}

/** Names the attributes of an endpoint: USB 2.0, table 9-13; the usage of interrupt endpoints: USB 3.2, table 9-26. */
function endpointAttributes(value: number, { speedMbps }: MeaningScope): string[] {
  const type = value & 3;
  const meanings: string[] = [TRANSFER_TYPES[type] ?? ''];
  if (type === 1) meanings.push(SYNCHRONIZATION[field(value, 2, 2)] ?? '', ISOCHRONOUS_USAGE[field(value, 4, 2)] ?? '');
  if (type === 3 && speedMbps !== null && speedMbps >= 5000) meanings.push(INTERRUPT_USAGE[field(value, 4, 2)] ?? '');
  return meanings;
}

/**
 * Reads wMaxPacketSize: bits 0 to 10 are bytes; at high speed bits 11 and 12 of periodic endpoints are the packets
 * beyond the first.
 */
function endpointPacketSize(value: number, { values, speedMbps }: MeaningScope): string {
  const periodic = (numberOf(values, 'bmAttributes') & 1) === 1;
  const more = field(value, 11, 2);
  const size = `${value & 0x7ff} bytes`;
  if (more === 0 || !periodic || speedMbps !== 480) return size;
  return more === 3 ? `${size}, reserved number of transactions` : `${more + 1} x ${size} in a microframe`;
}

/**
 * Reads bInterval (USB 2.0, table 9-13): frames of 1 ms at low and full speed, microframes of 125 us from high speed
 * on.
 */
function endpointInterval(value: number, { values, speedMbps }: MeaningScope): string | null {
  const type = numberOf(values, 'bmAttributes') & 3;
  if (speedMbps === null) return null;
  if (type === 0 || type === 2) {
    const isHighSpeedOut = speedMbps === 480 && (numberOf(values, 'bEndpointAddress') & 0x80) === 0;
    return isHighSpeedOut && value !== 0 ? `a NAK in ${value} microframes at most` : null;
  }
  if (speedMbps < 480 && type === 3) return value === 0 ? null : microseconds(value * 1000);
  // The standard allows no others: 16 is the largest exponent plus one.
  if (value === 0 || value > 16) return 'out of range: 1 to 16';
  return microseconds(2 ** (value - 1) * (speedMbps < 480 ? 1000 : 125));
}

function microseconds(us: number): string {
  return us < 1000 ? `every ${us} us` : `every ${trimmed(us / 1000)} ms`;
}

export const ENDPOINT = layout(
  'endpoint',
  'Endpoint',
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bEndpointAddress', endpointAddress),
  x8('bmAttributes', endpointAttributes),
  x16('wMaxPacketSize', endpointPacketSize),
  u8('bInterval', endpointInterval),
);

/** The endpoint of audio class 1 and MIDI, two bytes longer. */
export const AUDIO_ENDPOINT = layout(
  'endpoint',
  'Endpoint',
  ...ENDPOINT.fields,
  u8('bRefresh'),
  x8('bSynchAddress', (value) => (value === 0 ? null : endpointAddress(value))),
);

/**
 * Reads bmAttributes: a bulk endpoint's streams (an exponent, bits 0 to 4), an isochronous one's bursts beyond the
 * first (bits 0 and 1).
 */
function companionAttributes(value: number, { endpointType }: MeaningScope): string | null {
  if (endpointType === 2) return (value & 0x1f) === 0 ? null : `${2 ** (value & 0x1f)} streams`;
  if (endpointType !== 1) return null;
  const bursts = (value & 3) + 1;
  const text = `${bursts} burst${bursts === 1 ? '' : 's'} in an interval`;
  return value & 0x80 ? `${text}, more in the SuperSpeedPlus companion` : text;
}

export const SUPERSPEED_COMPANION = layout(
  'superSpeedEndpointCompanion',
  'SuperSpeed endpoint companion',
  u8('bLength'),
  x8('bDescriptorType'),
  u8('bMaxBurst', (value) =>
    value > 15 ? 'out of range: at most 15' : `${value + 1} packet${value === 0 ? '' : 's'} in a burst`,
  ),
  x8('bmAttributes', companionAttributes),
  u16('wBytesPerInterval'),
);

export const SUPERSPEEDPLUS_COMPANION = layout(
  'superSpeedPlusIsochronousEndpointCompanion',
  'SuperSpeedPlus isochronous endpoint companion',
  u8('bLength'),
  x8('bDescriptorType'),
  x16('wReserved'),
  u32('dwBytesPerInterval'),
);

export const EUSB2_COMPANION = layout(
  'eusb2IsochronousEndpointCompanion',
  'eUSB2 isochronous endpoint companion',
  u8('bLength'),
  x8('bDescriptorType'),
  x16('wMaxPacketSize'),
  u32('dwBytesPerInterval'),
);

export const WIRELESS_COMPANION = layout(
  'wirelessEndpointCompanion',
  'Wireless endpoint companion',
  u8('bLength'),
  x8('bDescriptorType'),
  u8('bMaxBurst'),
  u8('bMaxSequence'),
  u16('wMaxStreamDelay'),
  u16('wOverTheAirPacketSize'),
  u8('bOverTheAirInterval'),
  x8('bmCompAttributes'),
);

export const OTG = layout(
  'otg',
  'OTG',
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bmAttributes', bits('SRP', 'HNP', 'ADP', 'RSP')),
  // Since OTG 2.0.
  when(bcd16('bcdOTG'), (_, left) => left > 0),
);

export const DEBUG = layout(
  'debug',
  'Debug',
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bDebugInEndpoint', endpointAddress),
  x8('bDebugOutEndpoint', endpointAddress),
);

export const SECURITY = layout(
  'security',
  'Security',
  u8('bLength'),
  x8('bDescriptorType'),
  u16('wTotalLength'),
  u8('bNumEncryptionTypes'),
);

export const ENCRYPTION_TYPE = layout(
  'encryptionType',
  'Encryption type',
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bEncryptionType', oneOf({ 0: 'unsecure', 1: 'wired', 2: 'CCM-1', 3: 'RSA-1' })),
  u8('bEncryptionValue'),
  u8('bAuthKeyIndex'),
);

export const KEY = layout(
  'key',
  'Key',
  u8('bLength'),
  x8('bDescriptorType'),
  list('tTKID', 1, () => 3, { notation: 'hex' }),
  u8('bReserved'),
  bytes('KeyData'),
);

/** String 0: the languages of the device's strings. */
export const LANGIDS = layout(
  'languages',
  'Languages',
  u8('bLength'),
  x8('bDescriptorType'),
  list('wLANGID', 2, allBut(0, 2), { notation: 'hex', means: (id) => LANGUAGES[id] ?? null }),
);

/** The most frequent of the USB Language Identifiers 1.0. */
const LANGUAGES: Readonly<Record<number, string>> = {
  1028: 'Chinese (Taiwan)',
  1031: 'German',
  1033: 'English (United States)',
  1034: 'Spanish',
  1036: 'French',
  1040: 'Italian',
  1041: 'Japanese',
  1042: 'Korean',
  1049: 'Russian',
  2052: 'Chinese (PRC)',
  2057: 'English (United Kingdom)',
};

/** GET_STATUS of a device (USB 2.0, figure 9-4; bits 2 to 4: USB 3.2, figure 9-4): no descriptor, but as telling. */
export const DEVICE_STATUS = layout(
  'deviceStatus',
  'Device status',
  x16('wStatus', (value) => [
    value & 1 ? 'self powered' : 'bus powered',
    ...setBits(value & 0xfffe, [
      '',
      'remote wakeup enabled',
      'U1 enabled',
      'U2 enabled',
      'LTM enabled',
      '',
      'debug mode',
    ]),
  ]),
);

/** A descriptor whose type is unknown. */
export const UNKNOWN = layout('unknown', 'Unknown descriptor', u8('bLength'), x8('bDescriptorType'), bytes('data'));
