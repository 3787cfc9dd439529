import type { Check, FunctionSubject, PlatformSubject, Purpose, UioSubject, UsbSubject } from './check';
import { addressWidth } from './machine/address-width';
import { entryLimit } from './machine/entry-limit';
import { hugepages } from './machine/hugepages';
import { interruptRemapping } from './machine/interrupt-remapping';
import { iommu } from './machine/iommu';
import { lockdown } from './machine/lockdown';
import { memlock } from './machine/memlock';
import { surroundings } from './machine/surroundings';
import { translation } from './machine/translation';
import { usbfsMemory } from './machine/usbfs-memory';
import { iommufdModule, type1Module, vfioModule } from './machine/vfio-modules';
import { decoding } from './uio/decoding';
import { interrupt, platformInterrupt } from './uio/interrupt';
import { maps } from './uio/maps';
import { config, node as uioNode } from './uio/node';
import { pciDriver } from './uio/pci-driver';
import { platformNode } from './uio/platform-node';
import { authorized } from './usb/authorized';
import { claimed } from './usb/claimed';
import { configuration } from './usb/configuration';
import { enumeration } from './usb/enumeration';
import { holders as usbHolders } from './usb/holders';
import { node as usbNode } from './usb/node';
import { port } from './usb/port';
import { power as usbPower } from './usb/power';
import { speed } from './usb/speed';
import { bridge } from './vfio/bridge';
import { driver } from './vfio/driver';
import { firmwareRegion } from './vfio/firmware-region';
import { framebuffer } from './vfio/framebuffer';
import { group } from './vfio/group';
import { holders } from './vfio/holders';
import { keyboard } from './vfio/keyboard';
import { node } from './vfio/node';
import { platformDevice } from './vfio/platform-device';
import { power } from './vfio/power';
import { reset } from './vfio/reset';
import { stoppedAccesses } from './vfio/stopped-accesses';
import { virtualFunction } from './vfio/virtual-function';

// The order is that in which the causes are in the way: one that makes the next ones pointless stands before them.

/** The machine, for each framework. */
export const machineChecks: Readonly<Record<Purpose, readonly Check[]>> = {
  vfio: [
    iommu,
    interruptRemapping,
    vfioModule,
    type1Module,
    addressWidth,
    iommufdModule,
    surroundings,
    memlock,
    entryLimit,
    translation,
    lockdown,
    hugepages,
  ],
  uio: [platformNode, surroundings, lockdown],
  usb: [surroundings, usbfsMemory, enumeration],
};

/** A PCI function that shall be opened through VFIO. */
export const functionChecks: readonly Check<FunctionSubject>[] = [
  bridge,
  iommu,
  firmwareRegion,
  power,
  interruptRemapping,
  vfioModule,
  driver,
  framebuffer,
  group,
  type1Module,
  node,
  holders,
  virtualFunction,
  keyboard,
  reset,
  memlock,
  entryLimit,
  surroundings,
  addressWidth,
  iommufdModule,
  stoppedAccesses,
  hugepages,
];

/** A PCI function that shall have a UIO device. */
export const pciForUioChecks: readonly Check<FunctionSubject>[] = [bridge, power, pciDriver, keyboard, surroundings];

export const uioChecks: readonly Check<UioSubject>[] = [uioNode, decoding, maps, interrupt, config, lockdown];

/** A platform device that shall have a UIO device. */
export const platformChecks: readonly Check<PlatformSubject>[] = [platformNode, platformInterrupt];

/** A platform device that shall be opened through VFIO. */
export const platformForVfioChecks: readonly Check<PlatformSubject>[] = [platformDevice];

export const usbChecks: readonly Check<UsbSubject>[] = [
  authorized,
  usbPower,
  usbNode,
  configuration,
  usbfsMemory,
  claimed,
  usbHolders,
  port,
  speed,
];

/** Every check once. */
export const allChecks: readonly Pick<Check, 'ids' | 'about'>[] = [
  ...new Set([
    ...Object.values(machineChecks).flat(),
    ...functionChecks,
    ...pciForUioChecks,
    ...uioChecks,
    ...platformChecks,
    ...platformForVfioChecks,
    ...usbChecks,
  ]),
];
