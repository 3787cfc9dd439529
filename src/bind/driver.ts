import { usageError } from '../errors';
import { parsePciAddress } from '../pci/address';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { type Bus, homeOf, PCI, WELL_KNOWN_DRIVERS } from './bus';
import { noDriverError, otherBusError } from './errors';

const USAGE = 'udrv bind DEVICE... DRIVER';

/**
 * Finds a driver of a bus by its name, or by its module's: `vfio_pci` is vfio-pci.
 *
 * @throws UdrvError
 */
export function findDriver(sys: SysTree, name: string, bus: Bus = PCI): string {
  mustBeDriverName(name);
  const drivers = new AttributeReader(sys).names(bus.drivers);
  const canonical = (text: string) => text.replaceAll('_', '-');
  const driver = drivers.includes(name) ? name : drivers.find((one) => canonical(one) === canonical(name));
  if (driver !== undefined) return driver;
  for (const one of WELL_KNOWN_DRIVERS) {
    const home = canonical(one) === canonical(name) ? homeOf(one) : undefined;
    if (home !== undefined && home.name !== bus.name) throw otherBusError(one, home, bus);
  }
  throw noDriverError(name, drivers, bus);
}

/** @throws UdrvError exit 2 for what names no driver */
export function mustBeDriverName(name: string): void {
  if (parsePciAddress(name) !== null) throw usageError(name, 'is a device: name the driver last', USAGE);
  if (!/^[^/\0-\x1f\x7f]+$/.test(name) || name.startsWith('.')) throw usageError(name, 'not a driver name', USAGE);
}

/**
 * Tells whether a driver takes only devices in an IOMMU group. The channels and queues of s390 have none: their mediated
 * devices are what programs open (drivers/s390/cio, drivers/s390/crypto).
 */
export function needsGroup(driver: string | null): boolean {
  return isVfioDriver(driver) && driver !== 'vfio_ccw' && driver !== 'vfio_ap';
}

/** Whether a driver hands the device to programs or keeps others away: none that the kernel would choose by itself. */
export function isForUserSpace(driver: string): boolean {
  return (
    isVfioDriver(driver) ||
    /^(?:uio_pci_generic|uio_pdrv_genirq|uio_dmem_genirq|uio_hv_generic|igb_uio|pci-stub|pciback)$/.test(driver)
  );
}
