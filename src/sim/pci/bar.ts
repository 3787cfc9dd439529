/** <linux/ioport.h> */
const IORESOURCE_IO = 0x100;
const IORESOURCE_MEM = 0x200;
const IORESOURCE_PREFETCH = 0x2000;
const IORESOURCE_MEM_64 = 0x100000;

/** PCI_STD_NUM_BARS */
const BARS = 6;

/** A base address register that the function implements. */
export interface PciBar {
  readonly index: number;
  readonly io: boolean;
  /** A 64-bit address: it takes the next register too. */
  readonly wide: boolean;
  readonly prefetchable: boolean;
  /** Its address on the bus. */
  readonly address: number;
  /** Its size in bytes, a power of two. */
  readonly size: number;
}

/** Parses the BARs in the `resource` attribute of a function: first and last address and flags, a line each. */
export function parseBars(resource: string): PciBar[] {
  const bars: PciBar[] = [];
  for (const [index, line] of resource.split('\n').slice(0, BARS).entries()) {
    const [start = 0, end = 0, flags = 0] = line.split(' ').map(Number);
    if ((flags & (IORESOURCE_IO | IORESOURCE_MEM)) === 0) continue;
    bars.push({
      index,
      io: (flags & IORESOURCE_IO) !== 0,
      wide: (flags & IORESOURCE_MEM_64) !== 0,
      prefetchable: (flags & IORESOURCE_PREFETCH) !== 0,
      address: start,
      size: end - start + 1,
    });
  }
  return bars;
}
