/**
 * Audio: USB Device Class Definition for Audio Devices 1.0, 2.0 and 3.0, chapter 4, and their Data Formats. Which of
 * them counts is said by the interface's protocol: 0x20 is 2.0, 0x30 is 3.0, anything else 1.0.
 */
import {
  type AnyField,
  allBut,
  bcd16,
  bytes,
  counted,
  type Layout,
  layout,
  list,
  numberOf,
  sizedList,
  string8,
  u8,
  u16,
  u24,
  u32,
  type Values,
  when,
  x8,
  x16,
  x32,
  x64,
} from '../layout';
import { bits, controlPairs, field, oneOf } from '../meaning';

const HEADER = [u8('bLength'), x8('bDescriptorType'), x8('bDescriptorSubtype')] as const;

const of =
  (family: string, name: string) =>
  (id: string, title: string, ...fields: readonly AnyField[]): Layout =>
    layout(`${family}.${id}`, `${name} ${title}`, ...HEADER, ...fields);

const uac1 = of('uac1', 'Audio 1');
const uac2 = of('uac2', 'Audio 2');
const uac3 = of('uac3', 'Audio 3');

/** Universal Serial Bus Device Class Definition for Terminal Types. */
export const TERMINAL_TYPES: Readonly<Record<number, string>> = {
  256: 'USB, undefined',
  257: 'USB streaming',
  511: 'USB, vendor specific',
  512: 'input, undefined',
  513: 'microphone',
  514: 'desktop microphone',
  515: 'personal microphone',
  516: 'omni-directional microphone',
  517: 'microphone array',
  518: 'processing microphone array',
  768: 'output, undefined',
  769: 'speaker',
  770: 'headphones',
  771: 'head mounted display audio',
  772: 'desktop speaker',
  773: 'room speaker',
  774: 'communication speaker',
  775: 'low frequency effects speaker',
  1024: 'bidirectional, undefined',
  1025: 'handset',
  1026: 'headset',
  1027: 'speakerphone, no echo reduction',
  1028: 'echo-suppressing speakerphone',
  1029: 'echo-cancelling speakerphone',
  1280: 'telephony, undefined',
  1281: 'phone line',
  1282: 'telephone',
  1283: 'down line phone',
  1536: 'external, undefined',
  1537: 'analog connector',
  1538: 'digital audio interface',
  1539: 'line connector',
  1540: 'legacy audio connector',
  1541: 'S/PDIF interface',
  1542: '1394 DA stream',
  1543: '1394 DV stream soundtrack',
  1792: 'embedded, undefined',
  1793: 'level calibration noise source',
  1794: 'equalization noise',
  1795: 'CD player',
  1796: 'DAT',
  1797: 'DCC',
  1798: 'MiniDisc',
  1799: 'analog tape',
  1800: 'phonograph',
  1801: 'VCR audio',
  1802: 'video disc audio',
  1803: 'DVD audio',
  1804: 'TV tuner audio',
  1805: 'satellite receiver audio',
  1806: 'cable tuner audio',
  1807: 'DSS audio',
  1808: 'radio receiver',
  1809: 'radio transmitter',
  1810: 'multi-track recorder',
  1811: 'synthesizer',
};

const terminalType = x16('wTerminalType', oneOf(TERMINAL_TYPES));

const CHANNELS_1 = bits(
  'left front',
  'right front',
  'center front',
  'low frequency enhancement',
  'left surround',
  'right surround',
  'left of center',
  'right of center',
  'surround',
  'side left',
  'side right',
  'top',
);

const CHANNELS_2 = bits(
  'front left',
  'front right',
  'front center',
  'low frequency effects',
  'back left',
  'back right',
  'front left of center',
  'front right of center',
  'back center',
  'side left',
  'side right',
  'top center',
  'top front left',
  'top front center',
  'top front right',
  'top back left',
  'top back center',
  'top back right',
  'top front left of center',
  'top front right of center',
  'left low frequency effects',
  'right low frequency effects',
  'top side left',
  'top side right',
  'bottom center',
  'back left of center',
  'back right of center',
);

const sources = [u8('bNrInPins'), list('baSourceID', 1, counted('bNrInPins'))] as const;

/** The mixer's controls: a bit for each pair of input and output channel that can be programmed. */
const mixerControls = (after: number) => bytes('bmMixerControls', allBut(after));

// Version 1

const FEATURES_1 = bits(
  'mute',
  'volume',
  'bass',
  'mid',
  'treble',
  'graphic equalizer',
  'automatic gain',
  'delay',
  'bass boost',
  'loudness',
);

const outputs1 = [u8('bNrChannels'), x16('wChannelConfig', CHANNELS_1), string8('iChannelNames')] as const;

const PROCESSES_1 = {
  0: 'undefined',
  1: 'up/down-mix',
  2: 'Dolby Prologic',
  3: '3D stereo extender',
  4: 'reverberation',
  5: 'chorus',
  6: 'dynamic range compressor',
};

const controlBytes = bytes('bmControls', counted('bControlSize'));

const CONTROL_1: Readonly<Record<number, Layout>> = {
  1: uac1(
    'header',
    'control header',
    bcd16('bcdADC'),
    u16('wTotalLength'),
    u8('bInCollection'),
    list('baInterfaceNr', 1, counted('bInCollection')),
  ),
  2: uac1(
    'inputTerminal',
    'input terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    ...outputs1,
    string8('iTerminal'),
  ),
  3: uac1(
    'outputTerminal',
    'output terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bSourceID'),
    string8('iTerminal'),
  ),
  4: uac1(
    'mixerUnit',
    'mixer unit',
    u8('bUnitID'),
    ...sources,
    ...outputs1,
    bytes('bmControls', allBut(1)),
    string8('iMixer'),
  ),
  5: uac1('selectorUnit', 'selector unit', u8('bUnitID'), ...sources, string8('iSelector')),
  6: uac1(
    'featureUnit',
    'feature unit',
    u8('bUnitID'),
    u8('bSourceID'),
    u8('bControlSize'),
    // The controls of all channels together, then of each.
    sizedList('bmaControls', 'bControlSize', (_, left, unit) => Math.floor((left - 1) / unit), FEATURES_1),
    string8('iFeature'),
  ),
  7: uac1(
    'processingUnit',
    'processing unit',
    u8('bUnitID'),
    x16('wProcessType', oneOf(PROCESSES_1)),
    ...sources,
    ...outputs1,
    u8('bControlSize'),
    controlBytes,
    string8('iProcessing'),
    ...modes(2),
  ),
  8: uac1(
    'extensionUnit',
    'extension unit',
    u8('bUnitID'),
    x16('wExtensionCode'),
    ...sources,
    ...outputs1,
    u8('bControlSize'),
    controlBytes,
    string8('iExtension'),
  ),
};

/** The modes of an up/down-mix or Dolby Prologic unit, each by its channels. */
function modes(unit: number): readonly AnyField[] {
  const hasModes = ({ wProcessType }: Values, left: number) => (wProcessType === 1 || wProcessType === 2) && left > 0;
  return [
    when(u8('bNrModes'), hasModes),
    when(
      list('waModes', unit, counted('bNrModes'), { notation: 'hex', means: unit === 2 ? CHANNELS_1 : CHANNELS_2 }),
      hasModes,
    ),
  ];
}

const FORMAT_TAGS: Readonly<Record<number, string>> = {
  0: 'type I, undefined',
  1: 'PCM',
  2: 'PCM8',
  3: 'IEEE float',
  4: 'A-law',
  5: 'mu-law',
  4096: 'type II, undefined',
  4097: 'MPEG',
  4098: 'AC-3',
  8192: 'type III, undefined',
  8193: 'IEC1937 AC-3',
  8194: 'IEC1937 MPEG-1 layer 1',
  8195: 'IEC1937 MPEG-1 layer 2/3 or MPEG-2 no extension',
  8196: 'IEC1937 MPEG-2 extension',
  8197: 'IEC1937 MPEG-2 layer 1, low sampling rate',
  8198: 'IEC1937 MPEG-2 layer 2/3, low sampling rate',
};

const formatTag = x16('wFormatTag', oneOf(FORMAT_TAGS));

const formatType =
  (...types: number[]) =>
  ({ bFormatType }: Values) =>
    types.includes(Number(bFormatType));
const hertz = (value: number) => `${value} Hz`;

const STREAMING_1: Readonly<Record<number, Layout>> = {
  1: uac1(
    'general',
    'streaming',
    u8('bTerminalLink'),
    u8('bDelay', (value) => `${value} frames`),
    formatTag,
  ),
  2: uac1(
    'formatType',
    'format type',
    u8('bFormatType', oneOf({ 1: 'type I', 2: 'type II', 3: 'type III' })),
    when(u8('bNrChannels'), formatType(1, 3)),
    when(u8('bSubframeSize'), formatType(1, 3)),
    when(u8('bBitResolution'), formatType(1, 3)),
    when(
      u16('wMaxBitRate', (value) => `${value} kbit/s`),
      formatType(2),
    ),
    when(u16('wSamplesPerFrame'), formatType(2)),
    when(
      u8('bSamFreqType', (value) =>
        value === 0 ? 'a range' : `${value} ${value === 1 ? 'frequency' : 'frequencies'}`,
      ),
      formatType(1, 2, 3),
    ),
    when(u24('tLowerSamFreq', hertz), (values) => values['bSamFreqType'] === 0),
    when(u24('tUpperSamFreq', hertz), (values) => values['bSamFreqType'] === 0),
    when(
      list('tSamFreq', 3, counted('bSamFreqType'), { means: hertz }),
      (values) => numberOf(values, 'bSamFreqType') > 0,
    ),
  ),
  3: uac1('formatSpecific', 'format specific', formatTag, bytes('data')),
};

const LOCK_DELAY_UNITS = oneOf({ 0: 'undefined', 1: 'milliseconds', 2: 'decoded PCM samples' });

const ENDPOINT_1 = uac1(
  'endpoint',
  'endpoint',
  x8('bmAttributes', bits('sampling frequency control', 'pitch control', '', '', '', '', '', 'maximum packets only')),
  u8('bLockDelayUnits', LOCK_DELAY_UNITS),
  u16('wLockDelay'),
);

// Version 2

const FEATURES_2 = controlPairs(
  'mute',
  'volume',
  'bass',
  'mid',
  'treble',
  'graphic equalizer',
  'automatic gain',
  'delay',
  'bass boost',
  'loudness',
  'input gain',
  'input gain pad',
  'phase inverter',
  'underflow',
  'overflow',
);

const CATEGORIES = {
  1: 'desktop speaker',
  2: 'home theater',
  3: 'microphone',
  4: 'headset',
  5: 'telephone',
  6: 'converter',
  7: 'voice/sound recorder',
  8: 'I/O box',
  9: 'musical instrument',
  10: 'pro audio',
  11: 'audio/video',
  12: 'control panel',
  13: 'headphone',
  14: 'generic speaker',
  15: 'headset adapter',
  16: 'speakerphone',
  255: 'other',
};

const outputs2 = [u8('bNrChannels'), x32('bmChannelConfig', CHANNELS_2), string8('iChannelNames')] as const;

const EFFECTS = {
  0: 'undefined',
  1: 'parametric equalizer',
  2: 'reverberation',
  3: 'modulation delay',
  4: 'dynamic range compressor',
};
const PROCESSES_2 = { 0: 'undefined', 1: 'up/down-mix', 2: 'Dolby Prologic', 3: 'stereo extender' };
const STEREO_EXTENDER = 3;
const EXTENDER_CONTROLS = controlPairs('enable', 'width', 'cluster', 'underflow', 'overflow');
const MIX_CONTROLS = controlPairs('enable', 'mode select', 'cluster', 'underflow', 'overflow');
const PROCESSES_3 = { 0: 'undefined', 1: 'up/down-mix', 2: 'stereo extender', 3: 'multi-function' };
const CLOCKS = ['external', 'internal fixed', 'internal variable', 'internal programmable'];

const clockAttributes = (value: number) => [CLOCKS[value & 3] ?? '', ...(value & 4 ? ['synchronized to SOF'] : [])];

const INPUT_CONTROLS = controlPairs('copy protect', 'connector', 'overload', 'cluster', 'underflow', 'overflow');
const OUTPUT_CONTROLS = controlPairs('copy protect', 'connector', 'overload', 'underflow', 'overflow');
const CLOCK_CONTROLS = controlPairs('clock frequency', 'clock validity');
const EXTENSION_CONTROLS = controlPairs('enable', 'cluster', 'underflow', 'overflow');
const featureControls = (after: number) =>
  list('bmaControls', 4, allBut(after, 4), { notation: 'hex', means: FEATURES_2 });
const clockSources = [u8('bNrInPins'), list('baCSourceID', 1, counted('bNrInPins'))] as const;

const CONTROL_2: Readonly<Record<number, Layout>> = {
  1: uac2(
    'header',
    'control header',
    bcd16('bcdADC'),
    x8('bCategory', oneOf(CATEGORIES)),
    u16('wTotalLength'),
    x8('bmControls', controlPairs('latency')),
  ),
  2: uac2(
    'inputTerminal',
    'input terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bCSourceID'),
    ...outputs2,
    x16('bmControls', INPUT_CONTROLS),
    string8('iTerminal'),
  ),
  3: uac2(
    'outputTerminal',
    'output terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bSourceID'),
    u8('bCSourceID'),
    x16('bmControls', OUTPUT_CONTROLS),
    string8('iTerminal'),
  ),
  4: uac2(
    'mixerUnit',
    'mixer unit',
    u8('bUnitID'),
    ...sources,
    ...outputs2,
    mixerControls(2),
    x8('bmControls', controlPairs('cluster', 'underflow', 'overflow')),
    string8('iMixer'),
  ),
  5: uac2(
    'selectorUnit',
    'selector unit',
    u8('bUnitID'),
    ...sources,
    x8('bmControls', controlPairs('selector')),
    string8('iSelector'),
  ),
  6: uac2('featureUnit', 'feature unit', u8('bUnitID'), u8('bSourceID'), featureControls(1), string8('iFeature')),
  7: uac2(
    'effectUnit',
    'effect unit',
    u8('bUnitID'),
    x16('wEffectType', oneOf(EFFECTS)),
    u8('bSourceID'),
    list('bmaControls', 4, allBut(1, 4), { notation: 'hex' }),
    string8('iEffects'),
  ),
  8: uac2(
    'processingUnit',
    'processing unit',
    u8('bUnitID'),
    x16('wProcessType', oneOf(PROCESSES_2)),
    ...sources,
    ...outputs2,
    x16('bmControls', (value, scope) =>
      (scope.values['wProcessType'] === STEREO_EXTENDER ? EXTENDER_CONTROLS : MIX_CONTROLS)(value, scope),
    ),
    string8('iProcessing'),
    ...modes(4),
  ),
  9: uac2(
    'extensionUnit',
    'extension unit',
    u8('bUnitID'),
    x16('wExtensionCode'),
    ...sources,
    ...outputs2,
    x8('bmControls', EXTENSION_CONTROLS),
    string8('iExtension'),
  ),
  10: uac2(
    'clockSource',
    'clock source',
    u8('bClockID'),
    x8('bmAttributes', clockAttributes),
    x8('bmControls', CLOCK_CONTROLS),
    u8('bAssocTerminal'),
    string8('iClockSource'),
  ),
  11: uac2(
    'clockSelector',
    'clock selector',
    u8('bClockID'),
    ...clockSources,
    x8('bmControls', controlPairs('clock selector')),
    string8('iClockSelector'),
  ),
  12: uac2(
    'clockMultiplier',
    'clock multiplier',
    u8('bClockID'),
    u8('bCSourceID'),
    x8('bmControls', controlPairs('clock numerator', 'clock denominator')),
    string8('iClockMultiplier'),
  ),
  13: uac2(
    'sampleRateConverter',
    'sample rate converter',
    u8('bUnitID'),
    u8('bSourceID'),
    u8('bCSourceInID'),
    u8('bCSourceOutID'),
    string8('iSRC'),
  ),
};

/**
 * The formats by format type, extended (bit 7) or not: Data Formats 2.0, appendix A.2. Bit 31 is raw data in every
 * type.
 */
const FORMATS_2: Readonly<Record<number, readonly string[]>> = {
  1: ['PCM', 'PCM8', 'IEEE float', 'A-law', 'mu-law', 'DSD'],
  2: ['MPEG', 'AC-3', 'WMA', 'DTS'],
  3: [
    'IEC61937 AC-3',
    'IEC61937 MPEG-1 layer 1',
    'IEC61937 MPEG-1 layer 2/3 or MPEG-2 no extension',
    'IEC61937 MPEG-2 extension',
    'IEC61937 MPEG-2 AAC',
    'IEC61937 MPEG-2 layer 1, low sampling rate',
    'IEC61937 MPEG-2 layer 2/3, low sampling rate',
    'IEC61937 DTS-I',
    'IEC61937 DTS-II',
    'IEC61937 DTS-III',
    'IEC61937 ATRAC',
    'IEC61937 ATRAC2/3',
    'IEC61937 WMA',
  ],
};
const RAW_DATA = 0x80000000;

function formats2(value: number, type: number): string[] {
  const names = FORMATS_2[type & 0x7f] ?? [];
  const found: string[] = [];
  for (let bit = 0; bit < 31; bit++) if (field(value, bit, 1)) found.push(names[bit] ?? `format bit ${bit}`);
  return value >= RAW_DATA ? [...found, 'raw data'] : found;
}

const STREAMING_2: Readonly<Record<number, Layout>> = {
  1: uac2(
    'general',
    'streaming',
    u8('bTerminalLink'),
    x8('bmControls', controlPairs('active alternate setting', 'valid alternate settings')),
    u8('bFormatType'),
    x32('bmFormats', (value, { values }) => formats2(value, numberOf(values, 'bFormatType'))),
    ...outputs2,
  ),
  2: uac2(
    'formatType',
    'format type',
    x8(
      'bFormatType',
      oneOf({
        1: 'type I',
        2: 'type II',
        3: 'type III',
        4: 'type IV',
        129: 'extended type I',
        130: 'extended type II',
        131: 'extended type III',
      }),
    ),
    when(u8('bSubslotSize'), formatType(1, 3, 0x81, 0x83)),
    when(u8('bBitResolution'), formatType(1, 3, 0x81, 0x83)),
    when(
      u16('wMaxBitRate', (value) => `${value} kbit/s`),
      formatType(2, 0x82),
    ),
    when(u16('wSlotsPerFrame'), formatType(2)),
    when(u16('wSamplesPerFrame'), formatType(0x82)),
    when(u8('bHeaderLength'), formatType(0x81, 0x82)),
    when(u8('bControlSize'), formatType(0x81)),
    when(u8('bSideBandProtocol'), formatType(0x81, 0x82, 0x83)),
  ),
  3: uac2('encoder', 'encoder', u8('bEncoderID'), u8('bEncoder'), bytes('data')),
  4: uac2('decoder', 'decoder', u8('bDecoderID'), u8('bDecoder'), bytes('data')),
};

const ENDPOINT_2 = uac2(
  'endpoint',
  'endpoint',
  x8('bmAttributes', bits('', '', '', '', '', '', '', 'maximum packets only')),
  x8('bmControls', controlPairs('pitch', 'data overrun', 'data underrun')),
  u8('bLockDelayUnits', LOCK_DELAY_UNITS),
  u16('wLockDelay'),
);

// Version 3: strings and clusters are fetched by their own ids, so nothing of them is here.

const CONTROL_3: Readonly<Record<number, Layout>> = {
  1: uac3(
    'header',
    'control header',
    x8('bCategory', oneOf(CATEGORIES)),
    u16('wTotalLength'),
    x32('bmControls', controlPairs('latency')),
  ),
  2: uac3(
    'inputTerminal',
    'input terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bCSourceID'),
    x32('bmControls', controlPairs('insertion', 'overload', 'underflow', 'overflow', 'latency')),
    x16('wClusterDescrID'),
    x16('wExTerminalDescrID'),
    x16('wConnectorsDescrID'),
    u16('wTerminalDescrStr'),
  ),
  3: uac3(
    'outputTerminal',
    'output terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bSourceID'),
    u8('bCSourceID'),
    x32('bmControls', controlPairs('insertion', 'overload', 'underflow', 'overflow', 'latency')),
    x16('wExTerminalDescrID'),
    x16('wConnectorsDescrID'),
    u16('wTerminalDescrStr'),
  ),
  4: uac3('extendedTerminal', 'extended terminal', u8('bDescriptorID'), u8('bNrChannels'), bytes('data')),
  5: uac3(
    'mixerUnit',
    'mixer unit',
    u8('bUnitID'),
    ...sources,
    x16('wClusterDescrID'),
    mixerControls(6),
    x32('bmControls', controlPairs('underflow', 'overflow', 'latency')),
    u16('wMixerDescrStr'),
  ),
  6: uac3(
    'selectorUnit',
    'selector unit',
    u8('bUnitID'),
    ...sources,
    x32('bmControls', controlPairs('selector')),
    u16('wSelectorDescrStr'),
  ),
  7: uac3('featureUnit', 'feature unit', u8('bUnitID'), u8('bSourceID'), featureControls(2), u16('wFeatureDescrStr')),
  8: uac3(
    'effectUnit',
    'effect unit',
    u8('bUnitID'),
    x16('wEffectType', oneOf(EFFECTS)),
    u8('bSourceID'),
    list('bmaControls', 4, allBut(2, 4), { notation: 'hex' }),
    u16('wEffectsDescrStr'),
  ),
  9: uac3(
    'processingUnit',
    'processing unit',
    u8('bUnitID'),
    x16('wProcessType', oneOf(PROCESSES_3)),
    ...sources,
    u16('wProcessingDescrStr'),
    bytes('data'),
  ),
  10: uac3(
    'extensionUnit',
    'extension unit',
    u8('bUnitID'),
    x16('wExtensionCode'),
    ...sources,
    u16('wExtensionDescrStr'),
    x32('bmControls', controlPairs('underflow', 'overflow')),
    x16('wClusterDescrID'),
  ),
  11: uac3(
    'clockSource',
    'clock source',
    u8('bClockID'),
    x8('bmAttributes', (value) => [
      value & 1 ? 'internal' : 'external',
      value & 2 ? 'synchronous to SOF' : 'asynchronous to SOF',
    ]),
    x32('bmControls', CLOCK_CONTROLS),
    u8('bReferenceTerminal'),
    u16('wClockSourceStr'),
  ),
  12: uac3(
    'clockSelector',
    'clock selector',
    u8('bClockID'),
    ...clockSources,
    x32('bmControls', controlPairs('clock selector')),
    u16('wCSelectorDescrStr'),
  ),
  13: uac3(
    'clockMultiplier',
    'clock multiplier',
    u8('bClockID'),
    u8('bCSourceID'),
    x32('bmControls', controlPairs('clock numerator', 'clock denominator')),
    u16('wCMultiplierDescrStr'),
  ),
  14: uac3(
    'sampleRateConverter',
    'sample rate converter',
    u8('bUnitID'),
    u8('bSourceID'),
    u8('bCSourceInID'),
    u8('bCSourceOutID'),
    u16('wSRCDescrStr'),
  ),
  15: uac3('connectors', 'connectors', u8('bDescriptorID'), u8('bNrConnectors'), bytes('data')),
  16: uac3(
    'powerDomain',
    'power domain',
    u8('bPowerDomainID'),
    list('waRecoveryTime', 2, () => 2, { means: (value) => `${value * 50} us` }),
    u8('bNrEntities'),
    list('baEntityID', 1, counted('bNrEntities')),
    u16('wPDomainDescrStr'),
  ),
};

const STREAMING_3: Readonly<Record<number, Layout>> = {
  1: uac3(
    'general',
    'streaming',
    u8('bTerminalLink'),
    x32('bmControls', controlPairs('active alternate setting', 'valid alternate settings', 'audio data format')),
    x16('wClusterDescrID'),
    x64('bmFormats', (value) => formats3(BigInt(value))),
    u8('bSubslotSize'),
    u8('bBitResolution'),
    x16('bmAuxProtocols'),
    u8('bControlSize'),
  ),
  2: uac3('validFrequencyRange', 'valid frequency range', u32('dMin', hertz), u32('dMax', hertz)),
};

const FORMATS_3 = [
  'PCM',
  'PCM8',
  'IEEE float',
  'A-law',
  'mu-law',
  'DSD',
  'raw data',
  'PCM IEC60958',
  'AC-3',
  'MPEG-1 layer 1',
  'MPEG-1 layer 2/3',
];

function formats3(value: bigint): string[] {
  const found: string[] = [];
  for (let bit = 0; bit < 64; bit++) if ((value >> BigInt(bit)) & 1n) found.push(FORMATS_3[bit] ?? `format bit ${bit}`);
  return found;
}

const ENDPOINT_3 = uac3(
  'endpoint',
  'endpoint',
  x32('bmControls', controlPairs('pitch', 'data overrun', 'data underrun')),
  u8('bLockDelayUnits', LOCK_DELAY_UNITS),
  u16('wLockDelay'),
);

const UNKNOWN = layout('audio.unknown', 'Audio descriptor', ...HEADER, bytes('data'));

interface Version {
  control: Readonly<Record<number, Layout>>;
  streaming: Readonly<Record<number, Layout>>;
  endpoint: Layout;
}

const VERSION_1: Version = { control: CONTROL_1, streaming: STREAMING_1, endpoint: ENDPOINT_1 };
const VERSION_2: Version = { control: CONTROL_2, streaming: STREAMING_2, endpoint: ENDPOINT_2 };
const VERSION_3: Version = { control: CONTROL_3, streaming: STREAMING_3, endpoint: ENDPOINT_3 };

export const AUDIO_LAYOUTS: readonly Layout[] = [
  ...[VERSION_1, VERSION_2, VERSION_3].flatMap(({ control, streaming, endpoint }) => [
    ...Object.values(control),
    ...Object.values(streaming),
    endpoint,
  ]),
  UNKNOWN,
];

const version = (protocol: number) => (protocol === 0x20 ? VERSION_2 : protocol === 0x30 ? VERSION_3 : VERSION_1);

/** Chooses the layout for an interface of subclass 1 (control) or 2 (streaming). */
export function audioLayout(subclass: number, protocol: number, subtype: number): Layout {
  const { control, streaming } = version(protocol);
  return (subclass === 1 ? control : subclass === 2 ? streaming : {})[subtype] ?? UNKNOWN;
}

export const audioEndpointLayout = (protocol: number, subtype: number): Layout =>
  subtype === 1 ? version(protocol).endpoint : UNKNOWN;
