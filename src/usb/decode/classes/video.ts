/** Video: USB Device Class Definition for Video Devices 1.5, chapter 3, and its payload formats. */
import {
  type AnyField,
  bcd16,
  bytes,
  counted,
  groups,
  type Layout,
  layout,
  list,
  numberOf,
  type Sizing,
  sizedList,
  string8,
  u8,
  u16,
  u32,
  uuid,
  type Values,
  when,
  x8,
  x16,
  x32,
} from '../layout';
import { bits, field, oneOf, setBits, trimmed } from '../meaning';

const HEADER = [u8('bLength'), x8('bDescriptorType'), x8('bDescriptorSubtype')] as const;

const uvc = (id: string, title: string, ...fields: readonly AnyField[]): Layout =>
  layout(`uvc.${id}`, `Video ${title}`, ...HEADER, ...fields);

const TERMINAL_TYPES: Readonly<Record<number, string>> = {
  256: 'USB, vendor specific',
  257: 'USB streaming',
  512: 'input, vendor specific',
  513: 'camera',
  514: 'media transport input',
  768: 'output, vendor specific',
  769: 'display',
  770: 'media transport output',
  1024: 'external, vendor specific',
  1025: 'composite connector',
  1026: 'S-video connector',
  1027: 'component connector',
};

const terminalType = x16('wTerminalType', oneOf(TERMINAL_TYPES));

/** The controls that are there, a bit each, in `bControlSize` bytes. */
const controls = (name: string, size: Sizing, names: readonly string[]) =>
  bytes(name, size, (value) => bitsOf(value, names));

/** Names the set bits of hex digits, least significant byte first; only the first 32 bits have a meaning. */
function bitsOf(value: string, names: readonly string[]): string[] {
  const bytes = Buffer.alloc(4);
  Buffer.from(value.slice(0, 8), 'hex').copy(bytes);
  return setBits(bytes.readUInt32LE(0), names);
}

const CAMERA_CONTROLS = [
  'scanning mode',
  'auto-exposure mode',
  'auto-exposure priority',
  'exposure time (absolute)',
  'exposure time (relative)',
  'focus (absolute)',
  'focus (relative)',
  'iris (absolute)',
  'iris (relative)',
  'zoom (absolute)',
  'zoom (relative)',
  'pan/tilt (absolute)',
  'pan/tilt (relative)',
  'roll (absolute)',
  'roll (relative)',
  '',
  '',
  'focus, auto',
  'privacy',
  'focus, simple',
  'window',
  'region of interest',
];

const PROCESSING_CONTROLS = [
  'brightness',
  'contrast',
  'hue',
  'saturation',
  'sharpness',
  'gamma',
  'white balance temperature',
  'white balance component',
  'backlight compensation',
  'gain',
  'power line frequency',
  'hue, auto',
  'white balance temperature, auto',
  'white balance component, auto',
  'digital multiplier',
  'digital multiplier limit',
  'analog video standard',
  'analog video lock status',
  'contrast, auto',
];

const ENCODING_CONTROLS = [
  'select layer',
  'profile and toolset',
  'video resolution',
  'minimum frame interval',
  'slice mode',
  'rate control mode',
  'average bit rate',
  'CPB size',
  'peak bit rate',
  'quantization parameter',
  'synchronization and long-term reference frame',
  'long-term buffer',
  'picture long-term reference',
  'LTR validation',
  'level IDC',
  'SEI message',
  'QP range',
  'priority ID',
  'start or stop layer',
  'error resiliency',
];

const isTerminal =
  (...types: number[]) =>
  ({ wTerminalType }: Values) =>
    types.includes(Number(wTerminalType));
const [isCamera, isTransport] = [isTerminal(0x0201), isTerminal(0x0202, 0x0302)];

const sources = [u8('bNrInPins'), list('baSourceID', 1, counted('bNrInPins'))] as const;
const controlSize = u8('bControlSize');
/** The fields of a media transport terminal. */
const terminalControls = [
  when(controlSize, (values) => isCamera(values) || isTransport(values)),
  when(
    bytes('bmControls', counted('bControlSize'), (value, { values }) =>
      isCamera(values) ? bitsOf(value, CAMERA_CONTROLS) : null,
    ),
    (values) => isCamera(values) || isTransport(values),
  ),
  when(u8('bTransportModeSize'), isTransport),
  when(bytes('bmTransportModes', counted('bTransportModeSize')), isTransport),
] as const;

const CONTROL: Readonly<Record<number, Layout>> = {
  1: uvc(
    'header',
    'control header',
    bcd16('bcdUVC'),
    u16('wTotalLength'),
    u32('dwClockFrequency', (value) => `${trimmed(value / 1e6)} MHz`),
    u8('bInCollection'),
    list('baInterfaceNr', 1, counted('bInCollection')),
  ),
  2: uvc(
    'inputTerminal',
    'input terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    string8('iTerminal'),
    when(u16('wObjectiveFocalLengthMin'), isCamera),
    when(u16('wObjectiveFocalLengthMax'), isCamera),
    when(u16('wOcularFocalLength'), isCamera),
    ...terminalControls,
  ),
  3: uvc(
    'outputTerminal',
    'output terminal',
    u8('bTerminalID'),
    terminalType,
    u8('bAssocTerminal'),
    u8('bSourceID'),
    string8('iTerminal'),
    ...terminalControls,
  ),
  4: uvc('selectorUnit', 'selector unit', u8('bUnitID'), ...sources, string8('iSelector')),
  5: uvc(
    'processingUnit',
    'processing unit',
    u8('bUnitID'),
    u8('bSourceID'),
    u16('wMaxMultiplier', (value) => (value === 0 ? null : `${trimmed(value / 100)} x`)),
    controlSize,
    controls('bmControls', counted('bControlSize'), PROCESSING_CONTROLS),
    string8('iProcessing'),
    // Since UVC 1.1.
    when(
      x8('bmVideoStandards', bits('none', 'NTSC 525/60', 'PAL 625/50', 'SECAM 625/50', 'NTSC 625/50', 'PAL 525/60')),
      (_, left) => left > 0,
    ),
  ),
  6: uvc(
    'extensionUnit',
    'extension unit',
    u8('bUnitID'),
    uuid('guidExtensionCode'),
    u8('bNumControls'),
    ...sources,
    controlSize,
    bytes('bmControls', counted('bControlSize')),
    string8('iExtension'),
  ),
  7: uvc(
    'encodingUnit',
    'encoding unit',
    u8('bUnitID'),
    u8('bSourceID'),
    string8('iEncoding'),
    controlSize,
    controls('bmControls', counted('bControlSize'), ENCODING_CONTROLS),
    controls('bmControlsRuntime', counted('bControlSize'), ENCODING_CONTROLS),
  ),
};

const endpointAddress = (value: number) => `EP ${value & 0x0f} ${value & 0x80 ? 'in' : 'out'}`;

const INPUT_CONTROLS = [
  'key frame rate',
  'P frame rate',
  'compression quality',
  'compression window size',
  'generate key frame',
  'update frame segment',
];

/** The controls of each format, in `bControlSize` bytes each. */
const formatControls = [
  controlSize,
  sizedList('bmaControls', 'bControlSize', counted('bNumFormats'), (value) => setBits(value, INPUT_CONTROLS)),
] as const;

/** The formats that Linux's uvcvideo and Windows know; the first four bytes of nearly all are a FourCC. */
function guidFormat(value: string): string {
  const fourcc = Buffer.from(value.slice(0, 8), 'hex').reverse().toString('latin1');
  return /^[\x20-\x7e]{4}$/.test(fourcc) ? fourcc.trim() : (FORMATS[value] ?? 'unknown format');
}

const FORMATS: Readonly<Record<string, string>> = { 'e436eb7d-524f-11ce-9f53-0020af0ba770': 'RGB 24' };

const FIELD_PATTERNS = ['field 1 only', 'field 2 only', 'fields 1 and 2 in turn', 'random pattern'];

/** UVC 1.5, payloads of uncompressed video and of MJPEG, table 3-1. What is not interlaced has no fields. */
function interlace(value: number): string[] {
  const reserved = setBits(value & 0xc8, []);
  if ((value & 0x01) === 0) return reserved;
  return [
    'interlaced',
    value & 0x02 ? '1 field in a frame' : '2 fields in a frame',
    ...(value & 0x04 ? ['field 1 first'] : []),
    FIELD_PATTERNS[field(value, 4, 2)] ?? '',
    ...reserved,
  ];
}

const DV_FORMATS = ['SD-DV', 'SDL-DV', 'HD-DV'];
const dvFormat = (value: number) => [DV_FORMATS[value & 0x7f] ?? 'reserved format', value & 0x80 ? '60 Hz' : '50 Hz'];

function frameInterval(value: number): string | null {
  return value === 0 ? null : `${trimmed(value / 10_000)} ms, ${trimmed(10_000_000 / value)} frames/s`;
}

const bitRate = (value: number) => `${trimmed(value / 1e6)} Mbit/s`;

/** The frame intervals in units of 100 ns: a range with a step, or a list. */
const intervals = [
  when(u32('dwMinFrameInterval', frameInterval), (values) => values['bFrameIntervalType'] === 0),
  when(u32('dwMaxFrameInterval', frameInterval), (values) => values['bFrameIntervalType'] === 0),
  when(u32('dwFrameIntervalStep'), (values) => values['bFrameIntervalType'] === 0),
  when(
    list('dwFrameInterval', 4, counted('bFrameIntervalType'), { means: frameInterval }),
    (values) => numberOf(values, 'bFrameIntervalType') > 0,
  ),
] as const;

const frameIntervalType = u8('bFrameIntervalType', (value) => (value === 0 ? 'continuous' : `${value} intervals`));
const frame = [
  u8('bFrameIndex'),
  x8('bmCapabilities', bits('still images', 'fixed frame rate')),
  u16('wWidth'),
  u16('wHeight'),
  u32('dwMinBitRate', bitRate),
  u32('dwMaxBitRate', bitRate),
] as const;

const frameOf = (id: string, title: string) =>
  uvc(
    id,
    title,
    ...frame,
    u32('dwMaxVideoFrameBufferSize'),
    u32('dwDefaultFrameInterval', frameInterval),
    frameIntervalType,
    ...intervals,
  );

const formatHead = [u8('bFormatIndex'), u8('bNumFrameDescriptors')] as const;
const formatTail = [
  u8('bDefaultFrameIndex'),
  u8('bAspectRatioX'),
  u8('bAspectRatioY'),
  x8('bmInterlaceFlags', interlace),
  u8('bCopyProtect'),
] as const;

/**
 * H.264, and VP8 with other names, in the order of the bytes: for one to four resolutions, each with five kinds of
 * scalability.
 */
const MACROBLOCK_RATES = ['One', 'Two', 'Three', 'Four'].flatMap((count) =>
  ['No', 'Temporal', 'TemporalQuality', 'TemporalSpatial', 'Full'].map((kind) =>
    u16(
      `wMaxMBperSec${count}Resolution${count === 'One' ? '' : 's'}${kind}Scalability`,
      (value) => `${value * 1000} macroblocks/s`,
    ),
  ),
);

const codecFormat = (id: string, title: string) =>
  uvc(
    id,
    title,
    ...formatHead,
    u8('bDefaultFrameIndex'),
    u8('bMaxCodecConfigDelay'),
    x8('bmSupportedSliceModes'),
    x8('bmSupportedSyncFrameTypes'),
    u8('bResolutionScaling'),
    u8('Reserved1'),
    x8('bmSupportedRateControlModes'),
    ...MACROBLOCK_RATES,
  );

const STREAMING: Readonly<Record<number, Layout>> = {
  1: uvc(
    'inputHeader',
    'input header',
    u8('bNumFormats'),
    u16('wTotalLength'),
    x8('bEndpointAddress', endpointAddress),
    x8('bmInfo', bits('dynamic format change')),
    u8('bTerminalLink'),
    u8('bStillCaptureMethod'),
    u8('bTriggerSupport'),
    u8('bTriggerUsage'),
    ...formatControls,
  ),
  2: uvc(
    'outputHeader',
    'output header',
    u8('bNumFormats'),
    u16('wTotalLength'),
    x8('bEndpointAddress', endpointAddress),
    u8('bTerminalLink'),
    ...formatControls,
  ),
  3: uvc(
    'stillImageFrame',
    'still image frame',
    x8('bEndpointAddress', (value) => (value === 0 ? 'none' : endpointAddress(value))),
    u8('bNumImageSizePatterns'),
    groups('imageSizes', counted('bNumImageSizePatterns'), u16('wWidth'), u16('wHeight')),
    u8('bNumCompressionPattern'),
    list('bCompression', 1, counted('bNumCompressionPattern')),
  ),
  4: uvc(
    'formatUncompressed',
    'format, uncompressed',
    ...formatHead,
    uuid('guidFormat', guidFormat),
    u8('bBitsPerPixel'),
    ...formatTail,
  ),
  5: frameOf('frameUncompressed', 'frame, uncompressed'),
  6: uvc('formatMjpeg', 'format, MJPEG', ...formatHead, x8('bmFlags', bits('fixed sample size')), ...formatTail),
  7: frameOf('frameMjpeg', 'frame, MJPEG'),
  10: uvc(
    'formatMpeg2ts',
    'format, MPEG-2 TS',
    u8('bFormatIndex'),
    u8('bDataOffset'),
    u8('bPacketLength'),
    u8('bStrideLength'),
    when(uuid('guidStrideFormat'), (_, left) => left > 0),
  ),
  12: uvc('formatDv', 'format, DV', u8('bFormatIndex'), u32('dwMaxVideoFrameBufferSize'), x8('bFormatType', dvFormat)),
  13: uvc(
    'colorFormat',
    'color matching',
    u8(
      'bColorPrimaries',
      oneOf({
        0: 'unspecified',
        1: 'BT.709, sRGB',
        2: 'BT.470-2 (M)',
        3: 'BT.470-2 (B, G)',
        4: 'SMPTE 170M',
        5: 'SMPTE 240M',
      }),
    ),
    u8(
      'bTransferCharacteristics',
      oneOf({
        0: 'unspecified',
        1: 'BT.709',
        2: 'BT.470-2 (M)',
        3: 'BT.470-2 (B, G)',
        4: 'SMPTE 170M',
        5: 'SMPTE 240M',
        6: 'linear',
        7: 'sRGB',
      }),
    ),
    u8(
      'bMatrixCoefficients',
      oneOf({
        0: 'unspecified',
        1: 'BT.709',
        2: 'FCC',
        3: 'BT.470-2 (B, G)',
        4: 'SMPTE 170M (BT.601)',
        5: 'SMPTE 240M',
      }),
    ),
  ),
  16: uvc(
    'formatFrameBased',
    'format, frame based',
    ...formatHead,
    uuid('guidFormat', guidFormat),
    u8('bBitsPerPixel'),
    ...formatTail,
    u8('bVariableSize'),
  ),
  17: uvc(
    'frameFrameBased',
    'frame, frame based',
    ...frame,
    u32('dwDefaultFrameInterval', frameInterval),
    frameIntervalType,
    u32('dwBytesPerLine'),
    ...intervals,
  ),
  18: uvc(
    'formatStreamBased',
    'format, stream based',
    u8('bFormatIndex'),
    uuid('guidFormat', guidFormat),
    u32('dwPacketLength'),
  ),
  19: codecFormat('formatH264', 'format, H.264'),
  20: uvc(
    'frameH264',
    'frame, H.264',
    u8('bFrameIndex'),
    u16('wWidth'),
    u16('wHeight'),
    u16('wSARwidth'),
    u16('wSARheight'),
    x16('wProfile'),
    x8('bLevelIDC'),
    x16('wConstrainedToolset'),
    x32('bmSupportedUsages'),
    x16('bmCapabilities'),
    x32('bmSVCCapabilities'),
    x32('bmMVCCapabilities'),
    u32('dwMinBitRate', bitRate),
    u32('dwMaxBitRate', bitRate),
    u32('dwDefaultFrameInterval', frameInterval),
    u8('bNumFrameIntervals'),
    list('dwFrameInterval', 4, counted('bNumFrameIntervals'), { means: frameInterval }),
  ),
  21: codecFormat('formatH264Simulcast', 'format, H.264 simulcast'),
  22: codecFormat('formatVp8', 'format, VP8'),
  23: uvc(
    'frameVp8',
    'frame, VP8',
    u8('bFrameIndex'),
    u16('wWidth'),
    u16('wHeight'),
    x32('bmSupportedUsages'),
    x16('bmCapabilities'),
    x32('bmScalabilityCapabilities'),
    u32('dwMinBitRate', bitRate),
    u32('dwMaxBitRate', bitRate),
    u32('dwDefaultFrameInterval', frameInterval),
    u8('bNumFrameIntervals'),
    list('dwFrameInterval', 4, counted('bNumFrameIntervals'), { means: frameInterval }),
  ),
  24: codecFormat('formatVp8Simulcast', 'format, VP8 simulcast'),
};

const ENDPOINT = uvc('interruptEndpoint', 'interrupt endpoint', u16('wMaxTransferSize'));

const UNKNOWN = uvc('unknown', 'descriptor', bytes('data'));

export const VIDEO_LAYOUTS: readonly Layout[] = [
  ...Object.values(CONTROL),
  ...Object.values(STREAMING),
  ENDPOINT,
  UNKNOWN,
];

/** Chooses the layout for an interface of subclass 1 (control) or 2 (streaming). */
export function videoLayout(subclass: number, subtype: number): Layout {
  return (subclass === 1 ? CONTROL : subclass === 2 ? STREAMING : {})[subtype] ?? UNKNOWN;
}

export const videoEndpointLayout = (subtype: number): Layout => (subtype === 3 ? ENDPOINT : UNKNOWN);
