import type { VfioDeviceInfo } from '../../model/device';
import type { VfioDevice, VfioOpenOptions } from '../../vfio/device/device';
import { unseenRegion } from '../../vfio/inspect/unseen-region';
import { findVfio, openForAccess } from '../devices/vfio';
import type { Context } from '../program/context';
import type { FindTarget, Target } from './target';

/**
 * Makes a search for VFIO devices that are opened with these options.
 *
 * @param verb the command, which `udrv pci` has too for functions of other drivers
 */
export const findVfioTarget =
  (options: VfioOpenOptions, verb: string): FindTarget =>
  (context, selector) =>
    vfioTarget(context, findVfio(context, selector, verb), options);

/** Makes a target of a VFIO device. */
export function vfioTarget(context: Context, device: VfioDeviceInfo, options: VfioOpenOptions): Target {
  const { address } = device;
  let opened: VfioDevice | undefined;
  return {
    address,
    regions: device.pci.regions,
    kinds: () => [`${device.vendorId}:${device.deviceId}`],
    unseen: unseenRegion,
    allOnesHint: `udrv vfio config ${device.address} tells whether the device does`,
    openStep: `open ${address}: the kernel resets the device, if it can, and switches its bus mastering off`,
    open: () => {
      opened = openForAccess(context, device, options);
      return opened;
    },
    writeNote: (region) => writeNote(region, opened?.flags.includes('reset') === true),
  };
}

/** The kernel restores what it saved at the open, after a reset if there is one: vfio_pci_core_disable(). */
function writeNote(region: string, canReset: boolean): string | null {
  if (region === 'config')
    return 'closing the device has restored the header and the standard capabilities: there the value is gone';
  return canReset ? 'closing the device has reset it, and so does the next open: the value may be gone' : null;
}
