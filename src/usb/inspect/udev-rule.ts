import type { UsbDeviceInfo } from '../../model/device';

/** Makes a udev rule that gives the user who is logged in access. The ids are hex digits: nothing of the device's own text. */
export function udevRule({ vendorId, deviceId }: UsbDeviceInfo): string {
  return `SUBSYSTEM=="usb", ATTR{idVendor}=="${vendorId ?? '*'}", ATTR{idProduct}=="${deviceId ?? '*'}", TAG+="uaccess", MODE="0660"`;
}
