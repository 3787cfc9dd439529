import type { UsbDeviceInfo } from '../../model/device';

/** Matches a USB device by its ids. They are hex digits: nothing of the device's own text. */
export function udevIds({ vendorId, deviceId }: UsbDeviceInfo): string {
  return `ATTR{idVendor}=="${vendorId ?? '*'}", ATTR{idProduct}=="${deviceId ?? '*'}"`;
}

/** Makes a udev rule that gives the user who is logged in access. */
export function udevRule(device: UsbDeviceInfo): string {
  return `SUBSYSTEM=="usb", ${udevIds(device)}, TAG+="uaccess", MODE="0660"`;
}
