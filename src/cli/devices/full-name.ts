import type { DeviceInfo } from '../../model/device';
import type { Names } from '../../names/database';

/** Returns a device's name. That of a UIO device is its driver's, so the names of its PCI ids are added. */
export function fullName({ framework, name, vendorId, deviceId }: DeviceInfo, names: Names): string {
  if (framework !== 'uio') return name;
  const { vendor, device } = names.pciName(vendorId, deviceId);
  return vendor === null && device === null ? name : `${name} (${[vendor, device].filter(Boolean).join(' ')})`;
}
