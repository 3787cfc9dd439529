import type { Region, RegionKind } from '../model/device';
import { hex } from '../text/hex';

/** <linux/ioport.h>. */
const IORESOURCE_IO = 0x100n;
const IORESOURCE_MEM = 0x200n;

/** <linux/pci.h>: 0 to 5 are the BARs, 6 is the expansion ROM; bridge windows and SR-IOV BARs follow. */
const PCI_ROM_RESOURCE = 6;

/** The place of a region's registers: a BAR of a PCI function, with the names that errors have for it. */
export interface BarPlace {
  /** Address of the function. */
  address: string;
  /** The driver that has the function; null: none. */
  driver: string | null;
  /** `bar0` to `bar5`. */
  bar: Region;
  /** Bytes from the begin of the BAR to the region's first register. */
  offset: number;
  /** The device as the user knows it: `uio0`, or the address. */
  device: string;
  /** The region as the user knows it: `port0`, or the BAR's name. */
  region: string;
}

const LINE = /^\s*(0x[0-9a-f]{1,16})\s+(0x[0-9a-f]{1,16})\s+(0x[0-9a-f]{1,16})\s*$/i;

/**
 * Reads the sysfs attribute `resource` of a PCI function: a line for each resource with its first and last address
 * and its flags, in hex. A BAR that is not implemented, and a line that makes no sense, gives no region.
 */
export function parsePciResources(text: string): Region[] {
  const regions: Region[] = [];
  for (const [index, line] of text.split('\n', PCI_ROM_RESOURCE + 1).entries()) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [start = 0n, end = 0n, flags = 0n] = match.slice(1).map(BigInt);
    // A resource that is not there has both addresses 0, which would be one byte.
    const size = end > start ? Number(end - start) + 1 : 0;
    if (size === 0 || !Number.isSafeInteger(size)) continue;
    const rom = index === PCI_ROM_RESOURCE;
    const kind = rom ? 'rom' : kindOf(flags);
    const known = kind !== 'other';
    regions.push({
      name: rom ? 'rom' : `bar${index}`,
      kind,
      // The kernel has not placed it, or has given up on it: there is a size, but nothing to reach.
      address: start === 0n ? null : hex(start),
      size,
      offset: 0,
      read: known,
      write: known && !rom,
      mmap: kind === 'mmio',
    });
  }
  return regions;
}

function kindOf(flags: bigint): RegionKind {
  if (flags & IORESOURCE_MEM) return 'mmio';
  return flags & IORESOURCE_IO ? 'portio' : 'other';
}
