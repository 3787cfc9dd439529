/**
 * The kernel's names in /sys/bus/usb/devices: root hubs `usb1`, devices `1-2.3`, interfaces `1-2.3:1.0`. All numbers are
 * decimal.
 */
import type { UsbDeviceInfo } from '../../model/device';
import { hex } from '../../text/hex';

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

/** Parses the name of a device. @returns null if it is none */
export function parseUsbAddress(name: string): UsbAddress | null {
  const match = /^(?:usb(\d{1,9})|(\d{1,9})-([1-9]\d{0,8}(?:\.[1-9]\d{0,8})*))$/.exec(name);
  if (match === null) return null;
  const [, rootHub, bus, ports] = match;
  return { bus: Number(rootHub ?? bus), ports: ports?.split('.').map(Number) ?? [] };
}

/** Parses the name of an interface. @returns null if it is none */
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

/** Returns the name of an interface of the active configuration: `1-2:1.0`; a root hub's is `1-0:1.0`. @param intf bInterfaceNumber */
export function interfaceName({ address, usb }: UsbDeviceInfo, intf: number): string {
  return `${usb.ports.length === 0 ? `${usb.bus}-0` : address}:${usb.configuration ?? 0}.${intf}`;
}

/** Returns the name of an endpoint, as in the model: `0x81`. @param address bEndpointAddress */
export function endpointName(address: number): string {
  return hex(address, 2);
}

/** Compares for sort(): by bus, a hub before the devices behind it, ports by number. */
export function compareUsbAddresses(a: UsbAddress, b: UsbAddress): number {
  if (a.bus !== b.bus) return a.bus - b.bus;
  for (const [depth, port] of a.ports.entries()) {
    const other = b.ports[depth];
    if (other === undefined) return 1;
    if (port !== other) return port - other;
  }
  return a.ports.length - b.ports.length;
}
