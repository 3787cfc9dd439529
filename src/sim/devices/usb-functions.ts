import type { BaseDevice } from '../usb/bus';
import { UsbFunction } from '../usb/function';
import { UsbFtdi } from './usb-ftdi';
import { GadgetZero } from './usb-gadget-zero';
import { UsbHub } from './usb-hub';
import { UsbKeyboard } from './usb-keyboard';
import { UsbStorage } from './usb-storage';

const CLASS_HID = 0x03;
const CLASS_STORAGE = 0x08;
const CLASS_HUB = 0x09;

/**
 * Makes the function that a device of the base has, by its descriptors; one of no known kind answers standard requests
 * alone.
 */
export function usbFunction({ identity, attribute, attributeBelow, speedInPort }: BaseDevice): UsbFunction {
  const { device, configurations } = identity.descriptors;
  const [setting] = configurations[0]?.settings ?? [];
  if (device.readUInt8(4) === CLASS_HUB) {
    const isSuperSpeed = device.readUInt16LE(2) >= 0x300;
    return new UsbHub(identity, Number(attribute('maxchild')), isSuperSpeed, speedInPort);
  }
  const [vendor, product] = [device.readUInt16LE(8), device.readUInt16LE(10)];
  if (vendor === 0x0525 && product === 0xa4a0) return new GadgetZero(identity);
  if (vendor === 0x0403 && product === 0x6001) return new UsbFtdi(identity);
  // The size of its disk, and the report descriptor of its HID device.
  if (setting?.class === CLASS_STORAGE) return new UsbStorage(identity, Number(attributeBelow('size') ?? 0));
  if (setting?.class === CLASS_HID)
    return new UsbKeyboard(identity, Buffer.from(attributeBelow('report_descriptor') ?? '', 'latin1'));
  return new UsbFunction(identity);
}
