import { hex } from '../../text/hex';
import { parseFaults } from '../../vfio/dma/faults';
import type { Check, FunctionSubject } from '../check';
import { readable } from '../evidence';

/** Faults that a finding shows at most: a device makes thousands. */
const MAX_SHOWN = 3;

/** Accesses of the device that the IOMMU stopped, as the kernel's log has them. */
export const stoppedAccesses: Check<FunctionSubject> = {
  ids: ['dma-stopped'],
  about: 'DMA faults',
  *run({ device: { address }, log }) {
    // Intel's lines have no domain.
    const names = new Set([address, address.replace(/^0000:/, '')]);
    const faults = parseFaults(readable(log)).filter(({ device }) => device !== null && names.has(device));
    if (faults.length === 0) return;
    yield {
      id: 'dma-stopped',
      severity: 'note',
      seen: faults.slice(-MAX_SHOWN).map((fault) => ({
        path: 'kernel log',
        value: `${fault.access ?? 'access'} at ${hex(fault.address)}: ${fault.reason}`,
      })),
      means: `The IOMMU stopped ${faults.length} accesses of the device to memory that was not mapped for it, or not in that way.`,
      prevents: 'the transfers that those were part of',
      mend: [],
      proof: `udrv vfio dma-test ${address}`,
    };
  },
};
