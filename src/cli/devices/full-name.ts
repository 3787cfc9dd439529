import type { DeviceInfo } from '../../model/device';

/** Returns a device's name. That of a UIO device is its driver's, so the names of its PCI ids are added. */
export function fullName(device: DeviceInfo): string {
  const pciName = device.framework === 'uio' ? device.uio.pciName : null;
  return pciName === null ? device.name : `${device.name} (${pciName})`;
}
