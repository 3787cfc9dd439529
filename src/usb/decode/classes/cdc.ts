/**
 * Communications: the functional descriptors of CDC 1.2, table 13, and of its subclasses (PSTN, ECM, NCM, MBIM, WMC).
 */
import { bcd16, bytes, type Layout, layout, list, string8, u8, u16, uuid, x8, x16, x32 } from '../layout';
import { bits } from '../meaning';

const HEADER = [u8('bFunctionLength'), x8('bDescriptorType'), x8('bDescriptorSubtype')] as const;

const cdc = (id: string, title: string, ...fields: Layout['fields']): Layout =>
  layout(`cdc.${id}`, `CDC ${title}`, ...HEADER, ...fields);

/** MBIM 1.0, table 6-3 and NCM 1.0, table 5-2. */
const NETWORK_CAPABILITIES = bits(
  'SetEthernetPacketFilter',
  'network address requests',
  'encapsulated commands',
  'MaxDatagramSize requests',
  'CRC mode requests',
  '8-byte NtbInputSize',
);

const STATISTICS = bits(
  'XMIT_OK',
  'RCV_OK',
  'XMIT_ERROR',
  'RCV_ERROR',
  'RCV_NO_BUFFER',
  'DIRECTED_BYTES_XMIT',
  'DIRECTED_FRAMES_XMIT',
  'MULTICAST_BYTES_XMIT',
  'MULTICAST_FRAMES_XMIT',
  'BROADCAST_BYTES_XMIT',
  'BROADCAST_FRAMES_XMIT',
  'DIRECTED_BYTES_RCV',
  'DIRECTED_FRAMES_RCV',
  'MULTICAST_BYTES_RCV',
  'MULTICAST_FRAMES_RCV',
  'BROADCAST_BYTES_RCV',
  'BROADCAST_FRAMES_RCV',
  'RCV_CRC_ERROR',
  'TRANSMIT_QUEUE_LENGTH',
  'RCV_ERROR_ALIGNMENT',
  'XMIT_ONE_COLLISION',
  'XMIT_MORE_COLLISIONS',
  'XMIT_DEFERRED',
  'XMIT_MAX_COLLISIONS',
  'RCV_OVERRUN',
  'XMIT_UNDERRUN',
  'XMIT_HEARTBEAT_FAILURE',
  'XMIT_TIMES_CRS_LOST',
  'XMIT_LATE_COLLISIONS',
);

/** The layouts by bDescriptorSubtype. */
const BY_SUBTYPE: Readonly<Record<number, Layout>> = {
  0: cdc('header', 'header', bcd16('bcdCDC')),
  1: cdc(
    'callManagement',
    'call management',
    x8('bmCapabilities', bits('device handles call management', 'call management over the data interface')),
    u8('bDataInterface'),
  ),
  2: cdc(
    'acm',
    'ACM',
    x8(
      'bmCapabilities',
      bits('comm features', 'line coding and serial state', 'sends break', 'network connection notification'),
    ),
  ),
  3: cdc(
    'directLine',
    'direct line management',
    x8('bmCapabilities', bits('pulse requests', 'auxiliary jack requests', 'extra pulse setup')),
  ),
  4: cdc('telephoneRinger', 'telephone ringer', u8('bRingerVolSteps'), u8('bNumRingerPatterns')),
  5: cdc(
    'telephoneCall',
    'telephone call and line state',
    x32(
      'bmCapabilities',
      bits(
        'interrupted dial tone',
        'ringer and hook switch',
        'caller ID',
        'distinctive ringing',
        'DTMF',
        'line state notification',
      ),
    ),
  ),
  6: cdc('union', 'union', u8('bControlInterface'), list('bSubordinateInterface', 1)),
  7: cdc(
    'country',
    'country selection',
    string8('iCountryCodeRelDate'),
    list('wCountryCode', 2, undefined, { notation: 'hex' }),
  ),
  8: cdc(
    'telephoneModes',
    'telephone operational modes',
    x8('bmCapabilities', bits('simple', 'standalone', 'computer centric')),
  ),
  9: cdc(
    'usbTerminal',
    'USB terminal',
    u8('bEntityId'),
    u8('bInInterfaceNo'),
    u8('bOutInterfaceNo'),
    x8('bmOptions', bits('protocol wrapper')),
    list('bChildId', 1),
  ),
  10: cdc(
    'networkChannel',
    'network channel terminal',
    u8('bEntityId'),
    string8('iName'),
    u8('bChannelIndex'),
    u8('bPhysicalInterface'),
  ),
  11: cdc('protocolUnit', 'protocol unit', u8('bEntityId'), x8('bProtocol'), list('bChildId', 1)),
  12: cdc(
    'extensionUnit',
    'extension unit',
    u8('bEntityId'),
    x8('bExtensionCode'),
    string8('iName'),
    list('bChildId', 1),
  ),
  13: cdc(
    'multiChannel',
    'multi-channel management',
    x8('bmCapabilities', bits('', 'set unit parameter', 'clear unit parameter', 'non-volatile unit parameters')),
  ),
  14: cdc('capi', 'CAPI control', x8('bmCapabilities', bits('intelligent CAPI'))),
  15: cdc(
    'ethernet',
    'Ethernet',
    string8('iMACAddress'),
    x32('bmEthernetStatistics', STATISTICS),
    u16('wMaxSegmentSize'),
    x16(
      'wNumberMCFilters',
      (value) => `${value & 0x7fff} ${value & 0x8000 ? 'imperfect' : 'perfect'} multicast filters`,
    ),
    u8('bNumberPowerFilters'),
  ),
  16: cdc(
    'atm',
    'ATM networking',
    string8('iEndSystemIdentifier'),
    x8('bmDataCapabilities', bits('', 'type 1', 'type 2', 'type 3')),
    x8(
      'bmATMDeviceStatistics',
      bits(
        'US_CELLS_SENT',
        'DS_CELLS_RECEIVED',
        'DS_CELLS_USED',
        'DS_CELLS_AAL5_CRC_ERROR',
        'DS_CELLS_HEC_ERROR',
        'DS_CELLS_HEC_ERROR_CORRECTED',
      ),
    ),
    u16('wType2MaxSegmentSize'),
    u16('wType3MaxSegmentSize'),
    u16('wMaxVC'),
  ),
  17: cdc('whcm', 'wireless handset control', bcd16('bcdVersion')),
  18: cdc('mdlm', 'mobile direct line', bcd16('bcdVersion'), uuid('bGUID')),
  19: cdc('mdlmDetail', 'mobile direct line detail', u8('bGuidDescriptorType'), bytes('bDetailData')),
  20: cdc('deviceManagement', 'device management', bcd16('bcdVersion'), u16('wMaxCommand')),
  21: cdc('obex', 'OBEX', bcd16('bcdVersion')),
  22: cdc('commandSet', 'command set', bcd16('bcdVersion'), string8('iCommandSet'), uuid('bGUID')),
  23: cdc('commandSetDetail', 'command set detail', bytes('bDetailData')),
  24: cdc('telephoneControl', 'telephone control model', bcd16('bcdVersion')),
  25: cdc(
    'obexService',
    'OBEX service identifier',
    x8('bmRole', bits('client or server at will')),
    uuid('bServiceID'),
    bcd16('wServiceVersion'),
  ),
  26: cdc('ncm', 'NCM', bcd16('bcdNcmVersion'), x8('bmNetworkCapabilities', NETWORK_CAPABILITIES)),
  27: cdc(
    'mbim',
    'MBIM',
    bcd16('bcdMBIMVersion'),
    u16('wMaxControlMessage'),
    u8('bNumberFilters'),
    u8('bMaxFilterSize'),
    u16('wMaxSegmentSize'),
    x8('bmNetworkCapabilities', NETWORK_CAPABILITIES),
  ),
  28: cdc(
    'mbimExtended',
    'MBIM extended',
    bcd16('bcdMBIMExtendedVersion'),
    u8('bMaxOutstandingCommandMessages'),
    u16('wMTU'),
  ),
};

const UNKNOWN = cdc('unknown', 'functional descriptor', bytes('data'));

export const CDC_LAYOUTS: readonly Layout[] = [...Object.values(BY_SUBTYPE), UNKNOWN];

export const cdcLayout = (subtype: number): Layout => BY_SUBTYPE[subtype] ?? UNKNOWN;
