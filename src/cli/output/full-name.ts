import type { DeviceInfo } from '../../model/device';
import type { Names } from '../../names/database';

/** A device's name; a UIO device is named by its driver, so what its PCI ids mean is added. */
export function fullName({ framework, name, vendorId, deviceId }: DeviceInfo, names: Names): string {
  if (framework !== 'uio') return name;
  const { vendor, device } = names.pciName(vendorId, deviceId);
  return vendor === null && device === null ? name : `${name} (${[vendor, device].filter(Boolean).join(' ')})`;
}
