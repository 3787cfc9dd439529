import type { PciAttributes, PciDeviceInfo, VfioDeviceInfo } from '../model/device';
import type { Names } from '../names/database';
import { comparePciAddresses, formatPciAddress, isPciAddress, type PciAddress, parsePciAddress } from '../pci/address';
import { inspectPciInfo } from '../pci/inspect';
import { PCI_DEVICES, pciPath } from '../pci/paths';
import { AttributeReader, type ReadError } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { idPair } from '../text/ids';
import { VfioInspector } from '../vfio/inspect/inspector';

export interface PciListOptions {
  /** Only the functions that user space can reach through VFIO. Costs one readlink for each of the others. */
  vfioOnly?: boolean | undefined;
  /** Takes a note where the list cannot be read. */
  errors?: ReadError[] | undefined;
}

/** Lists the PCI functions of the machine by address, those of VFIO drivers as framework `vfio`. Opens no node. */
export function listPci(
  sys: SysTree,
  names: Names,
  { vfioOnly = false, errors = [] }: PciListOptions = {},
): (PciDeviceInfo | VfioDeviceInfo)[] {
  const vfio = new VfioInspector(sys);
  const devices: (PciDeviceInfo | VfioDeviceInfo)[] = [];
  const addresses = new AttributeReader(sys, errors).names(PCI_DEVICES).filter(isPciAddress);
  for (const address of addresses.sort(comparePciAddresses)) {
    const reader = new AttributeReader(sys);
    const driver = reader.linkName(pciPath(address, 'driver'));
    if (vfioOnly && !vfio.has(address, driver)) continue;
    const device = inspectFunction(sys, names, vfio, reader, address, driver);
    if (device !== null) devices.push(device);
  }
  return devices;
}

/**
 * Reads one PCI function from sysfs alone.
 *
 * @param address may be short: `00:03.0` is in domain 0
 * @returns null if there is none
 */
export function inspectPci(
  sys: SysTree,
  names: Names,
  address: string | PciAddress,
): PciDeviceInfo | VfioDeviceInfo | null {
  const parsed = typeof address === 'string' ? parsePciAddress(address) : address;
  if (parsed === null) return null;
  const name = formatPciAddress(parsed);
  const reader = new AttributeReader(sys);
  const driver = reader.linkName(pciPath(name, 'driver'));
  return inspectFunction(sys, names, new VfioInspector(sys), reader, name, driver);
}

function inspectFunction(
  sys: SysTree,
  names: Names,
  vfio: VfioInspector,
  reader: AttributeReader,
  address: string,
  driver: string | null,
): PciDeviceInfo | VfioDeviceInfo | null {
  const dir = pciPath(address);
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
  return vendorId === null || deviceId === null ? kind : `${kind} [${idPair(vendorId, deviceId)}]`;
}
