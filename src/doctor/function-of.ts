import type { Subject } from './check';

/** Returns the address of the PCI function that a question is about; null where it is about another thing. */
export function functionOf(device: Subject['device']): string | null {
  if (device === null) return null;
  if (device.framework === 'pci' || device.framework === 'vfio') return device.address;
  return device.framework === 'uio' ? device.uio.parent : null;
}
