import type { PciAttributes, PciDeviceInfo, VfioDeviceInfo } from '../model/device';
import type { Names } from '../names/database';
import { comparePciAddresses, formatPciAddress, isPciAddress, type PciAddress, parsePciAddress } from '../pci/address';
import { inspectPciInfo, PCI_DEVICES } from '../pci/inspect';
import type { Sys } from '../sys/sys';
import { AttributeReader, type ReadError } from '../sys/sysfs';
import { VfioInspector } from '../vfio/inspect/info';

export interface PciListOptions {
  /** Only the functions that user space can reach through VFIO. Costs one readlink for each of the others. */
  vfioOnly?: boolean | undefined;
  /** Where a list that cannot be read is noted. */
  errors?: ReadError[] | undefined;
}

/** The PCI functions of the machine by address, those of VFIO drivers as framework `vfio`. Opens no node. */
export function listPci(
  sys: Sys,
  names: Names,
  { vfioOnly = false, errors = [] }: PciListOptions = {},
): (PciDeviceInfo | VfioDeviceInfo)[] {
  const vfio = new VfioInspector(sys);
  const devices: (PciDeviceInfo | VfioDeviceInfo)[] = [];
  const addresses = new AttributeReader(sys, errors).names(PCI_DEVICES).filter(isPciAddress);
  for (const address of addresses.sort(comparePciAddresses)) {
    const reader = new AttributeReader(sys);
    const driver = reader.linkName(`${PCI_DEVICES}/${address}/driver`);
    if (vfioOnly && !vfio.has(address, driver)) continue;
    const device = inspectFunction(sys, names, vfio, reader, address, driver);
    if (device !== null) devices.push(device);
  }
  return devices;
}

/**
 * One PCI function from sysfs alone.
 *
 * @param address may be short: `00:03.0` is in domain 0
 * @returns null if there is none
 */
export function inspectPci(
  sys: Sys,
  names: Names,
  address: string | PciAddress,
): PciDeviceInfo | VfioDeviceInfo | null {
  const parsed = typeof address === 'string' ? parsePciAddress(address) : address;
  if (parsed === null) return null;
  const name = formatPciAddress(parsed);
  const reader = new AttributeReader(sys);
  const driver = reader.linkName(`${PCI_DEVICES}/${name}/driver`);
  return inspectFunction(sys, names, new VfioInspector(sys), reader, name, driver);
}

function inspectFunction(
  sys: Sys,
  names: Names,
  vfio: VfioInspector,
  reader: AttributeReader,
  address: string,
  driver: string | null,
): PciDeviceInfo | VfioDeviceInfo | null {
  const dir = `${PCI_DEVICES}/${address}`;
  const pci = inspectPciInfo(reader, address);
  const facts = vfio.has(address, driver) ? vfio.inspect(reader, dir, pci.iommuGroup) : null;
  const deviceId = reader.hex(`${dir}/device`, 4);
  // Last, and every function has it: with it the function was there to the end, without it that must be asked.
  const vendorId = reader.hex(`${dir}/vendor`, 4);
  if (vendorId === null && sys.access(dir) === null) return null;
  const identity = { vendorId, deviceId, name: nameOf(names, vendorId, deviceId, pci), driver };
  const { errors } = reader;
  if (facts === null) return { address, framework: 'pci', ...identity, node: null, access: null, errors, pci };
  const { node, access } = facts;
  return { address, framework: 'vfio', ...identity, node, access, errors, vfio: facts.vfio, pci };
}

/**
 * Names a function by vendor and device. Where the database has no such device the class takes its place: the functions
 * of a new card would all have one name. Without the vendor, the class and the ids.
 */
function nameOf(names: Names, vendorId: string | null, deviceId: string | null, pci: PciAttributes): string {
  const { vendor, device } = names.pciName(vendorId, deviceId);
  if (vendor !== null && device !== null) return `${vendor} ${device}`;
  const kind = pci.className ?? 'PCI device';
  if (vendor !== null && deviceId !== null) return `${vendor} ${kind} [${deviceId}]`;
  return vendorId === null || deviceId === null ? kind : `${kind} [${vendorId}:${deviceId}]`;
}
