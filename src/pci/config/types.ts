import type { Space, Value } from './fields';

/** What a function's configuration space says, decoded. This is what `udrv vfio config --json` prints. */
export interface ConfigSpace {
  /** In bytes: how much of the space there was to decode. */
  size: number;
  /** Null where there is none to decode: too few bytes, or all ones. */
  header: ConfigHeader | null;
  /** In the order of their list. */
  capabilities: Capability[];
  extendedCapabilities: Capability[];
  /** What is wrong with the image, and what could not be decoded for it. */
  notes: string[];
}

/** The first 64 bytes (CardBus: 128). Registers are objects with the fields of the specification; see `value` there. */
export interface ConfigHeader {
  /** Four hex digits. `ffff` on an SR-IOV virtual function. */
  vendorId: string;
  deviceId: string;
  /** Base class, subclass, programming interface: `"0x010802"`. */
  class: string;
  className: string | null;
  /** Two hex digits. */
  revision: string;
  /** 0: a device, 1: a PCI bridge, 2: a CardBus bridge. */
  headerType: number;
  multiFunction: boolean;
  /** `vendor:device`; null where the header has none. */
  subsystem: string | null;
  [field: string]: Value;
}

/** One capability or extended capability, with the fields that are decoded of it. */
export interface Capability {
  /** `"0x10"`; an extended one has four digits, `"0x0001"`. */
  id: string;
  name: string;
  /** In bytes from the start of the space. */
  offset: number;
  [field: string]: Value;
}

/** What the decoding of a capability depends on, beside its own registers. */
export interface Context {
  headerType: number;
  vendorId: number;
  deviceId: number;
  /** Device/Port Type of the PCI Express capability, null without one. */
  portType: number | null;
}

export interface CapabilityKind {
  name: string;
  /** Without it, the bytes are shown as they are. */
  decode?: (space: Space, base: number, context: Context) => { [field: string]: Value };
}
