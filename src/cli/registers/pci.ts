import { isForUserSpace } from '../../bind/driver';
import { inspectPci } from '../../devices/pci-functions';
import { Exit, UdrvError } from '../../errors';
import type { PciDeviceInfo, VfioDeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { PciDevice } from '../../pci/device';
import { findNamed, pciAddressOf } from '../devices/find';
import type { Context } from '../program/context';
import type { Target } from './target';

/** Finds a PCI function by a selector, whatever has it, to reach its BARs through sysfs. */
export function findPciTarget(context: Context, selector: string): Target {
  const found = findNamed(context, 'pci', selector, NO_NAMES);
  const address = pciAddressOf(found, selector);
  const device = inspectPci(context.sys, NO_NAMES, address);
  if (device === null) throw new UdrvError('no such device', { code: 'ENODEV', exit: Exit.notFound, device: address });
  return pciTarget(context, device);
}

/** Makes a target of a PCI function. */
export function pciTarget({ sys }: Context, device: PciDeviceInfo | VfioDeviceInfo): Target {
  const { address, driver } = device;
  return {
    address,
    regions: device.pci.regions,
    kinds: () => [`${device.vendorId}:${device.deviceId}`],
    allOnesHint: `udrv config ${address} tells whether the device does`,
    checkWrite: () => {
      if (driver !== null && !isForUserSpace(driver)) throw besideDriver(address, driver);
    },
    open: (options) => PciDevice.open(sys, device, options),
  };
}

function besideDriver(address: string, driver: string): UdrvError {
  return new UdrvError(`is driven by ${driver}: a write beside the driver can crash it, or lose data`, {
    code: 'EUNSAFE',
    exit: Exit.busy,
    device: address,
    hint: `--force writes all the same; to have it alone: sudo udrv bind ${address} vfio-pci`,
  });
}
