/**
 * Microsoft OS descriptors: version 2.0 as the set that a platform capability announces (Microsoft OS 2.0 Descriptors
 * Specification), version 1.0 behind the string at index 0xEE; and the URL of WebUSB.
 */
import { hex } from '../../text/hex';
import { ascii, bcd16, bytes, counted, groups, type Layout, layout, list, u8, u16, u32, x8, x16, x32 } from './layout';
import { oneOf } from './meaning';

const WINDOWS: Readonly<Record<number, string>> = {
  100794368: 'Windows 8',
  100859904: 'Windows 8.1',
  167772160: 'Windows 10',
};

export const windowsVersion = (value: number): string => `from ${WINDOWS[value] ?? `NT ${hex(value, 8)}`} on`;

const DESCRIPTOR_TYPES: Readonly<Record<number, string>> = {
  0: 'set header',
  1: 'configuration subset header',
  2: 'function subset header',
  3: 'compatible ID',
  4: 'registry property',
  5: 'minimum resume time',
  6: 'model ID',
  7: 'CCGP device',
  8: 'vendor revision',
};

const HEADER = [u16('wLength'), x16('wDescriptorType', oneOf(DESCRIPTOR_TYPES, 'unknown'))] as const;

const PROPERTY_TYPES = {
  1: 'REG_SZ',
  2: 'REG_EXPAND_SZ',
  3: 'REG_BINARY',
  4: 'REG_DWORD_LITTLE_ENDIAN',
  5: 'REG_DWORD_BIG_ENDIAN',
  6: 'REG_LINK',
  7: 'REG_MULTI_SZ',
};

/** Reads text of Windows: UTF-16, with NUL at its end. */
function utf16(value: string): string {
  return Buffer.from(value, 'hex').toString('utf16le').replace(/\0+$/, '');
}

/** Reads the data of a property whose type is text; null for other types. */
const propertyText = (value: string, type: number) =>
  [1, 2, 6, 7].includes(type) ? utf16(value).replaceAll('\0', ', ') : null;

const SET_HEADER = layout(
  'msos20.setHeader',
  'Set header',
  ...HEADER,
  x32('dwWindowsVersion', windowsVersion),
  u16('wTotalLength'),
);

const CONFIGURATION_SUBSET = layout(
  'msos20.configurationSubset',
  'Configuration subset',
  ...HEADER,
  u8('bConfigurationValue'),
  u8('bReserved'),
  u16('wTotalLength'),
);

const FUNCTION_SUBSET = layout(
  'msos20.functionSubset',
  'Function subset',
  ...HEADER,
  u8('bFirstInterface'),
  u8('bReserved'),
  u16('wSubsetLength'),
);

const COMPATIBLE_ID = layout(
  'msos20.compatibleId',
  'Compatible ID',
  ...HEADER,
  ascii('CompatibleID', 8),
  ascii('SubCompatibleID', 8),
);

const REGISTRY_PROPERTY = layout(
  'msos20.registryProperty',
  'Registry property',
  ...HEADER,
  u16('wPropertyDataType', oneOf(PROPERTY_TYPES)),
  u16('wPropertyNameLength'),
  bytes('PropertyName', counted('wPropertyNameLength'), utf16),
  u16('wPropertyDataLength'),
  bytes('PropertyData', counted('wPropertyDataLength'), (value, { values }) =>
    propertyText(value, Number(values['wPropertyDataType'])),
  ),
);

const RESUME_TIME = layout(
  'msos20.minimumResumeTime',
  'Minimum resume time',
  ...HEADER,
  u8('bResumeRecoveryTime', (value) => `${value} ms`),
  u8('bResumeSignalingTime', (value) => `${value} ms`),
);

const MODEL_ID = layout(
  'msos20.modelId',
  'Model ID',
  ...HEADER,
  bytes('ModelID', () => 16),
);
const CCGP = layout('msos20.ccgpDevice', 'CCGP device', ...HEADER);
const VENDOR_REVISION = layout('msos20.vendorRevision', 'Vendor revision', ...HEADER, u16('VendorRevision'));
const UNKNOWN = layout('msos20.unknown', 'Unknown descriptor', ...HEADER, bytes('data'));

const BY_TYPE: readonly Layout[] = [
  SET_HEADER,
  CONFIGURATION_SUBSET,
  FUNCTION_SUBSET,
  COMPATIBLE_ID,
  REGISTRY_PROPERTY,
  RESUME_TIME,
  MODEL_ID,
  CCGP,
  VENDOR_REVISION,
];

/**
 * Returns the depth of a header: the set's holds configuration subsets, and these hold function subsets. Null: no
 * header.
 */
export const msos20Depth = (type: number): number | null => (type <= 2 ? type : null);

export const msos20Layout = (type: number): Layout => BY_TYPE[type] ?? UNKNOWN;

// Version 1.0

/** The string at index 0xEE, which begins with `MSFT100` in UTF-16 (14 bytes). */
export const MSOS10_STRING = layout(
  'msos10.string',
  'Microsoft OS 1.0 string',
  u8('bLength'),
  x8('bDescriptorType'),
  bytes('qwSignature', () => 14, utf16),
  x8('bMS_VendorCode'),
  x8('bPad'),
);

export const MSOS10_COMPATIBLE_ID = layout(
  'msos10.compatibleId',
  'Microsoft OS 1.0 compatible IDs',
  u32('dwLength'),
  bcd16('bcdVersion'),
  u16('wIndex'),
  u8('bCount'),
  list('RESERVED', 1, () => 7),
  groups(
    'functions',
    counted('bCount'),
    u8('bFirstInterfaceNumber'),
    u8('RESERVED1'),
    ascii('compatibleID', 8),
    ascii('subCompatibleID', 8),
    bytes('RESERVED2', () => 6),
  ),
);

// WebUSB

const SCHEMES: Readonly<Record<number, string>> = { 0: 'http://', 1: 'https://', 255: '' };

export const WEBUSB_URL = layout(
  'webusbUrl',
  'WebUSB URL',
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bScheme', oneOf({ 0: 'http', 1: 'https', 255: 'in the URL' }, 'unknown')),
  bytes('URL', undefined, (value, { values }) => {
    const scheme = SCHEMES[Number(values['bScheme'])];
    return `${scheme ?? ''}${Buffer.from(value, 'hex').toString('utf8')}`;
  }),
);

export const MICROSOFT_LAYOUTS: readonly Layout[] = [
  ...BY_TYPE,
  UNKNOWN,
  MSOS10_STRING,
  MSOS10_COMPATIBLE_ID,
  WEBUSB_URL,
];
