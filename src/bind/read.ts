import { isPciAddress } from '../pci/address';
import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { devicePath } from './bus';
import type { Binding } from './plan';

/** Reads the present binding of a device. */
export function readBinding(sys: SysTree, address: string): Binding {
  const reader = new AttributeReader(sys);
  const dir = devicePath(sys, address);
  const override = reader.text(`${dir}/driver_override`);
  return { driver: reader.linkName(`${dir}/driver`), override: override === '(null)' ? null : override };
}

/** Reads what tells whether an address still has the same device: `1b36:0010`, the alias for modules on other buses than PCI. */
export function readIdentity(sys: SysTree, address: string): string {
  const reader = new AttributeReader(sys);
  if (!isPciAddress(address)) return reader.text(devicePath(sys, address, 'modalias')) ?? address;
  const dir = pciPath(address);
  return `${reader.hex(`${dir}/vendor`, 4)}:${reader.hex(`${dir}/device`, 4)}`;
}

/** Tells whether a device is in an IOMMU group, be it one that VFIO made up. */
export function isInGroup(sys: SysTree, address: string): boolean {
  return new AttributeReader(sys).linkName(devicePath(sys, address, 'iommu_group')) !== null;
}

/** Whether a function is a bridge, of any kind: base class 06. */
export function isBridge(sys: SysTree, address: string): boolean {
  return new AttributeReader(sys).hex(pciPath(address, 'class'), 6)?.startsWith('06') === true;
}
