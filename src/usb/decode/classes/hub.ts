/** Hubs: USB 2.0, chapter 11.23 and 11.24; USB 3.2, chapter 10.15 and 10.16. A device gives them only when asked. */
import { allBut, layout, list, type MeaningScope, numberOf, u8, u16, type Values, x8, x16 } from '../layout';
import { bits, field, setBits, trimmed } from '../meaning';

const POWER_SWITCHING = [
  'ganged power switching',
  'power switching for each port',
  'no power switching',
  'no power switching',
];
const OVER_CURRENT = [
  'ganged over-current protection',
  'over-current protection for each port',
  'no over-current protection',
  'no over-current protection',
];

function characteristics(value: number): string[] {
  return [
    POWER_SWITCHING[value & 3] ?? '',
    ...(value & 4 ? ['part of a compound device'] : []),
    OVER_CURRENT[field(value, 3, 2)] ?? '',
  ];
}

/** Adds the TT's think time (full-speed bit times), which counts at high speed only. */
function usb2Characteristics(value: number, { speedMbps }: MeaningScope): string[] {
  return [
    ...characteristics(value),
    ...(speedMbps === null || speedMbps === 480 ? [`TT think time ${8 * (field(value, 5, 2) + 1)} bit times`] : []),
    ...(value & 0x80 ? ['port indicators'] : []),
  ];
}

const powerOnDelay = (value: number) => `${value * 2} ms`;
const current = (value: number) => `${value} mA`;

/** The length of a port mask: bit 0 is reserved, each port has a bit, and the last byte is filled up. */
const portBytes = (values: Values) => Math.ceil((numberOf(values, 'bNbrPorts') + 1) / 8);

const mask = (count: (values: Values, left: number) => number, name: string) =>
  list(name, 1, count, { notation: 'hex' });

export const HUB = layout(
  'hub',
  'Hub',
  u8('bDescLength'),
  x8('bDescriptorType'),
  u8('bNbrPorts'),
  x16('wHubCharacteristics', usb2Characteristics),
  u8('bPwrOn2PwrGood', powerOnDelay),
  u8('bHubContrCurrent', current),
  mask(portBytes, 'DeviceRemovable'),
  mask(allBut(0), 'PortPwrCtrlMask'),
);

export const SUPERSPEED_HUB = layout(
  'superSpeedHub',
  'SuperSpeed hub',
  u8('bDescLength'),
  x8('bDescriptorType'),
  u8('bNbrPorts'),
  x16('wHubCharacteristics', characteristics),
  u8('bPwrOn2PwrGood', powerOnDelay),
  u8('bHubContrCurrent', (value) => `${value * 4} mA`),
  u8('bHubHdrDecLat', (value) => `${trimmed(value / 10)} us`),
  u16('wHubDelay', (value) => `${value} ns`),
  x16('DeviceRemovable'),
);

/** wPortChange, from bit 0 on: USB 2.0, table 11-22, bit 5 from its LPM addendum; USB 3.2, table 10-14. */
const CHANGES = ['connection', 'enable', 'suspend', 'over-current', 'reset'];
const USB2_CHANGES = [...CHANGES, 'L1'];
const USB3_CHANGES = ['connection', '', '', 'over-current', 'reset', 'BH reset', 'link state', 'configuration error'];

function usb2PortStatus(value: number): string[] {
  const speed = value & 0x0200 ? 'low speed' : value & 0x0400 ? 'high speed' : 'full speed';
  const flags = [
    'connected',
    'enabled',
    'suspended',
    'over-current',
    'in reset',
    'L1',
    '',
    '',
    'powered',
    '',
    '',
    'test mode',
    'indicator control',
  ];
  return [...setBits(value & ~0x0600, flags), ...(value & 1 ? [speed] : [])];
}

const LINK_STATES = [
  'U0',
  'U1',
  'U2',
  'U3',
  'disabled',
  'Rx.Detect',
  'inactive',
  'polling',
  'recovery',
  'hot reset',
  'compliance mode',
  'loopback',
];

function usb3PortStatus(value: number): string[] {
  const flags = setBits(value & 0x001b, ['connected', 'enabled', '', 'over-current', 'in reset']);
  const state = LINK_STATES[field(value, 5, 4)] ?? `link state ${field(value, 5, 4)}`;
  return [...flags, `link ${state}`, ...(value & 0x0200 ? ['powered'] : [])];
}

/** The answer to GetPortStatus, with the number of the port in front. */
export const PORT_STATUS = layout(
  'portStatus',
  'Port',
  u8('port'),
  x16('wPortStatus', usb2PortStatus),
  x16('wPortChange', bits(...USB2_CHANGES)),
);

export const SUPERSPEED_PORT_STATUS = layout(
  'superSpeedPortStatus',
  'Port',
  u8('port'),
  x16('wPortStatus', usb3PortStatus),
  x16('wPortChange', bits(...USB3_CHANGES)),
);
