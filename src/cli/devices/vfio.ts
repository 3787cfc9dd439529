import { viabilityAdvice } from '../../bind/viability';
import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, VfioDeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { AttributeReader } from '../../sys/readers/attributes';
import { VfioDevice, type VfioOpenOptions } from '../../vfio/device/device';
import { mapsFirst } from '../../vfio/device/region-pread';
import { noGroup } from '../../vfio/errors';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { mayComeIntoGroup } from '../../vfio/inspect/missing-group';
import type { Context } from '../program/context';
import { findNamed } from './find';

/**
 * Finds a PCI function that is bound to a VFIO driver.
 *
 * @param besideDriver the command of `udrv pci` that does the same while another driver has the function
 * @throws UdrvError exit 3; where another driver has the function, with the command that changes that
 */
export function findVfio(context: Context, selector: string, besideDriver?: string): VfioDeviceInfo {
  const device = findNamed(context, 'vfio', selector, NO_NAMES);
  if (device.framework === 'vfio') return device;
  const error = notVfio(context, selector, device);
  if (besideDriver === undefined || device.framework !== 'pci') throw error;
  const beside = `beside its driver: sudo udrv pci ${besideDriver} ${device.address}`;
  throw new UdrvError(error.message, {
    ...error,
    hint: error.hint === undefined ? beside : `${error.hint}; ${beside}`,
  });
}

function notVfio({ sys }: Context, selector: string, device: Exclude<DeviceInfo, VfioDeviceInfo>): UdrvError {
  const address = device.framework === 'uio' ? device.uio.parent : device.framework === 'pci' ? device.address : null;
  if (device.framework === 'pci' && device.pci.iommuGroup === null && !mayComeIntoGroup(new AttributeReader(sys)))
    return noGroup(sys, device.address);
  const bridge = device.framework === 'pci' && device.pci.class?.startsWith('0x0604');
  return new UdrvError(
    bridge ? 'is a bridge: VFIO does not take bridges' : `not bound to a VFIO driver (${driverOf(device)})`,
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
  return framework === 'usb' ? 'a USB device' : `driver: ${driver ?? 'none'}`;
}

/** The options of the way in which a command opens a device. */
export type OpenChoice = Pick<VfioOpenOptions, 'backend' | 'vfToken'>;

/**
 * Opens a VFIO device, says which VF token was made for it, and warns where no IOMMU restrains its DMA. Nobody knows which
 * registers the user will name: they are accessed in the way that is safe on this machine, unless `mmap` says how.
 */
export function openVfio(context: Context, info: VfioDeviceInfo, options: VfioOpenOptions): VfioDevice {
  const device = open(context, info, options);
  if (options.vfToken === 'auto' && device.vfToken !== null)
    context.note(`${info.address}: its VF token is ${device.vfToken}`);
  if (device.iommu.kind === 'noiommu')
    context.warn(`${info.address}: there is no IOMMU: the device can reach all memory of this machine`);
  return device;
}

/** {@link openVfio} for registers that the user names, with a warning where asking the kernel for them is a risk. */
export function openForAccess(context: Context, info: VfioDeviceInfo, options: VfioOpenOptions): VfioDevice {
  if (options.mmap === false && mapsFirst())
    context.warn(`${info.address}: the kernel makes each access, and may not survive one that nothing decodes`);
  return openVfio(context, info, options);
}

function open({ sys }: Context, info: VfioDeviceInfo, options: VfioOpenOptions): VfioDevice {
  try {
    return VfioDevice.open(sys, info, { ...options, mmap: options.mmap ?? 'where-safer' });
  } catch (error) {
    const isNotViable = error instanceof UdrvError && error.code === 'EPERM' && error.exit === Exit.busy;
    if (!isNotViable || info.vfio.group === null) throw error;
    const { address, driver } = info;
    const { number, members } = new IommuGroups(sys).get(info.vfio.group);
    const blockers = members.filter(({ blocks }) => blocks);
    if (blockers.length === 0) throw error;
    const hint = viabilityAdvice(sys, { address, driver: driver ?? 'vfio-pci', group: number, blockers });
    throw new UdrvError(error.message, { ...error, hint });
  }
}
