import type { RegisterValue, Space } from './fields';

/** A decoded configuration space, as `udrv vfio config --json` prints it. */
export interface ConfigSpace {
  /** The bytes that there were to decode. */
  size: number;
  /** Null where there is none to decode: too few bytes, or all ones. */
  header: ConfigHeader | null;
  /** Capabilities in the order of their list. */
  capabilities: Capability[];
  extendedCapabilities: Capability[];
  /** Faults of the image, and parts that could not be decoded for them. */
  notes: string[];
}

/** The first 64 bytes (CardBus: 128). Registers are objects with the fields of the specification; see `value` there. */
export interface ConfigHeader {
  /** Four hex digits; of an SR-IOV virtual function those that the kernel has, `ffff` where they are not known. */
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
  [field: string]: RegisterValue;
}

/** One capability or extended capability, with the fields that are decoded of it. */
export interface Capability {
  /** `"0x10"`; an extended one has four digits, `"0x0001"`. */
  id: string;
  name: string;
  /** Bytes from the start of the space. */
  offset: number;
  [field: string]: RegisterValue;
}

/** The ids of a function as the kernel has them, four hex digits each. */
export interface FunctionIds {
  vendorId: string;
  deviceId: string;
}

/** Facts beside its own registers that the decoding of a capability depends on. */
export interface DecodingContext {
  headerType: number;
  vendorId: number;
  deviceId: number;
  /** Device/Port Type of the PCI Express capability, null without one. */
  portType: number | null;
}

export interface CapabilityKind {
  name: string;
  /** Absent for a kind whose bytes are shown as they are. */
  decode?: (space: Space, base: number, context: DecodingContext) => { [field: string]: RegisterValue };
}
