import type { UsbDeviceInfo } from '../../model/device';
import { parseUsbAddress } from '../inspect/address';

/** A note in the journal: the interfaces that a process takes from their drivers. */
export interface TakenInterfaces {
  kind: 'usb';
  /** `1-2` */
  address: string;
  /** Number and ids of the device: another may be in its place later. */
  device: string;
  /** The drivers of its interfaces before, by bInterfaceNumber. */
  drivers: [intf: number, driver: string][];
}

/** Returns what tells whether a port still has the same device, plugged in once: `3 1d6b:0104`. */
export function plugOf({ usb, vendorId, deviceId }: UsbDeviceInfo): string {
  return `${usb.device} ${vendorId}:${deviceId}`;
}

export function takenOf(device: UsbDeviceInfo, drivers: ReadonlyMap<number, string>): TakenInterfaces {
  return { kind: 'usb', address: device.address, device: plugOf(device), drivers: [...drivers] };
}

/** Reads a note. @returns null where it is about something else, or none that can be right */
export function asTaken(what: unknown): TakenInterfaces | null {
  if (typeof what !== 'object' || what === null) return null;
  const { kind, address, device, drivers } = what as { [name: string]: unknown };
  if (kind !== 'usb' || typeof address !== 'string' || typeof device !== 'string' || !Array.isArray(drivers))
    return null;
  if (parseUsbAddress(address) === null || !drivers.every(isDriver)) return null;
  return { kind, address, device, drivers };
}

function isDriver(entry: unknown): entry is [number, string] {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [intf, driver] = entry;
  return Number.isInteger(intf) && intf >= 0 && intf <= 0xff && typeof driver === 'string';
}
