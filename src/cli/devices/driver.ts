import type { DeviceInfo } from '../../model/device';

/** The driver of a device, or all drivers of a USB device's interfaces; null where there is none. */
export function driverText(device: DeviceInfo, separator = ','): string | null {
  return device.framework === 'usb' ? device.drivers.join(separator) || null : device.driver;
}
