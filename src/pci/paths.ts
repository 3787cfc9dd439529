/** The functions by address, as links. */
export const PCI_DEVICES = '/sys/bus/pci/devices';
/** The drivers by name. */
export const PCI_DRIVERS = '/sys/bus/pci/drivers';

/** Returns the directory of a function in sysfs, or the path of an attribute in it. */
export function pciPath(address: string, attribute?: string): string {
  return attribute === undefined ? `${PCI_DEVICES}/${address}` : `${PCI_DEVICES}/${address}/${attribute}`;
}
