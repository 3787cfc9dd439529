/** The Binary Object Store and its capabilities: USB 3.2, chapter 9.6.2; Billboard 1.2.2; WebUSB; MS OS 2.0. */
import {
  allBut,
  bcd16,
  bytes,
  counted,
  decode,
  groups,
  type Layout,
  layout,
  list,
  numberOf,
  string8,
  u8,
  u16,
  u32,
  uuid,
  x8,
  x16,
  x32,
} from './layout';
import { bits, field, setBits, unit } from './meaning';
import { windowsVersion } from './msos';

const HEADER = [
  u8('bLength'),
  x8('bDescriptorType'),
  x8('bDevCapabilityType', (value) => CAPABILITIES[value] ?? 'unknown'),
] as const;

/** bDevCapabilityType: USB 3.2, table 9-14. */
const CAPABILITIES: Readonly<Record<number, string>> = {
  1: 'wireless USB',
  2: 'USB 2.0 extension',
  3: 'SuperSpeed USB',
  4: 'container ID',
  5: 'platform',
  6: 'power delivery',
  7: 'battery information',
  8: 'PD consumer port',
  9: 'PD provider port',
  10: 'SuperSpeedPlus',
  11: 'precision time measurement',
  12: 'wireless USB extension',
  13: 'billboard',
  14: 'authentication',
  15: 'billboard alternate mode',
  16: 'configuration summary',
  17: 'firmware status',
};

export const BOS = layout(
  'bos',
  'Binary object store',
  u8('bLength'),
  x8('bDescriptorType'),
  u16('wTotalLength'),
  u8('bNumDeviceCaps'),
);

export const UNKNOWN_CAPABILITY = layout('capability', 'Device capability', ...HEADER, bytes('CapabilityData'));

const WIRELESS = layout(
  'wirelessCapability',
  'Wireless USB capability',
  ...HEADER,
  x8('bmAttributes'),
  x16('wPHYRates'),
  x8('bmTFITXPowerInfo'),
  x8('bmFFITXPowerInfo'),
  x16('bmBandGroup'),
  u8('bReserved'),
);

/** Link power management: USB 2.0 LPM addendum; the baselines are valid where their bits say so. */
function usb2Extension(value: number): string[] {
  const meanings: string[] = [];
  if (value & 2) meanings.push('LPM');
  if (value & 4) meanings.push('BESL and alternate HIRD');
  if (value & 8) meanings.push(`baseline BESL ${field(value, 8, 4)}`);
  if (value & 16) meanings.push(`deep BESL ${field(value, 12, 4)}`);
  return meanings;
}

const USB2_EXTENSION = layout('usb2Extension', 'USB 2.0 extension', ...HEADER, x32('bmAttributes', usb2Extension));

const SPEEDS = ['low speed (1.5 Mbit/s)', 'full speed (12 Mbit/s)', 'high speed (480 Mbit/s)', 'SuperSpeed (5 Gbit/s)'];

const SUPERSPEED = layout(
  'superSpeedCapability',
  'SuperSpeed USB capability',
  ...HEADER,
  x8('bmAttributes', bits('', 'latency tolerance messages')),
  x16('wSpeedsSupported', bits(...SPEEDS)),
  u8('bFunctionalitySupport', (value) =>
    SPEEDS[value] === undefined ? null : `full function from ${SPEEDS[value]} on`,
  ),
  u8('bU1DevExitLat', unit('us')),
  u16('wU2DevExitLat', unit('us')),
);

const CONTAINER_ID = layout('containerId', 'Container ID', ...HEADER, u8('bReserved'), uuid('ContainerID'));

const PLATFORM_HEADER = [...HEADER, u8('bReserved'), uuid('PlatformCapabilityUUID')] as const;

const PLATFORM = layout('platformCapability', 'Platform capability', ...PLATFORM_HEADER, bytes('CapabilityData'));

export const WEBUSB_UUID = '3408b638-09a9-47a0-8bfd-a0768815b665';
export const MSOS20_UUID = 'd8dd60df-4589-4cc7-9cd2-659d9e648a9f';
const DS20_UUID = '010aec63-f574-52cd-9dda-2852550d94f0';

export const WEBUSB = layout(
  'webusbCapability',
  'WebUSB platform capability',
  ...PLATFORM_HEADER,
  bcd16('bcdVersion'),
  x8('bVendorCode'),
  u8('iLandingPage', (value) => (value === 0 ? 'none' : null)),
);

/** The sets of a device, one for each version of Windows that has its own. */
const setInformation = (version: string) =>
  groups(
    version,
    allBut(0, 8),
    x32('dwWindowsVersion', windowsVersion),
    u16('wMSOSDescriptorSetTotalLength', unit('bytes')),
    x8('bMS_VendorCode'),
    u8('bAltEnumCode', (value) => (value === 0 ? null : 'alternate enumeration')),
  );

export const MSOS20_CAPABILITY = layout(
  'msos20Capability',
  'Microsoft OS 2.0 platform capability',
  ...PLATFORM_HEADER,
  setInformation('descriptorSets'),
);

/** Microsoft's form, with fwupd's version in place of Windows' (fwupd, "DS-20"). */
const DS20 = layout(
  'ds20Capability',
  'fwupd DS20 platform capability',
  ...PLATFORM_HEADER,
  groups('quirks', allBut(0, 8), x32('dwVersion'), u16('wLength', unit('bytes')), x8('bVendorCode'), u8('bAltCode')),
);

const POWER_DELIVERY = layout(
  'powerDeliveryCapability',
  'Power delivery capability',
  ...HEADER,
  u8('bReserved'),
  x32('bmAttributes', (value) =>
    setBits(value % 2 ** 24, [
      '',
      'battery charging',
      'power delivery',
      'provider',
      'consumer',
      'charging policy',
      'USB Type-C current',
    ]),
  ),
  x16('bmProviderPorts'),
  x16('bmConsumerPorts'),
  bcd16('bcdBCVersion'),
  bcd16('bcdPDVersion'),
  bcd16('bcdUSBTypeCVersion'),
);

const BATTERY = layout(
  'batteryInformation',
  'Battery information',
  ...HEADER,
  string8('iBattery'),
  string8('iSerial'),
  string8('iManufacturer'),
  u8('bBatteryId'),
  u8('bReserved'),
  u32('dwChargedThreshold', unit('mWh')),
  u32('dwWeakThreshold', unit('mWh')),
  u32('dwBatteryDesignCapacity', unit('mWh')),
  u32('dwBatteryLastFullchargeCapacity', unit('mWh')),
);

const PORT_CAPABILITIES = bits('battery charging', 'power delivery', 'USB Type-C current');

const PD_CONSUMER = layout(
  'pdConsumerPort',
  'PD consumer port',
  ...HEADER,
  u8('bReserved'),
  x16('bmCapabilities', PORT_CAPABILITIES),
  u16('wMinVoltage', unit('mV', 50)),
  u16('wMaxVoltage', unit('mV', 50)),
  u16('wReserved'),
  u32('dwMaxOperatingPower', unit('mW', 10)),
  u32('dwMaxPeakPower', unit('mW', 10)),
  u32('dwMaxPeakPowerTime', unit('ms', 100)),
);

const PD_PROVIDER = layout(
  'pdProviderPort',
  'PD provider port',
  ...HEADER,
  u8('bReserved'),
  x16('bmCapabilities', PORT_CAPABILITIES),
  u8('bNumOfPDOs'),
  u8('bReserved2'),
  list('wPowerDataObject', 4, counted('bNumOfPDOs'), { notation: 'hex' }),
);

const RATES = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];

/** USB 3.2, table 9-20. */
export function sublinkSpeed(value: number): string {
  const mantissa = field(value, 16, 16);
  const parts = [
    `ID ${field(value, 0, 4)}`,
    value & 0x80 ? 'transmit' : 'receive',
    `${mantissa} ${RATES[field(value, 4, 2)]}`,
  ];
  if (value & 0x40) parts.push('asymmetric');
  parts.push(
    field(value, 14, 2) === 0 ? 'SuperSpeed' : field(value, 14, 2) === 1 ? 'SuperSpeedPlus' : 'reserved protocol',
  );
  return parts.join(' ');
}

function superSpeedPlusAttributes(value: number): string[] {
  return [`${field(value, 0, 5) + 1} sublink speed attributes`, `${field(value, 5, 4) + 1} sublink speed IDs`];
}

const SUPERSPEEDPLUS = layout(
  'superSpeedPlusCapability',
  'SuperSpeedPlus capability',
  ...HEADER,
  u8('bReserved'),
  x32('bmAttributes', superSpeedPlusAttributes),
  x16('wFunctionalitySupport', (value) => [
    `full function from sublink speed ID ${field(value, 0, 4)} on`,
    `at least ${field(value, 8, 4)} receive and ${field(value, 12, 4)} transmit lanes`,
  ]),
  x16('wReserved'),
  list('bmSublinkSpeedAttr', 4, (values) => field(numberOf(values, 'bmAttributes'), 0, 5) + 1, {
    notation: 'hex',
    means: sublinkSpeed,
  }),
);

const PTM = layout('ptmCapability', 'Precision time measurement capability', ...HEADER);

/** The states of alternate modes, two bits each. */
const MODE_STATES = ['unspecified error', 'not attempted or exited', 'attempted, failed', 'configured'];

function modeStates(value: string, count: number): string[] {
  const states: string[] = [];
  for (let mode = 0; mode < Math.min(count, value.length * 2); mode++) {
    const byte = Number.parseInt(value.slice((mode >> 2) * 2, (mode >> 2) * 2 + 2), 16);
    states.push(`mode ${mode}: ${MODE_STATES[(byte >> ((mode % 4) * 2)) & 3]}`);
  }
  return states;
}

const BILLBOARD = layout(
  'billboard',
  'Billboard capability',
  ...HEADER,
  string8('iAddtionalInfoURL'),
  u8('bNumberOfAlternateOrUSB4Modes'),
  u8('bPreferredAlternateOrUSB4Mode'),
  x16('VCONNPower', (value) =>
    value & 0x8000
      ? 'needs no VCONN power'
      : (['1 W', '1.5 W', '2 W', '3 W', '4 W', '5 W', '6 W'][value & 7] ?? 'reserved'),
  ),
  bytes(
    'bmConfigured',
    () => 32,
    (value, { values }) => modeStates(value, numberOf(values, 'bNumberOfAlternateOrUSB4Modes')),
  ),
  bcd16('bcdVersion'),
  x8('bAdditionalFailureInfo', bits('lack of power', 'power delivery communication failed')),
  u8('bReserved'),
  groups(
    'modes',
    counted('bNumberOfAlternateOrUSB4Modes'),
    x16('wSVID', (value) => SVIDS[value] ?? null),
    u8('bAlternateOrUSB4Mode'),
    string8('iAlternateOrUSB4ModeString'),
  ),
);

const SVIDS: Readonly<Record<number, string>> = {
  65280: 'USB PD',
  65281: 'DisplayPort',
  65282: 'MHL',
  65283: 'USB4',
  32903: 'Thunderbolt',
};

const BILLBOARD_MODE = layout(
  'billboardAlternateMode',
  'Billboard alternate mode capability',
  ...HEADER,
  u8('bIndex'),
  x32('dwAlternateModeVdo'),
);

const AUTHENTICATION = layout(
  'authentication',
  'Authentication capability',
  ...HEADER,
  x8('bmAttributes', bits('firmware can be updated', 'device changes interfaces when updated')),
  x8('bcdProtocolVersion'),
  x8('bcdCapability'),
);

const CONFIGURATION_SUMMARY = layout(
  'configurationSummary',
  'Configuration summary',
  ...HEADER,
  bcd16('bcdVersion'),
  x8('bClass'),
  x8('bSubClass'),
  x8('bProtocol'),
  u8('bConfigurationCount'),
  list('bConfigurationIndex', 1, counted('bConfigurationCount')),
);

const FIRMWARE_STATUS = layout(
  'firmwareStatus',
  'Firmware status',
  ...HEADER,
  x8('bcdDescriptorVersion'),
  x32('bmAttributes', bits('reports the firmware status', 'can forbid firmware updates')),
);

const BY_TYPE: Readonly<Record<number, Layout>> = {
  1: WIRELESS,
  2: USB2_EXTENSION,
  3: SUPERSPEED,
  4: CONTAINER_ID,
  5: PLATFORM,
  6: POWER_DELIVERY,
  7: BATTERY,
  8: PD_CONSUMER,
  9: PD_PROVIDER,
  10: SUPERSPEEDPLUS,
  11: PTM,
  13: BILLBOARD,
  14: AUTHENTICATION,
  15: BILLBOARD_MODE,
  16: CONFIGURATION_SUMMARY,
  17: FIRMWARE_STATUS,
};

const BY_UUID: Readonly<Record<string, Layout>> = {
  [WEBUSB_UUID]: WEBUSB,
  [MSOS20_UUID]: MSOS20_CAPABILITY,
  [DS20_UUID]: DS20,
};

export const CAPABILITY_LAYOUTS: readonly Layout[] = [
  BOS,
  UNKNOWN_CAPABILITY,
  ...Object.values(BY_TYPE),
  ...Object.values(BY_UUID),
];

/** Chooses the layout of a device capability by its type, and of a platform capability by its UUID. */
export function capabilityLayout(bytes: Buffer): Layout {
  const known = bytes.length > 2 ? BY_TYPE[bytes.readUInt8(2)] : undefined;
  if (known !== PLATFORM) return known ?? UNKNOWN_CAPABILITY;
  const { PlatformCapabilityUUID: platform } = decode(PLATFORM, bytes).values;
  return BY_UUID[platform ?? ''] ?? PLATFORM;
}
