import { hexDigits } from '../text/hex';

/** Addresses of PCI functions as the kernel writes them: `0000:00:03.0`, domain, bus, device and function in hex. */

export interface PciAddress {
  /** Up to 32 bits: Intel's VMD and Hyper-V number theirs from 0x10000. */
  domain: number;
  bus: number;
  device: number;
  function: number;
}

const ADDRESS = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i;

/** Reads `0000:00:03.0`, or `00:03.0` in domain 0; null if it is no such address. */
export function parsePciAddress(text: string): PciAddress | null {
  const match = ADDRESS.exec(text);
  if (match === null) return null;
  const [, domain = '0', bus = '', device = '', fn = ''] = match;
  const address = {
    domain: Number.parseInt(domain, 16),
    bus: Number.parseInt(bus, 16),
    device: Number.parseInt(device, 16),
    function: Number.parseInt(fn, 16),
  };
  return address.device < 32 ? address : null;
}

/** Writes an address as the kernel does in /sys/bus/pci/devices. */
export function formatPciAddress(address: PciAddress): string {
  return `${hexDigits(address.domain, 4)}:${hexDigits(address.bus, 2)}:${hexDigits(address.device, 2)}.${address.function}`;
}

/** Four digits of domain, or more that do not begin with 0. */
const KERNEL_NAME = /^(?:[0-9a-f]{4}|[1-9a-f][0-9a-f]{4,7}):[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

/** Tells whether a name is an address exactly as the kernel writes it. */
export function isPciAddress(name: string): boolean {
  return KERNEL_NAME.test(name);
}

/** Compares for sort(): addresses as the kernel writes them by number, then all other names by their letters. */
export function comparePciAddresses(a: string, b: string): number {
  const first = isPciAddress(a);
  if (first !== isPciAddress(b)) return first ? -1 : 1;
  // Digits sort as letters do, except that a longer domain is a greater one.
  if (first && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
