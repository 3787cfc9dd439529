import { isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import type { FunctionSubject } from '../check';

/** PCI Express Base Specification 6.0, sections 7.6.1 and 7.7.11: the first extended capability, and the id of ACS. */
const [FIRST, ACS] = [0x100, 0x000d];
/** There is no room for more in 4096 bytes. */
const MAX_CAPABILITIES = 480;

/**
 * Finds the ports and bridges above a function that have no Access Control Services: what is behind them can reach each
 * other past the IOMMU, and is in one group. Only ports that are awake are asked, and only as root the kernel answers.
 */
export function portsWithoutAcs({ tree, device, config }: FunctionSubject): string[] {
  const ports = (tree.link(pciPath(device.address)) ?? '').split('/').slice(0, -1).filter(isPciAddress);
  return ports.filter((port) => tree.text(pciPath(port, 'power_state')) === 'D0' && hasAcs(port) === false);

  /** Null where it cannot be read. */
  function hasAcs(port: string): boolean | null {
    let offset = FIRST;
    for (let count = 0; count < MAX_CAPABILITIES && offset >= FIRST; count++) {
      const header = config(port, offset, 4)?.readUInt32LE(0);
      if (header === undefined) return null;
      // All zeros: no extended capabilities. All ones: none is answered.
      if (header === 0 || header === 0xffff_ffff) return false;
      if ((header & 0xffff) === ACS) return true;
      offset = (header >>> 20) & 0xffc;
    }
    return false;
  }
}
