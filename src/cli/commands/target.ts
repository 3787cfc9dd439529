import { Exit, UdrvError } from '../../errors';
import type { RegionSource } from '../../model/action';
import type { Device, Region, VfioDevice } from '../../model/device';
import { findRegion } from '../../model/registers';
import { findDevice } from '../../select';
import { OpenUio } from '../../uio/device';
import type { OpenOptions, OpenVfio } from '../../vfio/device';
import { noGroup } from '../../vfio/no-group';
import type { Context } from '../context';
import { findOf } from './show';

/** A device with registers, whatever its framework: known, and not opened yet, so that a wrong request touches nothing. */
export interface Target {
  address: string;
  regions: readonly Region[];
  /** Names of regions that it may have beside those: known once it is open. */
  unseen?: RegExp;
  open(options: { write: boolean }): RegionSource & Disposable;
}

export type FindTarget = (context: Context, selector: string) => Target;

export function uioTarget(context: Context, selector: string): Target {
  const device = findOf(context, 'uio', selector);
  return {
    address: device.address,
    regions: device.uio.regions,
    open: (options) => OpenUio.open(context.sys, device, options),
  };
}

/**
 * Makes sure, before a device is opened, that a request can be right.
 *
 * @returns the region, null where it shows only when the device is open
 */
export function expectRegion(target: Target, name: string): Region | null {
  if (target.unseen?.test(name) && !target.regions.some((region) => region.name === name)) return null;
  return findRegion(target.address, target.regions, name);
}

export function openUio(context: Context, selector: string): OpenUio {
  return OpenUio.open(context.sys, findOf(context, 'uio', selector), { write: true });
}

/** A PCI function that a VFIO driver has; one that another has comes with the command that changes that. */
export function findVfio(context: Context, selector: string): VfioDevice {
  const device = findDevice(context.sys, context.names, selector);
  if (device.framework === 'vfio') return device;
  const address = device.framework === 'uio' ? device.uio.parent : device.framework === 'pci' ? device.address : null;
  if (device.framework === 'pci' && device.pci.iommuGroup === null) throw noGroup(context.sys, device.address);
  const bridge = device.framework === 'pci' && device.pci.class?.startsWith('0x0604');
  throw new UdrvError(
    bridge ? 'is a bridge: VFIO does not take bridges' : `is not in the hands of VFIO: ${driverOf(device)}`,
    {
      code: 'ENODEV',
      exit: Exit.notFound,
      subject: selector,
      hint: bridge || address === null ? 'udrv vfio list' : `sudo udrv bind ${address} vfio-pci`,
      device: device.address,
    },
  );
}

function driverOf({ framework, driver }: Device): string {
  if (framework === 'usb') return 'it is a USB device';
  return driver === null ? 'no driver has it' : `${driver} has it`;
}

/** Opens a VFIO device, and says so where nothing would hold its DMA back. */
export function openVfio(context: Context, selector: string, options: OpenOptions): OpenVfio {
  const info = findVfio(context, selector);
  const { OpenVfio } = require('../../vfio/device') as typeof import('../../vfio/device');
  const device = OpenVfio.open(context.sys, info, options);
  if (device.iommu.kind === 'noiommu')
    context.warn(`${info.address}: there is no IOMMU: the device can reach all memory of this machine`);
  return device;
}

/** Regions that sysfs does not tell of, by their names; how large they are shows when the device is open. */
const UNSEEN = /^(config|rom|vga|region\d{1,3})$/;

export const vfioTarget =
  (options: OpenOptions): FindTarget =>
  (context, selector) => {
    const device = findVfio(context, selector);
    return {
      address: device.address,
      regions: device.pci.regions,
      unseen: UNSEEN,
      open: () => openVfio(context, device.address, options),
    };
  };
