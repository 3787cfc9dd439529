/**
 * The device model that the three frameworks share. These are the objects of `udrv list --json`: the text and
 * the JSON both show them.
 */

import type { ReadError } from '../sys/readers/attributes';
import type { Access } from '../sys/sys';

export type RegionKind = 'mmio' | 'portio' | 'config' | 'rom' | 'vga' | 'other';

export interface Region {
  /** `map0`, `port0`, `bar0`, `rom`, `config`... */
  name: string;
  kind: RegionKind;
  /** The bus address as `"0x..."` (it may not fit a number), null where it is not known. */
  address: string | null;
  /** In bytes. */
  size: number;
  /** Bytes of registers, where the device tree or the BAR has fewer than `size`, which a UIO driver rounds to pages. */
  registers?: number;
  /** The driver's own name of a UIO map or port; absent where it says no more than the device's. */
  label?: string;
  /** The region's offset within its first page, in bytes; 0 for all but UIO maps. */
  offset: number;
  read: boolean;
  write: boolean;
  mmap: boolean;
}

export interface DeviceBase {
  /** The kernel's name for it: `uio0`, `0000:00:03.0`, `1-2`. */
  address: string;
  /** Four hex digits, lower case; null where the bus has none or it could not be read. */
  vendorId: string | null;
  deviceId: string | null;
  /** For people. May hold any character the device or the driver chose: escape it before printing. */
  name: string;
  driver: string | null;
  /** The node that an open would use; null if there is none. */
  node: string | null;
  /** The calling user's access to `node`; null if it does not exist. */
  access: Access | null;
  errors: ReadError[];
}

export interface PciAttributes {
  /** Base class, subclass, programming interface: `"0x010802"`. */
  class: string | null;
  className: string | null;
  /** Two hex digits. */
  revision: string | null;
  /** `vendor:device`, lower case. */
  subsystem: string | null;
  regions: Region[];
  iommuGroup: number | null;
  driverOverride: string | null;
  numaNode: number | null;
  /** Null for a function without SR-IOV; absent but in a list of all functions, and in depth. */
  sriov?: Sriov | null;
  /** Absent but in a list of all functions, and in depth. */
  kernelDevices?: KernelDevice[];
}

/** The place of a function in SR-IOV: a physical function, or a virtual one (Documentation/PCI/pci-iov-howto.rst). */
export interface Sriov {
  /** The physical function of a virtual one; null for a physical one. */
  physicalFunction: string | null;
  /** Virtual functions that it can have; null for a virtual one. */
  totalVfs: number | null;
  /** Virtual functions that it has now, by number; empty for a virtual one. */
  virtualFunctions: string[];
}

/** A network interface or a disk that a kernel driver made of a function, or of a device behind it, as a USB disk. */
export interface KernelDevice {
  kind: 'net' | 'block';
  /** `eth0`, `nvme0n1` */
  name: string;
  /**
   * Use by the system, which `bind` refuses to end: an interface that is up is `active`, a disk has a file system that is
   * mounted, has swap space, or is a member of another device. Null: none is seen.
   */
  state: 'active' | 'mounted' | 'swap' | 'member' | null;
}

export interface UioAttributes {
  version: string | null;
  /** Interrupts since the device was registered: the counter that read() returns. */
  eventCount: number | null;
  /** Whether the device has an interrupt; null where sysfs does not tell. */
  irq: boolean | null;
  /** The PCI address of the device behind it, null if it is no PCI function. */
  parent: string | null;
  /** The device behind it, on whatever bus: `platform`, `a0010000.dma`; null where sysfs does not tell. */
  parentBus: string | null;
  parentDevice: string | null;
  /** Vendor and device of the PCI function behind it, by the database; null where it knows neither. */
  pciName: string | null;
  /** Symbolic links in /dev that lead to the node, as udev makes them. */
  links: string[];
  regions: Region[];
}

export interface VfioAttributes {
  group: number | null;
  /** `vfio0`: the name of the character device under /dev/vfio/devices. */
  cdev: string | null;
  /** Whether the group can be given to user space: no member is driven by a kernel driver. Null without a group. */
  viable: boolean | null;
  /** The members that a kernel driver has, which block the group. */
  blockers: string[];
  groupDevices: string[];
}

export type TransferType = 'control' | 'isochronous' | 'bulk' | 'interrupt';

export interface UsbEndpoint {
  /** `"0x81"`: bit 7 is the direction, in when set. */
  address: string;
  direction: 'in' | 'out';
  type: TransferType;
  /** Bytes in one packet: bits 0 to 10 of wMaxPacketSize. */
  maxPacketSize: number;
  /**
   * Packets that move at a time: at high speed 1 to 3 in a microframe (bits 11 and 12 of wMaxPacketSize), at SuperSpeed a
   * burst, or the bursts of an interval (bMaxBurst and Mult of the companion); else 1.
   */
  packets: number;
  /** The most that a periodic endpoint moves in an interval; null: a bulk or control endpoint. */
  bytesPerInterval: number | null;
  /** bInterval as the descriptor has it; its unit depends on speed and type. */
  interval: number;
  /** Time between two services of a periodic endpoint; null: of another type, or bInterval has no meaning. */
  intervalUs: number | null;
}

/** One alternate setting of one interface of the active configuration. */
export interface UsbInterface {
  number: number;
  alt: number;
  active: boolean;
  /** Two hex digits each, as in sysfs. */
  class: string;
  subclass: string;
  protocol: string;
  className: string;
  driver: string | null;
  endpoints: UsbEndpoint[];
}

export interface UsbAttributes {
  bus: number;
  device: number;
  /** Port numbers from the root hub to the device; empty for a root hub. */
  ports: number[];
  /** 1.5, 12, 480, 5000, 10000, 20000; null where the kernel does not know. */
  speedMbps: number | null;
  /** bcdUSB, `"2.00"`. */
  usbVersion: string | null;
  /** Two hex digits. */
  class: string | null;
  manufacturer: string | null;
  product: string | null;
  serial: string | null;
  /** Whether the kernel may configure the device; null where sysfs does not tell. */
  authorized: boolean | null;
  /** bConfigurationValue of the active configuration, null: not configured. */
  configuration: number | null;
  interfaces: UsbInterface[];
}

export interface UioDeviceInfo extends DeviceBase {
  framework: 'uio';
  uio: UioAttributes;
  /** Present where the parent is a PCI function. */
  pci?: PciAttributes;
}

export interface VfioDeviceInfo extends DeviceBase {
  framework: 'vfio';
  vfio: VfioAttributes;
  pci: PciAttributes;
}

export interface PciDeviceInfo extends DeviceBase {
  framework: 'pci';
  pci: PciAttributes;
}

export interface UsbDeviceInfo extends DeviceBase {
  framework: 'usb';
  /** The one driver of all interfaces that have one; null where there is none, or several: {@link drivers} has them. */
  driver: string | null;
  /** The drivers of the interfaces, each once, in the order of the interfaces. */
  drivers: string[];
  usb: UsbAttributes;
}

export type DeviceInfo = UioDeviceInfo | VfioDeviceInfo | PciDeviceInfo | UsbDeviceInfo;
export type Framework = DeviceInfo['framework'];
