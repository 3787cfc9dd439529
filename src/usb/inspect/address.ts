import type { UsbDeviceInfo } from '../../model/device';

/** Names in /sys/bus/usb/devices: root hubs `usb1`, devices `1-2.3`, interfaces `1-2.3:1.0`. All numbers are decimal. */

export interface UsbAddress {
  bus: number;
  /** Port numbers from the root hub to the device; empty for a root hub. */
  ports: number[];
}

export interface UsbInterfaceAddress {
  /** The whole name: `1-2.3:1.0`. */
  name: string;
  /** The name of its device: `1-2.3`, `usb1`. */
  device: string;
  /** bConfigurationValue of its configuration. */
  configuration: number;
  /** bInterfaceNumber. */
  number: number;
}

/** Null if a name is no device's. */
export function parseUsbAddress(name: string): UsbAddress | null {
  const match = /^(?:usb(\d{1,9})|(\d{1,9})-([1-9]\d{0,8}(?:\.[1-9]\d{0,8})*))$/.exec(name);
  if (match === null) return null;
  const [, rootHub, bus, ports] = match;
  return { bus: Number(rootHub ?? bus), ports: ports?.split('.').map(Number) ?? [] };
}

/** Null if a name is no interface's. */
export function parseUsbInterface(name: string): UsbInterfaceAddress | null {
  const match = /^(\d{1,9})-(\d{1,9}(?:\.\d{1,9})*):(\d{1,3})\.(\d{1,3})$/.exec(name);
  if (match === null) return null;
  const [, bus = '', ports = '', configuration, number] = match;
  // A root hub has no port of its own: its interface is `1-0:1.0`.
  const device = ports === '0' ? `usb${bus}` : `${bus}-${ports}`;
  return { name, device, configuration: Number(configuration), number: Number(number) };
}

/** Returns a bus or device number as node paths below /dev/bus/usb have it: `003`. */
export function threeDigits(number: number): string {
  return String(number).padStart(3, '0');
}

/** Returns the name of an interface in the active configuration: `1-2:1.0`; a root hub's is `1-0:1.0`. */
export function interfaceName({ address, usb }: UsbDeviceInfo, number: number): string {
  const ports = usb.ports.length === 0 ? `${usb.bus}-0` : address;
  return `${ports}:${usb.configuration ?? 0}.${number}`;
}

/** For sort(): by bus, a hub before what hangs on it, ports by number. */
export function compareUsbAddresses(a: UsbAddress, b: UsbAddress): number {
  if (a.bus !== b.bus) return a.bus - b.bus;
  for (const [depth, port] of a.ports.entries()) {
    const other = b.ports[depth];
    if (other === undefined) return 1;
    if (port !== other) return port - other;
  }
  return a.ports.length - b.ports.length;
}
