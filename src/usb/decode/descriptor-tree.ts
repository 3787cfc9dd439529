/**
 * Descriptors as a tree: what stands behind an interface belongs to it, what stands behind an endpoint to that. Which
 * layout a class descriptor has is said by the interface around it.
 *
 * Nothing here fails, whatever the bytes; what does not fit is a note at the place where it stands. All is done in
 * one walk along the bytes, so the work and the memory are bounded by their number.
 */
import { splitDescriptors } from '../inspect/descriptors';
import { BOS, CAPABILITY_LAYOUTS, capabilityLayout } from './bos';
import { AUDIO_LAYOUTS, audioEndpointLayout, audioLayout } from './classes/audio';
import { CDC_LAYOUTS, cdcLayout } from './classes/cdc';
import { HUB, PORT_STATUS, SUPERSPEED_HUB, SUPERSPEED_PORT_STATUS } from './classes/hub';
import { MIDI_LAYOUTS, midiEndpointLayout, midiLayout } from './classes/midi';
import { CCID, DFU, IPP, PIPE_USAGE, SMALL_CLASS_LAYOUTS, UNKNOWN_CLASS } from './classes/small-classes';
import { VIDEO_LAYOUTS, videoEndpointLayout, videoLayout } from './classes/video';
import { HID } from './hid/descriptor';
import { decode, encode, type Layout, numberOf, type Values } from './layout';
import { MICROSOFT_LAYOUTS, msos20Depth, msos20Layout } from './msos';
import {
  AUDIO_ENDPOINT,
  CONFIGURATION,
  DEBUG,
  DEVICE,
  DEVICE_QUALIFIER,
  DEVICE_STATUS,
  ENCRYPTION_TYPE,
  ENDPOINT,
  EUSB2_COMPANION,
  INTERFACE,
  INTERFACE_ASSOCIATION,
  KEY,
  LANGIDS,
  OTG,
  OTHER_SPEED,
  SECURITY,
  SUPERSPEED_COMPANION,
  SUPERSPEEDPLUS_COMPANION,
  Type,
  UNKNOWN,
  WIRELESS_COMPANION,
} from './standard';

export interface Descriptor {
  layout: Layout;
  values: Values;
  /** What the layout does not cover. */
  rest: Buffer;
  /** What is wrong with it, for people. */
  notes: string[];
  children: Descriptor[];
}

/** The interface around a class descriptor. */
interface Around {
  baseClass: number;
  subclass: number;
  protocol: number;
}

export interface DescriptorTree {
  descriptors: Descriptor[];
  /** The bytes from the first descriptor on that cannot be one. */
  rest: Buffer;
  notes: string[];
}

/** The device descriptor and the configurations behind it, as sysfs has them in `descriptors`. */
export function decodeDescriptors(bytes: Buffer): DescriptorTree {
  const { descriptors: pieces, rest } = splitDescriptors(bytes);
  const roots: Descriptor[] = [];
  let configuration: Descriptor | null = null;
  let setting: Descriptor | null = null;
  let endpoint: Descriptor | null = null;
  let around: Around | null = null;
  for (const { bDescriptorType: type, bytes: piece } of pieces) {
    if (type === Type.device || type === Type.deviceQualifier) {
      [configuration, setting, endpoint, around] = [null, null, null, null];
      roots.push(descriptor(type === Type.device ? DEVICE : DEVICE_QUALIFIER, piece));
    } else if (type === Type.configuration || type === Type.otherSpeed) {
      [setting, endpoint, around] = [null, null, null];
      configuration = descriptor(type === Type.configuration ? CONFIGURATION : OTHER_SPEED, piece);
      roots.push(configuration);
    } else if (type === Type.interface) {
      endpoint = null;
      setting = descriptor(INTERFACE, piece);
      around = aroundOf(setting.values);
      (configuration?.children ?? roots).push(setting);
    } else if (type === Type.interfaceAssociation) {
      // It announces the interfaces that follow: it belongs to none before.
      [setting, endpoint, around] = [null, null, null];
      (configuration?.children ?? roots).push(descriptor(INTERFACE_ASSOCIATION, piece));
    } else if (type === Type.endpoint) {
      endpoint = descriptor(endpointLayout(piece, around), piece);
      (setting?.children ?? configuration?.children ?? roots).push(endpoint);
    } else {
      // A class may put its interface's descriptors behind the last endpoint.
      if (type === CS_INTERFACE && around?.baseClass !== MASS_STORAGE) endpoint = null;
      const parent: Descriptor | null = endpoint ?? setting ?? configuration;
      (parent?.children ?? roots).push(descriptor(chooseLayout(type, piece, around, endpoint !== null), piece));
    }
  }
  for (const root of roots) if (root.layout === CONFIGURATION) checkConfiguration(root);
  checkDevice(roots);
  return { descriptors: roots, rest, notes: leftOver(rest) };
}

/** The inverse of {@link decodeDescriptors}: the bytes of the descriptors, in their order. */
export function encodeDescriptors({ descriptors, rest }: Pick<DescriptorTree, 'descriptors' | 'rest'>): Buffer {
  const pieces: Buffer[] = [];
  const add = ({ layout, values, rest: more, children }: Descriptor) => {
    pieces.push(encode(layout, values, more));
    children.forEach(add);
  };
  descriptors.forEach(add);
  return Buffer.concat([...pieces, rest]);
}

/** The binary object store: its header, and the capabilities in it. */
export function decodeBos(bytes: Buffer): DescriptorTree {
  const { descriptors: pieces, rest } = splitDescriptors(bytes);
  const roots: Descriptor[] = [];
  let bos: Descriptor | null = null;
  for (const { bDescriptorType: type, bytes: piece } of pieces) {
    if (type === Type.bos) {
      bos = descriptor(BOS, piece);
      roots.push(bos);
    } else {
      const chosen = type === Type.deviceCapability ? capabilityLayout(piece) : UNKNOWN;
      (bos?.children ?? roots).push(descriptor(chosen, piece));
    }
  }
  if (bos !== null) {
    differs(bos, 'bNumDeviceCaps', bos.children.length, 'capabilities');
    differs(bos, 'wTotalLength', bytes.length, 'bytes');
  }
  return { descriptors: roots, rest, notes: leftOver(rest) };
}

/** A set of Microsoft OS 2.0 descriptors: each has a length of two bytes, and subsets hold what their length covers. */
export function decodeMsos20(bytes: Buffer): DescriptorTree {
  const roots: Descriptor[] = [];
  const open: { depth: number; end: number; children: Descriptor[] }[] = [];
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(offset);
    if (length < 4 || offset + length > bytes.length) break;
    const type = bytes.readUInt16LE(offset + 2);
    const found = descriptor(msos20Layout(type), bytes.subarray(offset, offset + length));
    const depth = msos20Depth(type);
    for (
      let last = open.at(-1);
      last !== undefined && (offset >= last.end || (depth !== null && depth <= last.depth));
      last = open.at(-1)
    )
      open.pop();
    (open.at(-1)?.children ?? roots).push(found);
    // The length of what it covers stands in its last two bytes; a nonsensical one lasts until the next of its kind.
    const covered = numberOf(found.values, depth === 2 ? 'wSubsetLength' : 'wTotalLength');
    if (depth !== null)
      open.push({
        depth,
        end: covered < length ? Number.POSITIVE_INFINITY : offset + covered,
        children: found.children,
      });
    offset += length;
  }
  const rest = bytes.subarray(offset);
  return { descriptors: roots, rest, notes: leftOver(rest) };
}

/** One descriptor that stands alone, in a layout that is known beforehand. */
export function descriptor(layout: Layout, bytes: Buffer): Descriptor {
  const { values, rest, missing } = decode(layout, bytes);
  const notes = missing === null ? [] : [`ends before all of ${missing}`];
  return { layout, values, rest, notes, children: [] };
}

// Which layout

const CS_FUNCTIONAL = 0x21;
const CS_INTERFACE = 0x24;
const CS_ENDPOINT = 0x25;

const AUDIO = 0x01;
const COMMUNICATIONS = 0x02;
const HUMAN_INTERFACE = 0x03;
const PRINTER = 0x07;
const MASS_STORAGE = 0x08;
const CDC_DATA = 0x0a;
const SMART_CARD = 0x0b;
const VIDEO = 0x0e;
const WIRELESS = 0xe0;
const MISCELLANEOUS = 0xef;
const APPLICATION = 0xfe;
const MIDI_STREAMING = 3;

/** Those whose type says it all. */
const BY_TYPE: Readonly<Record<number, Layout>> = {
  [Type.otg]: OTG,
  [Type.debug]: DEBUG,
  [Type.security]: SECURITY,
  [Type.key]: KEY,
  [Type.encryptionType]: ENCRYPTION_TYPE,
  [Type.wirelessCompanion]: WIRELESS_COMPANION,
  [Type.eusb2Companion]: EUSB2_COMPANION,
  [Type.superSpeedCompanion]: SUPERSPEED_COMPANION,
  [Type.superSpeedPlusCompanion]: SUPERSPEEDPLUS_COMPANION,
};

export const ALL_LAYOUTS: readonly Layout[] = [
  DEVICE,
  DEVICE_QUALIFIER,
  CONFIGURATION,
  OTHER_SPEED,
  INTERFACE,
  INTERFACE_ASSOCIATION,
  ENDPOINT,
  AUDIO_ENDPOINT,
  ...Object.values(BY_TYPE),
  LANGIDS,
  UNKNOWN,
  DEVICE_STATUS,
  HUB,
  SUPERSPEED_HUB,
  PORT_STATUS,
  SUPERSPEED_PORT_STATUS,
  ...CAPABILITY_LAYOUTS,
  ...MICROSOFT_LAYOUTS,
  ...CDC_LAYOUTS,
  ...AUDIO_LAYOUTS,
  ...MIDI_LAYOUTS,
  ...VIDEO_LAYOUTS,
  ...SMALL_CLASS_LAYOUTS,
  HID,
];

function aroundOf(values: Values): Around {
  return {
    baseClass: numberOf(values, 'bInterfaceClass'),
    subclass: numberOf(values, 'bInterfaceSubClass'),
    protocol: numberOf(values, 'bInterfaceProtocol'),
  };
}

/** Endpoints of audio class 1 and of MIDI are two bytes longer. */
function endpointLayout(bytes: Buffer, around: Around | null): Layout {
  return around?.baseClass === AUDIO && bytes.length >= 9 ? AUDIO_ENDPOINT : ENDPOINT;
}

function chooseLayout(type: number, bytes: Buffer, around: Around | null, behindEndpoint: boolean): Layout {
  const fixed = BY_TYPE[type];
  if (fixed !== undefined) return fixed;
  if (type < CS_FUNCTIONAL || type > CS_ENDPOINT) return UNKNOWN;
  if (around === null) return UNKNOWN_CLASS;
  const subtype = bytes.length > 2 ? bytes.readUInt8(2) : -1;
  if (type === CS_FUNCTIONAL) return functionalLayout(around);
  if (type === CS_INTERFACE) return behindEndpoint ? behindEndpointLayout(around) : classLayout(around, subtype);
  if (type === CS_ENDPOINT) return classEndpointLayout(around, subtype);
  return UNKNOWN_CLASS;
}

function functionalLayout({ baseClass, subclass, protocol }: Around): Layout {
  if (baseClass === HUMAN_INTERFACE) return HID;
  if (baseClass === SMART_CARD) return CCID;
  if (baseClass === PRINTER && protocol === 4) return IPP;
  if (baseClass === APPLICATION && subclass === 1) return DFU;
  return UNKNOWN_CLASS;
}

/** What UAS has: UAS-2, chapter 5.2.3.6. */
function behindEndpointLayout({ baseClass }: Around): Layout {
  return baseClass === MASS_STORAGE ? PIPE_USAGE : UNKNOWN_CLASS;
}

function classLayout({ baseClass, subclass, protocol }: Around, subtype: number): Layout {
  switch (baseClass) {
    case AUDIO:
      return subclass === MIDI_STREAMING ? midiLayout(subtype) : audioLayout(subclass, protocol, subtype);
    case COMMUNICATIONS:
    case CDC_DATA:
    // RNDIS comes with the descriptors of CDC.
    case WIRELESS:
    case MISCELLANEOUS:
      return cdcLayout(subtype);
    case VIDEO:
      return videoLayout(subclass, subtype);
    default:
      return UNKNOWN_CLASS;
  }
}

function classEndpointLayout({ baseClass, subclass, protocol }: Around, subtype: number): Layout {
  if (baseClass === AUDIO)
    return subclass === MIDI_STREAMING ? midiEndpointLayout(subtype) : audioEndpointLayout(protocol, subtype);
  return baseClass === VIDEO ? videoEndpointLayout(subtype) : UNKNOWN_CLASS;
}

// What is wrong

const leftOver = (rest: Buffer) => (rest.length === 0 ? [] : [`${rest.length} bytes at the end are no descriptor`]);

/** A count that the descriptor claims, against what is there. */
function differs(of: Descriptor, name: string, there: number, what: string): void {
  const claimed = of.values[name];
  if (typeof claimed === 'number' && claimed !== there)
    of.notes.push(`${name} is ${claimed}, there are ${there} ${what}`);
}

function checkDevice(roots: readonly Descriptor[]): void {
  const device = roots.find((root) => root.layout === DEVICE);
  const configurations = roots.filter((root) => root.layout === CONFIGURATION);
  if (device !== undefined && configurations.length > 0)
    differs(device, 'bNumConfigurations', configurations.length, 'configurations');
}

function checkConfiguration(configuration: Descriptor): void {
  const settings = configuration.children.filter((child) => child.layout === INTERFACE);
  const numbers = new Set(settings.map((setting) => setting.values['bInterfaceNumber']));
  differs(configuration, 'bNumInterfaces', numbers.size, 'interfaces');
  differs(
    configuration,
    'wTotalLength',
    encodeDescriptors({ descriptors: [configuration], rest: Buffer.alloc(0) }).length,
    'bytes',
  );
  for (const setting of settings) {
    const endpoints = setting.children.filter((child) => child.layout === ENDPOINT || child.layout === AUDIO_ENDPOINT);
    differs(setting, 'bNumEndpoints', endpoints.length, 'endpoints');
  }
}
