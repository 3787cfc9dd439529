import { Exit, UdrvError, usageError } from '../errors';
import { parsePciAddress } from '../pci/address';
import type { Sys } from '../sys/sys';
import { AttributeReader } from '../sys/sysfs';
import { isVfioDriver } from '../vfio/inspect/drivers';

const DRIVERS = '/sys/bus/pci/drivers';
const USAGE = 'udrv bind DEVICE... DRIVER';

/**
 * A driver's name as the kernel has it. People know vfio-pci by its module too, `vfio_pci`.
 *
 * @throws UdrvError
 */
export function findDriver(sys: Sys, name: string): string {
  if (parsePciAddress(name) !== null) throw usageError(name, 'is a device: the driver comes last', USAGE);
  if (!/^[^/\0-\x1f\x7f]+$/.test(name) || name.startsWith('.')) throw usageError(name, 'is no name of a driver', USAGE);
  const drivers = new AttributeReader(sys).names(DRIVERS);
  const canonical = (text: string) => text.replaceAll('_', '-');
  const driver = drivers.includes(name) ? name : drivers.find((one) => canonical(one) === canonical(name));
  if (driver === undefined)
    throw new UdrvError('the kernel has no PCI driver of this name now', {
      code: 'ENODRIVER',
      exit: Exit.unsupported,
      subject: name,
      hint: missingHint(name, drivers),
    });
  return driver;
}

/** Drivers that people bind by name, often before they are loaded. */
const WELL_KNOWN = ['vfio-pci', 'uio_pci_generic'];

function missingHint(name: string, loaded: readonly string[]): string {
  const meant = [...WELL_KNOWN, ...loaded].find((one) => isMisspelt(bare(name), bare(one)));
  if (meant !== undefined)
    return `perhaps ${meant} is meant${loaded.includes(meant) ? '' : `; load it: sudo modprobe ${meant}`}`;
  // Modules and drivers are mostly called alike; modprobe takes either dash.
  return /^[\w-]+$/.test(name) ? `load it: sudo modprobe ${name}` : `ls ${DRIVERS} shows which there are`;
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Returns whether one letter is too much, missing or wrong, or two are swapped; dashes do not count. */
function isMisspelt(given: string, right: string): boolean {
  if (given === right) return true;
  let start = 0;
  while (start < given.length && given[start] === right[start]) start++;
  const [a, b] = [given.slice(start), right.slice(start)];
  const isSwapped = a.slice(0, 2) === `${b[1]}${b[0]}` && a.slice(2) === b.slice(2);
  return a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1) || isSwapped;
}

/** A driver that hands the device to programs, or keeps others away: none that the kernel would choose by itself. */
export function isForUserSpace(driver: string): boolean {
  return isVfioDriver(driver) || /^(?:uio_pci_generic|igb_uio|pci-stub|pciback)$/.test(driver);
}
