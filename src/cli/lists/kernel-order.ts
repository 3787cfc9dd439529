import type { DeviceInfo } from '../../model/device';
import { comparePciAddresses } from '../../pci/address';
import { compareUsbAddresses } from '../../usb/inspect/address';

/** Compares for sort(), in the order of a listing: UIO devices by number, PCI functions and USB devices by address. */
export function compareDevices(a: DeviceInfo, b: DeviceInfo): number {
  if (a.framework === 'usb' && b.framework === 'usb') return compareUsbAddresses(a.usb, b.usb);
  if (a.framework === 'uio' && b.framework === 'uio') return Number(a.address.slice(3)) - Number(b.address.slice(3));
  const [left, right] = [busOf(a), busOf(b)];
  return left === right ? comparePciAddresses(a.address, b.address) : left - right;
}

const busOf = ({ framework }: DeviceInfo): number =>
  ['uio', 'pci', 'usb'].indexOf(framework === 'vfio' ? 'pci' : framework);
