/** The layouts of class descriptors: a type from 0x21 to 0x25 means what the interface around it says. */
import { HID } from '../hid/descriptor';
import { type Layout, numberOf, type Values } from '../layout';
import { AUDIO_ENDPOINT, ENDPOINT } from '../standard';
import { AUDIO_LAYOUTS, audioEndpointLayout, audioLayout } from './audio';
import { CDC_LAYOUTS, cdcLayout } from './cdc';
import { MIDI_LAYOUTS, midiEndpointLayout, midiLayout } from './midi';
import { CCID, DFU, IPP, PIPE_USAGE, SMALL_CLASS_LAYOUTS, UNKNOWN_CLASS } from './small-classes';
import { VIDEO_LAYOUTS, videoEndpointLayout, videoLayout } from './video';

export const CS_FUNCTIONAL = 0x21;
export const CS_INTERFACE = 0x24;
export const CS_ENDPOINT = 0x25;

const AUDIO = 0x01;
const COMMUNICATIONS = 0x02;
const HUMAN_INTERFACE = 0x03;
const PRINTER = 0x07;
export const MASS_STORAGE = 0x08;
const CDC_DATA = 0x0a;
const SMART_CARD = 0x0b;
const VIDEO = 0x0e;
const WIRELESS = 0xe0;
const MISCELLANEOUS = 0xef;
const APPLICATION = 0xfe;
const MIDI_STREAMING = 3;

/** The interface around a class descriptor. */
export interface InterfaceClass {
  baseClass: number;
  subclass: number;
  protocol: number;
}
/** Reads the class of an interface from its descriptor. */
export function interfaceClass(values: Values): InterfaceClass {
  return {
    baseClass: numberOf(values, 'bInterfaceClass'),
    subclass: numberOf(values, 'bInterfaceSubClass'),
    protocol: numberOf(values, 'bInterfaceProtocol'),
  };
}

/** Chooses the layout of an endpoint: those of audio class 1 and of MIDI are two bytes longer. */
export function endpointLayout(bytes: Buffer, around: InterfaceClass | null): Layout {
  return around?.baseClass === AUDIO && bytes.length >= 9 ? AUDIO_ENDPOINT : ENDPOINT;
}

/**
 * The layout of a descriptor of types 0x21 to 0x25; {@link UNKNOWN_CLASS} where the interface around it does not say.
 */
export function classSpecificLayout(
  type: number,
  bytes: Buffer,
  around: InterfaceClass | null,
  behindEndpoint: boolean,
): Layout {
  if (around === null) return UNKNOWN_CLASS;
  const subtype = bytes.length > 2 ? bytes.readUInt8(2) : -1;
  if (type === CS_FUNCTIONAL) return functionalLayout(around);
  if (type === CS_INTERFACE) return behindEndpoint ? behindEndpointLayout(around) : classLayout(around, subtype);
  if (type === CS_ENDPOINT) return classEndpointLayout(around, subtype);
  return UNKNOWN_CLASS;
}

function functionalLayout({ baseClass, subclass, protocol }: InterfaceClass): Layout {
  if (baseClass === HUMAN_INTERFACE) return HID;
  if (baseClass === SMART_CARD) return CCID;
  if (baseClass === PRINTER && protocol === 4) return IPP;
  if (baseClass === APPLICATION && subclass === 1) return DFU;
  return UNKNOWN_CLASS;
}

/** Only UAS puts class descriptors behind its endpoints: UAS-2, chapter 5.2.3.6. */
function behindEndpointLayout({ baseClass }: InterfaceClass): Layout {
  return baseClass === MASS_STORAGE ? PIPE_USAGE : UNKNOWN_CLASS;
}

function classLayout({ baseClass, subclass, protocol }: InterfaceClass, subtype: number): Layout {
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

function classEndpointLayout({ baseClass, subclass, protocol }: InterfaceClass, subtype: number): Layout {
  if (baseClass === AUDIO)
    return subclass === MIDI_STREAMING ? midiEndpointLayout(subtype) : audioEndpointLayout(protocol, subtype);
  return baseClass === VIDEO ? videoEndpointLayout(subtype) : UNKNOWN_CLASS;
}

export const CLASS_LAYOUTS: readonly Layout[] = [
  ...CDC_LAYOUTS,
  ...AUDIO_LAYOUTS,
  ...MIDI_LAYOUTS,
  ...VIDEO_LAYOUTS,
  ...SMALL_CLASS_LAYOUTS,
  HID,
];
