import { Exit, UdrvError } from '../errors';
import type { DeviceBase } from '../model/device';
import { isPciAddress } from '../pci/address';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { shellWord } from '../text/shell';

/**
 * A bus of the kernel whose devices get their drivers by sysfs. `driver_override` reserves a device for a driver:
 * Documentation/ABI/testing/sysfs-bus-platform has it for platform devices; amba, cdx, fsl-mc, pci, rpmsg, spi, vdpa and
 * vmbus have it too.
 */
export interface Bus {
  name: string;
  /** The directory of the devices, as links. */
  devices: string;
  /** The directory of the drivers. */
  drivers: string;
  /** Takes the name of a device for which the kernel shall look for a driver. */
  probe: string;
  /** Drivers that people bind by name, often before they are loaded. */
  wellKnown: readonly string[];
}

const WELL_KNOWN: Readonly<Record<string, readonly string[]>> = {
  pci: ['vfio-pci', 'uio_pci_generic'],
  platform: ['uio_pdrv_genirq', 'vfio-platform', 'uio_dmem_genirq'],
  amba: ['vfio-amba'],
  cdx: ['vfio-cdx'],
  'fsl-mc': ['vfio-fsl-mc'],
  vdpa: ['vhost_vdpa', 'virtio_vdpa'],
  vmbus: ['uio_hv_generic'],
};

/** Buses that have drivers for user space. */
export const OVERRIDE_BUSES: readonly string[] = Object.keys(WELL_KNOWN);

/** All of these drivers. */
export const WELL_KNOWN_DRIVERS: readonly string[] = Object.values(WELL_KNOWN).flat();

const BUSES = '/sys/bus';
const BUS_NAME = /^[\w-]+$/;

function busNamed(name: string): Bus {
  const dir = `${BUSES}/${name}`;
  const wellKnown = WELL_KNOWN[name] ?? [];
  return { name, devices: `${dir}/devices`, drivers: `${dir}/drivers`, probe: `${dir}/drivers_probe`, wellKnown };
}

export const PCI: Bus = busNamed('pci');

/** Returns the bus of a driver that people bind by name, whether it is loaded or not; undefined for other drivers. */
export function homeOf(driver: string): Bus | undefined {
  const name = Object.keys(WELL_KNOWN).find((bus) => WELL_KNOWN[bus]?.includes(driver));
  return name === undefined ? undefined : busNamed(name);
}

/** A name that is one component of a path, and no option or control character. */
const DEVICE_NAME = /^[^/\0-\x20\x7f.-][^/\0-\x20\x7f]*$/;

/** Lists the buses that have a device of this name. */
function busesOf(sys: SysTree, name: string): Bus[] {
  if (!DEVICE_NAME.test(name)) return [];
  const names = new AttributeReader(sys).names(BUSES).filter((bus) => BUS_NAME.test(bus));
  return names
    .map(busNamed)
    .filter(({ devices }) => sys.access(`${devices}/${name}`) !== null)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns the bus of a device: PCI for the address of a function, else the first whose devices can be reserved. */
export function busOf(sys: SysTree, address: string): Bus {
  if (isPciAddress(address)) return PCI;
  const buses = busesOf(sys, address);
  return buses.find(({ devices }) => sys.access(`${devices}/${address}/driver_override`) !== null) ?? buses[0] ?? PCI;
}

/** Returns the directory of a device in sysfs, or the path of an attribute in it. */
export function devicePath(sys: SysTree, address: string, attribute?: string): string {
  const dir = `${busOf(sys, address).devices}/${address}`;
  return attribute === undefined ? dir : `${dir}/${attribute}`;
}

/**
 * Finds a device of another bus than PCI that can be given to a driver.
 *
 * @returns null where there is none of this name
 * @throws UdrvError exit 9 where its bus has no way to reserve a device
 */
export function findOnBus(sys: SysTree, name: string): string | null {
  const buses = busesOf(sys, name);
  const [bus] = buses;
  if (bus === undefined) return null;
  if (buses.some(({ devices }) => sys.access(`${devices}/${name}/driver_override`) !== null)) return name;
  if (bus.name === 'usb') return null;
  throw new UdrvError(`the bus ${bus.name} does not let a driver be chosen: it has no driver_override`, {
    code: 'ENOTSUP',
    exit: Exit.unsupported,
    device: name,
    hint: adviceOnBus(sys, name) ?? undefined,
  });
}

/** Tells how a device gets to user space whose bus has no driver_override; null where nothing is known of its bus. */
export function adviceOnBus(sys: SysTree, name: string): string | null {
  const bus = busOf(sys, name);
  return WITHOUT_OVERRIDE[bus.name]?.(sys, bus, name) ?? null;
}

/** Ways to user space for devices that have the one driver that they are made for. */
const WITHOUT_OVERRIDE: Readonly<Record<string, (sys: SysTree, bus: Bus, name: string) => string>> = {
  dfl: dflAdvice,
  mdev: mdevAdvice,
};

/** A device of an FPGA goes to uio_dfl where its feature id is one that uio_dfl knows (drivers/uio/uio_dfl.c). */
function dflAdvice(sys: SysTree, { devices, drivers }: Bus, name: string): string {
  const reader = new AttributeReader(sys);
  const driver = reader.linkName(`${devices}/${name}/driver`);
  if (driver === 'uio_dfl') return 'uio_dfl has it: udrv list --type uio';
  const give = (path: string) => `echo ${shellWord(name)} | sudo tee ${shellWord(path)}`;
  const unbind = driver === null ? '' : `${give(`${drivers}/${driver}/unbind`)} && `;
  const bind = reader.names(drivers).includes('uio_dfl') ? give(`${drivers}/uio_dfl/bind`) : 'sudo modprobe uio_dfl';
  return `uio_dfl takes it if it knows its feature_id: ${unbind}${bind}`;
}

/** A mediated device is bound when it is made: since Linux 5.16 by its parent's driver, before by vfio_mdev. */
function mdevAdvice(sys: SysTree, { devices }: Bus, name: string): string {
  const driver = new AttributeReader(sys).linkName(`${devices}/${name}/driver`);
  if (driver === null) return 'kernels before 5.16 give all of them to vfio_mdev: sudo modprobe vfio_mdev';
  return `it belongs to VFIO since it was made (driver: ${driver}); to end that: echo 1 | sudo tee ${shellWord(`${devices}/${name}/remove`)}`;
}

/** Tells whether a device of another bus than PCI and USB has this name. */
export function isOnBus(sys: SysTree, name: string): boolean {
  return busesOf(sys, name).some((bus) => bus.name !== PCI.name && bus.name !== 'usb');
}

/** A device that is no PCI function, and can be reserved for a driver. Its name is that of its node in the device tree. */
export interface BusDeviceInfo extends DeviceBase {
  framework: 'platform';
  platform: BusAttributes;
}

export interface BusAttributes {
  bus: string;
  driverOverride: string | null;
  /** The alias by which modules are found, `of:NdmaT(null)Cgeneric-uio`. */
  modalias: string | null;
  iommuGroup: number | null;
}

/** Describes a device of another bus than PCI. */
export function inspectOnBus(sys: SysTree, address: string, bus: Bus = busOf(sys, address)): BusDeviceInfo {
  const reader = new AttributeReader(sys);
  const dir = `${bus.devices}/${address}`;
  const override = reader.text(`${dir}/driver_override`);
  const group = reader.linkName(`${dir}/iommu_group`);
  const modalias = reader.text(`${dir}/modalias`);
  return {
    address,
    framework: 'platform',
    vendorId: null,
    deviceId: null,
    // of_device_get_modalias(): N, name, T, type, and C before each kind that it is compatible with.
    name: /^of:N(.*)T(?:\(null\)|[^C]*)(?:C|$)/.exec(modalias ?? '')?.[1] ?? address,
    driver: reader.linkName(`${dir}/driver`),
    node: null,
    access: null,
    errors: reader.errors,
    platform: {
      bus: bus.name,
      driverOverride: override === '(null)' ? null : override,
      modalias,
      iommuGroup: group !== null && /^\d+$/.test(group) ? Number(group) : null,
    },
  };
}

/** Lists the devices that can be reserved for a driver and are no PCI functions, by bus and name. */
export function listOnBuses(sys: SysTree): BusDeviceInfo[] {
  const reader = new AttributeReader(sys);
  const buses = reader.names(BUSES).filter((name) => name !== PCI.name && BUS_NAME.test(name));
  return buses
    .sort()
    .map(busNamed)
    .flatMap((bus) =>
      reader
        .names(bus.devices)
        .filter((name) => sys.access(`${bus.devices}/${name}/driver_override`) !== null)
        .sort()
        .map((name) => inspectOnBus(sys, name, bus)),
    );
}
