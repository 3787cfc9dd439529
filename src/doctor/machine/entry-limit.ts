import { type Check, command } from '../check';
import { parameterPath } from '../evidence';

/** The kernel's default: drivers/vfio/vfio_iommu_type1.c. */
const DEFAULT = 65_535;
/** Fewer than the queues and buffers of an ordinary driver. */
const LEAST = 64;

/** `dma_entry_limit` of type1: mappings that a container may have. */
export const entryLimit: Check = {
  ids: ['dma-entry-limit'],
  about: 'mapping limit',
  *run({ tree }) {
    const limit = tree.parameter('vfio_iommu_type1', 'dma_entry_limit');
    if (limit === null || !(Number(limit) < DEFAULT)) return;
    const path = parameterPath('vfio_iommu_type1', 'dma_entry_limit');
    yield {
      id: 'dma-entry-limit',
      severity: Number(limit) < LEAST ? 'blocks' : 'limits',
      seen: [{ path, value: limit }],
      means: `A container may have ${limit} mappings; the default is ${DEFAULT}.`,
      prevents: 'further mappings for DMA: ENOSPC',
      mend: [command(`echo ${DEFAULT} | sudo tee ${path}`)],
      proof: `cat ${path}`,
    };
  },
};
