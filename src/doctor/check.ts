import type { DeviceInfo, PciDeviceInfo, UioDeviceInfo, UsbDeviceInfo, VfioDeviceInfo } from '../model/device';
import type { Evidence } from './evidence';

/** A framework that somebody wants to reach a device through. */
export type Purpose = 'uio' | 'vfio' | 'usb';

/** `blocks`: the use is impossible. `limits`: it is possible, and part of it fails. `note`: good to know. */
export type Severity = 'blocks' | 'limits' | 'note';

/** A fact that led to a finding. */
export interface Seen {
  /** A file, directory, link or node; `kernel log` for a message. */
  path: string;
  /** The content, the target's name, or what was asked of it in words. May hold a device's own text. */
  value: string;
}

/**
 * A way to mend a cause. Kernel arguments of one finding go together and take a boot; of all others the first that can
 * be done is enough.
 */
export type Mend =
  /** A line of shell, for the machine that was examined. */
  | { kind: 'command'; text: string }
  /** An argument on the kernel's command line, as it stands there. */
  | { kind: 'kernel-argument'; text: string; action: 'add' | 'remove' }
  /** A setting of the firmware, or of the hypervisor or container runtime around the machine, in words. */
  | { kind: 'firmware'; text: string };

/** A cause that was found. */
export interface Finding {
  /** Stable: for programs. */
  id: string;
  severity: Severity;
  seen: Seen[];
  /** The cause, in a sentence or two. */
  means: string;
  /** The use that it keeps from working. */
  prevents: string;
  /** Empty where nothing known mends it. */
  mend: Mend[];
  /** The command that shows that it is mended; null where there is none. */
  proof: string | null;
}

/** Memory that the use shall have; null where it was not told. */
export interface Need {
  /** Bytes that shall be mapped for DMA at a time. */
  memory: number | null;
  /** Bytes that USB transfers shall have in flight at a time. */
  transfers: number | null;
}

/** A device of the platform bus that has no UIO device yet. */
export interface PlatformDevice {
  framework: 'platform';
  /** Name on its bus: `a0010000.dma`. */
  address: string;
}

/** A machine, the device in it that the question is about, and what for. */
export interface Subject<D = DeviceInfo | PlatformDevice | null> {
  tree: Evidence;
  device: D;
  need: Need;
  /** Reads the messages of the kernel, oldest first. No log is empty: none where it may not be read. */
  log: () => readonly string[];
  /** Reads part of a function's configuration space, and no more; null where it cannot be read. Wakes a sleeping function. */
  config: ReadConfig;
}

export type ReadConfig = (address: string, offset: number, length: number) => Buffer | null;

/** A PCI function. */
export type FunctionSubject = Subject<PciDeviceInfo | VfioDeviceInfo>;
export type UioSubject = Subject<UioDeviceInfo>;
export type UsbSubject = Subject<UsbDeviceInfo>;
export type PlatformSubject = Subject<PlatformDevice>;

/** One cause, or a family of close ones. */
export interface Check<S extends Subject = Subject> {
  /** Names of the findings that it may make. */
  readonly ids: readonly string[];
  /** The matter, in a word or two: `IOMMU`. */
  readonly about: string;
  /** Looks for the cause. @throws Undecided where the machine does not tell; findings made until then count */
  run(subject: S): Iterable<Finding>;
}

/** Makes the mend that is a line of shell. */
export const command = (text: string): Mend => ({ kind: 'command', text });
export const firmware = (text: string): Mend => ({ kind: 'firmware', text });
export const bootWith = (text: string): Mend => ({ kind: 'kernel-argument', text, action: 'add' });
export const bootWithout = (text: string): Mend => ({ kind: 'kernel-argument', text, action: 'remove' });
