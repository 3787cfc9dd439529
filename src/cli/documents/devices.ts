import type { BusAttributes, BusDeviceInfo } from '../../bind/bus';
import type { WayOnBus } from '../../bind/platform';
import type { WayToVfio } from '../../bind/way-to-vfio';
import type { GroupReport } from '../../devices/iommu-groups';
import type { IommuTree } from '../../devices/iommu-tree';
import type {
  DeviceInfo,
  Framework,
  KernelDevice,
  PciAttributes,
  PciDeviceInfo,
  Region,
  Sriov,
  UioDeviceInfo,
  UsbDeviceInfo,
  VfioDeviceInfo,
} from '../../model/device';
import type { EventSubject } from '../../monitor/event';
import type { ConfigSpace } from '../../pci/config/types';
import type { PciDetails } from '../../pci/function-details';
import type { VitalProductData } from '../../pci/vpd';
import type { IommufdObject } from '../../uapi/iommufd';
import type { UsbDocument } from '../../usb/inspect/describe';
import type { VfioFeature, VfioFlag } from '../../vfio/device/device';
import type { HotResetDevice } from '../../vfio/device/hot-reset';
import type { IrqInfo } from '../../vfio/device/irq-set';
import type { Area } from '../../vfio/device/region-info';
import type { VfioCandidate } from '../../vfio/inspect/candidate';
import type { VfioDetails } from '../../vfio/inspect/details';

export interface ListDocument {
  schema: 'udrv.list/1';
  /** Null: a device that went away after its driver was changed. */
  devices: readonly (ListedDevice | null)[];
}

export type ListedDevice = DeviceInfo | BusDeviceInfo;

/** A PCI function with what `show` has beyond `list`. */
export interface PciAttributesInDepth extends PciAttributes, PciDetails {
  sriov: Sriov | null;
  kernelDevices: KernelDevice[];
}

export interface VfioDeviceInDepth extends VfioDeviceInfo {
  vfio: VfioDetails;
  pci: PciAttributesInDepth;
  wayToVfio: WayToVfio;
}

/** A function that another driver has, or none. */
export interface PciDeviceInDepth extends PciDeviceInfo {
  pci: PciAttributesInDepth;
  /** Absent for a function without an IOMMU group. */
  candidate?: VfioCandidate;
  wayToVfio: WayToVfio;
}

/** A device that is no PCI function, with what `show` has beyond `list --type platform`. */
export interface BusDeviceInDepth extends BusDeviceInfo {
  platform: BusAttributesInDepth;
}

export interface BusAttributesInDepth extends BusAttributes {
  /** The kinds of device that its node in the device tree is, the closest first; null for a device without one. */
  compatible: string[] | null;
  /** Whether its node names an interrupt; null without a node. */
  hasInterrupt: boolean | null;
  /** Other members of its IOMMU group. */
  groupMembers: string[];
  ways: WayOnBus[];
  /** The way to user space on a bus that lets no driver be chosen; null elsewhere. */
  advice: string | null;
}

export type DeviceInDepth = UioDeviceInfo | VfioDeviceInDepth | PciDeviceInDepth | UsbDeviceInfo;
export type ShownDevice = DeviceInDepth | BusDeviceInDepth;

/** One device, or several that a selector matches. */
export type ShowDocument = ({ schema: 'udrv.show/1' } & ShownDevice) | ShowManyDocument;

export interface ShowManyDocument {
  schema: 'udrv.show/1';
  devices: readonly ShownDevice[];
}

export type UsbDescriptorsDocument = UsbDocument | Several<UsbDocument>;

/** The documents of several devices. */
interface Several<D extends { schema: string }> {
  schema: D['schema'];
  devices: readonly D[];
}

/** Hex digits of what sysfs has of the descriptors. */
export interface UsbRaw {
  schema: 'udrv.usb.raw/1';
  address: string;
  descriptors: string;
  /** Null where there is no binary object store. */
  bos: string | null;
  /** Report descriptors, by the interfaces that have them: `1-2:1.0`. */
  reports: { interface: string; bytes: string }[];
}

export type UsbRawDocument = UsbRaw | Several<UsbRaw>;

export interface GroupsDocument {
  schema: 'udrv.groups/1';
  groups: readonly GroupReport[];
  /** Whether all processes could be looked into for holders. */
  holdersComplete: boolean;
}

export interface PciTreeDocument extends Pick<IommuTree, 'roots' | 'groups' | 'holdersComplete'> {
  schema: 'udrv.vfio.tree/1';
}

export interface OpenedRegion extends Region {
  index: number;
  /** The only areas that can be mapped; empty where all of it can, or none. */
  sparse: Area[];
  /** Purpose of a region of the device's own; null for those that every PCI device has. */
  type: { type: number; subtype: number } | null;
  /** Whether the MSI-X table can be mapped with the rest of its BAR. */
  msixMappable: boolean;
}

export interface InfoDocument {
  address: string;
  backend: 'group' | 'iommufd';
  flags: readonly VfioFlag[];
  regions: OpenedRegion[];
  interrupts: IrqInfo[];
  iommu: {
    kind: 'type1' | 'iommufd' | 'noiommu';
    /** `0x...`, ascending. */
    pageSizes: string[];
    /** `0x...`, both inclusive. */
    iovaRanges: { start: string; end: string }[];
    /** Mappings that can still be made; null where the kernel reports no limit. */
    dmaAvail: number | null;
    /** Objects that this kernel's iommufd makes; empty without one. */
    objects: IommufdObject[];
  };
  features: VfioFeature[];
  /** Devices that a hot reset resets together; null where its bus cannot be reset. */
  hotReset: HotResetDevice[] | null;
}

/** The origin of the bytes: VFIO shows another space than the bus has. */
export type ConfigSource = 'sysfs' | 'vfio' | 'file';

/** Facts of a function of this machine that are not in its configuration space. */
export interface SystemFacts extends PciDetails {
  driver: string | null;
}

export interface DecodedConfig extends ConfigSpace {
  /** Null for an image without one. */
  address: string | null;
  source: ConfigSource;
  /** Absent for a space that was read through VFIO, or is in a file. */
  system?: SystemFacts;
  vpd?: VitalProductData;
}

/** With `--raw`. */
export interface RawConfig {
  address: string | null;
  source: ConfigSource;
  size: number;
  /** Hex digits. */
  bytes: string;
}

/** One function, or those of a file. */
export type ConfigDocument =
  | ({ schema: 'udrv.config/1' } & (DecodedConfig | RawConfig))
  | { schema: 'udrv.config/1'; devices: (DecodedConfig | RawConfig)[] };

export interface EventLine extends EventSubject {
  /** The time when udrv heard of it, ISO 8601. */
  time: Date;
  /** `bind` and `unbind`: a driver took it, or left it. `change`: its node or the access to it changed. */
  action: 'add' | 'remove' | 'bind' | 'unbind' | 'change';
  /** The interface of a USB device whose driver came or left: `1-2:1.0`; null for the device itself. */
  interface: string | null;
}

/** Rates are null where nothing counts them. */
export interface DeviceActivity {
  address: string;
  framework: Framework;
  name: string;
  interruptsPerSecond: number | null;
  eventsPerSecond: number | null;
  urbsPerSecond: number | null;
  bytesPerSecond: number | null;
}

export interface TopLine {
  schema: 'udrv.top/1';
  time: Date;
  /** The length of the interval that was measured. */
  seconds: number;
  devices: DeviceActivity[];
}
