/** MIDI streaming: USB Device Class Definition for MIDI Devices 1.0 and 2.0, appendix A and chapter 6. */
import { bcd16, bytes, counted, groups, type Layout, layout, list, string8, u8, u16, x8 } from '../layout';
import { oneOf } from '../meaning';

const HEADER = [u8('bLength'), x8('bDescriptorType'), x8('bDescriptorSubtype')] as const;

const midi = (id: string, title: string, ...fields: Layout['fields']): Layout =>
  layout(`midi.${id}`, `MIDI ${title}`, ...HEADER, ...fields);

const jackType = u8('bJackType', oneOf({ 1: 'embedded', 2: 'external' }));
const inputPins = [
  u8('bNrInputPins'),
  groups('inputPins', counted('bNrInputPins'), u8('baSourceID'), u8('BaSourcePin')),
] as const;

const INTERFACE: Readonly<Record<number, Layout>> = {
  1: midi('header', 'streaming header', bcd16('bcdMSC'), u16('wTotalLength')),
  2: midi('inJack', 'in jack', jackType, u8('bJackID'), string8('iJack')),
  3: midi('outJack', 'out jack', jackType, u8('bJackID'), ...inputPins, string8('iJack')),
  4: midi(
    'element',
    'element',
    u8('bElementID'),
    ...inputPins,
    u8('bNrOutputPins'),
    u8('bInTerminalLink'),
    u8('bOutTerminalLink'),
    u8('bElCapsSize'),
    bytes('bmElementCaps', counted('bElCapsSize')),
    string8('iElement'),
  ),
};

const ENDPOINT: Readonly<Record<number, Layout>> = {
  1: midi(
    'endpoint',
    'streaming endpoint',
    u8('bNumEmbMIDIJack'),
    list('baAssocJackID', 1, counted('bNumEmbMIDIJack')),
  ),
  2: midi(
    'endpoint2',
    '2.0 streaming endpoint',
    u8('bNumGrpTrmBlock'),
    list('baAssoGrpTrmBlkID', 1, counted('bNumGrpTrmBlock')),
  ),
};

const UNKNOWN = midi('unknown', 'streaming descriptor', bytes('data'));

export const MIDI_LAYOUTS: readonly Layout[] = [...Object.values(INTERFACE), ...Object.values(ENDPOINT), UNKNOWN];

export const midiLayout = (subtype: number): Layout => INTERFACE[subtype] ?? UNKNOWN;
export const midiEndpointLayout = (subtype: number): Layout => ENDPOINT[subtype] ?? UNKNOWN;
