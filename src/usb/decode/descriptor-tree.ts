/**
 * Descriptors as a tree: those behind an interface belong to it, those behind an endpoint to that.
 *
 * Nothing here fails, whatever the bytes; a fault is a note at the place where it stands. One walk along the bytes does
 * it all, so work and memory are bounded by their number.
 */
import { splitDescriptors } from '../split-descriptors';
import { BOS, CAPABILITY_LAYOUTS, capabilityLayout } from './bos';
import { checkDescriptors, differs } from './checks';
import {
  CLASS_LAYOUTS,
  CS_ENDPOINT,
  CS_FUNCTIONAL,
  CS_INTERFACE,
  classSpecificLayout,
  endpointLayout,
  type InterfaceClass,
  interfaceClass,
  MASS_STORAGE,
} from './classes/by-interface';
import { ShapeFinder } from './classes/by-shape';
import { HUB, PORT_STATUS, SUPERSPEED_HUB, SUPERSPEED_PORT_STATUS } from './classes/hub';
import { UNKNOWN_CLASS } from './classes/small-classes';
import { type Descriptor, descriptor, encodeAll } from './descriptor';
import { type Layout, numberOf } from './layout';
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

export interface DescriptorTree {
  descriptors: Descriptor[];
  /** The bytes from the first descriptor on that cannot be one. */
  rest: Buffer;
  notes: string[];
}

/**
 * Decodes the device descriptor and the configurations behind it, as sysfs has them in `descriptors`.
 *
 * @param speedMbps of the device, for the limits that a speed sets; null: not known, these are not checked
 */
export function decodeDescriptors(bytes: Buffer, speedMbps: number | null = null): DescriptorTree {
  const { descriptors: pieces, rest } = splitDescriptors(bytes);
  const roots: Descriptor[] = [];
  let configuration: Descriptor | null = null;
  let setting: Descriptor | null = null;
  let endpoint: Descriptor | null = null;
  let around: InterfaceClass | null = null;
  let shapes = new ShapeFinder();
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
      around = interfaceClass(setting.values);
      shapes = new ShapeFinder();
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
      (parent?.children ?? roots).push(other(type, piece, around, endpoint !== null, shapes));
    }
  }
  checkDescriptors(roots, speedMbps);
  return { descriptors: roots, rest, notes: leftOver(rest) };
}

/** Encodes a tree, the inverse of {@link decodeDescriptors}: the bytes of the descriptors, in their order. */
export function encodeDescriptors({ descriptors, rest }: Pick<DescriptorTree, 'descriptors' | 'rest'>): Buffer {
  return Buffer.concat([encodeAll(descriptors), rest]);
}

/** Decodes the binary object store: its header, and the capabilities in it. */
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
    differs(bos, 'bNumDeviceCaps', bos.children.length, 'capability', 'capabilities');
    differs(bos, 'wTotalLength', bytes.length, 'byte');
  }
  return { descriptors: roots, rest, notes: leftOver(rest) };
}

/**
 * Decodes a set of Microsoft OS 2.0 descriptors: each has a length of two bytes, and subsets hold what their length
 * covers.
 */
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

const leftOver = (rest: Buffer) => (rest.length === 0 ? [] : [`${rest.length} bytes at the end are no descriptor`]);

/** Decodes a descriptor that begins no new branch: a companion, or one of a class. */
function other(
  type: number,
  bytes: Buffer,
  around: InterfaceClass | null,
  behindEndpoint: boolean,
  shapes: ShapeFinder,
): Descriptor {
  if (type < CS_FUNCTIONAL || type > CS_ENDPOINT) return descriptor(BY_TYPE[type] ?? UNKNOWN, bytes);
  const chosen = classSpecificLayout(type, bytes, around, behindEndpoint);
  const shape = chosen === UNKNOWN_CLASS && around !== null ? shapes.layoutOf(bytes) : null;
  return shape === null ? descriptor(chosen, bytes) : { ...descriptor(shape, bytes), byShape: true };
}

/** The descriptors whose type alone tells their layout. */
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
  ...CLASS_LAYOUTS,
];
