import { Exit, UdrvError, usageError } from '../errors';
import { parsePciAddress } from '../pci/address';
import { PCI_DRIVERS } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { isVfioDriver } from '../vfio/inspect/drivers';

const USAGE = 'udrv bind DEVICE... DRIVER';

/**
 * A driver's name as the kernel has it. People know vfio-pci by its module too, `vfio_pci`.
 *
 * @throws UdrvError
 */
export function findDriver(sys: SysTree, name: string): string {
  if (parsePciAddress(name) !== null) throw usageError(name, 'is a device: the driver comes last', USAGE);
  if (!/^[^/\0-\x1f\x7f]+$/.test(name) || name.startsWith('.')) throw usageError(name, 'is no name of a driver', USAGE);
  const drivers = new AttributeReader(sys).names(PCI_DRIVERS);
  const canonical = (text: string) => text.replaceAll('_', '-');
  const driver = drivers.includes(name) ? name : drivers.find((one) => canonical(one) === canonical(name));
  if (driver === undefined)
    throw new UdrvError('the kernel has no PCI driver of this name now', {
      code: 'ENODRIVER',
      exit: Exit.unsupported,
      subject: name,
      // Modules and drivers are mostly called alike; modprobe takes either dash.
      hint: /^[\w-]+$/.test(name) ? `load it: sudo modprobe ${name}` : `ls ${PCI_DRIVERS} shows which there are`,
    });
  return driver;
}

/** A driver that hands the device to programs, or keeps others away: none that the kernel would choose by itself. */
export function isForUserSpace(driver: string): boolean {
  return isVfioDriver(driver) || /^(?:uio_pci_generic|igb_uio|pci-stub|pciback)$/.test(driver);
}
