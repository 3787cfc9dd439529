import { usageError } from '../errors';
import { parsePciAddress } from '../pci/address';
import { PCI_DRIVERS } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { PLATFORM_DRIVERS } from '../uio/platform';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { noDriverError, platformDriverError } from './errors';

const USAGE = 'udrv bind DEVICE... DRIVER';

/**
 * Finds a driver by its name, or by its module's: `vfio_pci` is vfio-pci.
 *
 * @throws UdrvError
 */
export function findDriver(sys: SysTree, name: string): string {
  if (parsePciAddress(name) !== null) throw usageError(name, 'is a device: name the driver last', USAGE);
  if (!/^[^/\0-\x1f\x7f]+$/.test(name) || name.startsWith('.')) throw usageError(name, 'not a driver name', USAGE);
  const drivers = new AttributeReader(sys).names(PCI_DRIVERS);
  const canonical = (text: string) => text.replaceAll('_', '-');
  const driver = drivers.includes(name) ? name : drivers.find((one) => canonical(one) === canonical(name));
  const platform = PLATFORM_DRIVERS.find((one) => canonical(one) === canonical(name));
  if (driver === undefined && platform !== undefined) throw platformDriverError(platform);
  if (driver === undefined) throw noDriverError(name, drivers);
  return driver;
}

/** Whether a driver hands the device to programs or keeps others away: none that the kernel would choose by itself. */
export function isForUserSpace(driver: string): boolean {
  return isVfioDriver(driver) || /^(?:uio_pci_generic|igb_uio|pci-stub|pciback)$/.test(driver);
}
