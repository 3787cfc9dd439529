/** Classes with one descriptor or two: DFU 1.1, CCID 1.1, IPP over USB, UAS (mass storage). */

import {
  bcd16,
  bytes,
  type Layout,
  layout,
  numberOf,
  string8,
  u8,
  u16,
  u32,
  type Values,
  when,
  x8,
  x16,
  x32,
} from '../layout';
import { bits, oneOf, trimmed } from '../meaning';

const HEADER = [u8('bLength'), x8('bDescriptorType')] as const;

export const DFU = layout(
  'dfu',
  'DFU functional',
  ...HEADER,
  x8('bmAttributes', bits('download', 'upload', 'manifestation tolerant', 'will detach')),
  u16('wDetachTimeOut', (value) => `${value} ms`),
  u16('wTransferSize', (value) => `${value} bytes`),
  // Since DFU 1.1.
  when(bcd16('bcdDFUVersion'), (_, left) => left > 0),
);

const kilohertz = (value: number) => `${trimmed(value / 1000)} MHz`;
const rate = (value: number) => `${value} bit/s`;

/** CCID 1.1, table 5.1-1; bit 11 is that of a USB token, as the class specification for USB ICCs has it. */
const FEATURES = [
  '',
  'automatic configuration by ATR',
  'automatic activation on insertion',
  'automatic voltage',
  'automatic clock frequency',
  'automatic baud rate',
  'automatic parameter negotiation',
  'automatic PPS',
  'can stop the clock',
  'NAD other than 0',
  'automatic IFSD exchange',
  'USB token (ICCD)',
  '',
  '',
  '',
  '',
  'TPDU exchange',
  'short APDU exchange',
  'short and extended APDU exchange',
  '',
  'wakes up on insertion and removal',
];

export const CCID = layout(
  'ccid',
  'CCID',
  ...HEADER,
  bcd16('bcdCCID'),
  u8('bMaxSlotIndex', (value) => `${value + 1} slot${value === 0 ? '' : 's'}`),
  x8('bVoltageSupport', bits('5.0 V', '3.0 V', '1.8 V')),
  x32('dwProtocols', bits('T=0', 'T=1')),
  u32('dwDefaultClock', kilohertz),
  u32('dwMaximumClock', kilohertz),
  u8('bNumClockSupported'),
  u32('dwDataRate', rate),
  u32('dwMaxDataRate', rate),
  u8('bNumDataRatesSupported'),
  u32('dwMaxIFSD'),
  x32('dwSynchProtocols', bits('2-wire', '3-wire', 'I2C')),
  x32('dwMechanical', bits('accept', 'eject', 'capture', 'lock')),
  x32('dwFeatures', bits(...FEATURES)),
  u32('dwMaxCCIDMessageLength', (value) => `${value} bytes`),
  x8('bClassGetResponse', (value) => (value === 0xff ? 'echo' : null)),
  x8('bClassEnvelope', (value) => (value === 0xff ? 'echo' : null)),
  x16('wLcdLayout', (value) => (value === 0 ? 'none' : `${value >> 8} lines of ${value & 0xff} characters`)),
  x8('bPINSupport', bits('verification', 'modification')),
  u8('bMaxCCIDBusySlots'),
);

const AUTHENTICATION = ['no authentication', 'user name', 'reserved authentication', 'negotiable authentication'];

function printerCapabilities(value: number): string[] {
  const names = ['print', 'scan', 'fax', 'other', 'any HTTP 1.1 over USB'];
  return [...names.filter((_, bit) => (value >> bit) & 1), AUTHENTICATION[(value >> 5) & 3] ?? ''];
}

const isBasic = ({ bCapabilitiesType }: Values) => bCapabilitiesType === 0;

/**
 * The form that firmware and usbutils use: a count of capability descriptors, each with a type and a length; that of
 * type 0, which comes first, is decoded.
 */
export const IPP = layout(
  'ippPrinter',
  'IPP printer',
  ...HEADER,
  x8('bcdReleaseNumber'),
  u8('bNumDescriptors'),
  when(x8('bCapabilitiesType', oneOf({ 0: 'basic' })), (values) => numberOf(values, 'bNumDescriptors') > 0),
  when(u8('bCapabilitiesLength'), (values) => numberOf(values, 'bNumDescriptors') > 0),
  when(x16('wBasicCapabilities', printerCapabilities), isBasic),
  when(string8('iIPPVersionsSupported'), isBasic),
  when(string8('iIPPPrinterUUID'), isBasic),
);

export const PIPE_USAGE = layout(
  'pipeUsage',
  'Pipe usage',
  ...HEADER,
  u8('bPipeID', oneOf({ 1: 'command', 2: 'status', 3: 'data in', 4: 'data out' })),
  u8('bReserved'),
);

/** A class descriptor that nothing is known about. */
export const UNKNOWN_CLASS = layout('classSpecific', 'Class-specific descriptor', ...HEADER, bytes('data'));

export const SMALL_CLASS_LAYOUTS: readonly Layout[] = [DFU, CCID, IPP, PIPE_USAGE, UNKNOWN_CLASS];
