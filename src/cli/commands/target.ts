import { findDevice } from '../../devices/select';
import { Exit, UdrvError } from '../../errors';
import type { RegionSource } from '../../model/action';
import type { DeviceInfo, Region, VfioDeviceInfo } from '../../model/device';
import { findRegion } from '../../model/registers';
import { NO_NAMES } from '../../names/database';
import { PCI_CFG_SPACE_EXP_SIZE } from '../../uapi/pci-regs';
import { UioDevice } from '../../uio/device';
import type { OpenOptions, VfioDevice } from '../../vfio/device/device';
import { noGroup } from '../../vfio/errors';
import type { Context } from '../context';
import { findOf } from './find';

/** A device with registers, whatever its framework: known, and not opened yet, so that a wrong request touches nothing. */
export interface Target {
  address: string;
  regions: readonly Region[];
  /** What is known of regions that it may have beside those; the rest shows once it is open. */
  unseen?(name: string): Region | null;
  open(options: { write: boolean }): RegionSource & Disposable;
}

export type FindTarget = (context: Context, selector: string) => Target;

export function uioTarget(context: Context, selector: string): Target {
  const device = findOf(context, 'uio', selector);
  return {
    address: device.address,
    regions: device.uio.regions,
    open: (options) => UioDevice.open(context.sys, device, options),
  };
}

/**
 * What is known of a region before its device is opened, so that a request that cannot be right touches nothing.
 *
 * @throws exit 3, naming the regions there are
 */
export function expectRegion(target: Target, name: string): Region {
  const seen = target.regions.find((region) => region.name === name);
  return seen ?? target.unseen?.(name) ?? findRegion(target.address, target.regions, name);
}

/**
 * Remarks that all registers that were read are ones. Of a device that sleeps or has no power, all are; of one that
 * works, some may be.
 */
export function noteAllOnes(context: Context, target: Target, region: string): void {
  // udrv vfio config takes VFIO's devices.
  if (target.unseen === undefined) return;
  context.note(
    `${target.address} ${region}: all ones, as where nothing answers: udrv vfio config ${target.address} tells whether the device does`,
  );
}

export function openUio(context: Context, selector: string): UioDevice {
  return UioDevice.open(context.sys, findOf(context, 'uio', selector), { write: true });
}

/** The address of the PCI function that a selector names, whatever drives it. */
export function pciAddressOf(device: DeviceInfo, selector: string): string {
  const address = device.framework === 'uio' ? device.uio.parent : device.framework === 'usb' ? null : device.address;
  if (address !== null) return address;
  throw new UdrvError('is no PCI function', {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: selector,
    hint: 'udrv list --type pci',
    device: device.address,
  });
}

/** A PCI function that a VFIO driver has; one that another has comes with the command that changes that. */
export function findVfio(context: Context, selector: string): VfioDeviceInfo {
  const device = findDevice(context.sys, NO_NAMES, selector);
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

function driverOf({ framework, driver }: DeviceInfo): string {
  if (framework === 'usb') return 'it is a USB device';
  return driver === null ? 'no driver has it' : `${driver} has it`;
}

/** Opens a VFIO device, and says so where nothing would hold its DMA back. */
export function openVfio(context: Context, info: VfioDeviceInfo, options: OpenOptions): VfioDevice {
  const { VfioDevice } = require('../../vfio/device/device') as typeof import('../../vfio/device/device');
  const device = VfioDevice.open(context.sys, info, options);
  if (device.iommu.kind === 'noiommu')
    context.warn(`${info.address}: there is no IOMMU: the device can reach all memory of this machine`);
  return device;
}

/** Regions that sysfs does not tell of: as large as they may be at all. How large they are shows when the device is open. */
function unseenRegion(name: string): Region | null {
  const kind = /^(config|rom|vga)$/.test(name) ? (name as 'config' | 'rom' | 'vga') : 'other';
  if (kind === 'other' && !/^region\d{1,3}$/.test(name)) return null;
  const size = kind === 'config' ? PCI_CFG_SPACE_EXP_SIZE : Number.MAX_SAFE_INTEGER;
  return { name, kind, address: null, size, offset: 0, read: true, write: true, mmap: false };
}

export const vfioTarget =
  (options: OpenOptions): FindTarget =>
  (context, selector) =>
    vfioTargetOf(context, findVfio(context, selector), options);

export function vfioTargetOf(context: Context, device: VfioDeviceInfo, options: OpenOptions): Target {
  return {
    address: device.address,
    regions: device.pci.regions,
    unseen: unseenRegion,
    open: () => openVfio(context, device, options),
  };
}
