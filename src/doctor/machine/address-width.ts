import { pciPath } from '../../pci/paths';
import { sizeText } from '../../text/size';
import { isVirtualMachine } from '../../vfio/inspect/virtual-machine';
import { type Check, firmware } from '../check';
import type { Evidence } from '../evidence';
import { functionOf } from '../function-of';

const IOMMUS = '/sys/class/iommu';
const HUGE_PAGES = '/proc/sys/vm/nr_hugepages';
/** Bits of a process's addresses on x86-64, without five-level page tables. */
const PROCESS_BITS = 47;

/**
 * An IOMMU of Intel's whose addresses are shorter than a process's. It matters to programs that map memory at its own
 * virtual address, and who has reserved huge pages is likely to run one; all others never notice.
 */
export const addressWidth: Check = {
  ids: ['iommu-narrow'],
  about: 'address width',
  *run({ tree, device }) {
    if ((tree.number(HUGE_PAGES) ?? 0) === 0) return;
    const address = functionOf(device);
    const places =
      address === null ? tree.names(IOMMUS).map((name) => `${IOMMUS}/${name}`) : [pciPath(address, 'iommu')];
    for (const place of places) {
      const path = `${place}/intel-iommu/cap`;
      const bits = guestAddressBits(tree, path);
      if (bits === null || bits >= PROCESS_BITS) continue;
      yield {
        id: 'iommu-narrow',
        severity: 'note',
        seen: [
          { path, value: `${tree.text(path)}, MGAW ${bits}` },
          { path: HUGE_PAGES, value: tree.text(HUGE_PAGES) ?? '' },
        ],
        means: `The IOMMU translates addresses of ${bits} bits. Huge pages are reserved, and programs that use them often map memory at its own virtual address, which has up to ${PROCESS_BITS}.`,
        prevents: `mapping memory at I/O virtual addresses (IOVA) from ${sizeText(2 ** bits)} on`,
        mend: isVirtualMachine(tree)
          ? [firmware('in the hypervisor, give the IOMMU longer addresses: QEMU has -device intel-iommu,aw-bits=48')]
          : [],
        proof: `cat ${path}`,
      };
      return;
    }
  },
};

/** Reads the Maximum Guest Address Width: VT-d specification, section 11.4.2 (Capability Register), bits 21 to 16. */
function guestAddressBits(tree: Evidence, path: string): number | null {
  const capabilities = /^[0-9a-f]{1,16}$/i.exec(tree.text(path) ?? '')?.[0];
  return capabilities === undefined ? null : Number((BigInt(`0x${capabilities}`) >> 16n) & 0x3fn) + 1;
}
