import { IOMMU_GROUPS } from '../../vfio/inspect/iommu-group';
import { firmwareRequirement, reservedRegions } from '../../vfio/inspect/reserved-regions';
import type { Check, FunctionSubject } from '../check';

/** Memory of the group that the firmware needs mapped one to one: an RMRR of Intel's, an IVMD of AMD's. */
export const firmwareRegion: Check<FunctionSubject> = {
  ids: ['firmware-region'],
  about: 'firmware regions',
  *run({ tree, device }) {
    const group = device.pci.iommuGroup;
    if (group === null) return;
    const path = `${IOMMU_GROUPS}/${group}/reserved_regions`;
    tree.need(path);
    const regions = reservedRegions(tree, group);
    const reason = firmwareRequirement(regions);
    if (reason === null) return;
    yield {
      id: 'firmware-region',
      severity: 'blocks',
      seen: regions
        .filter(({ type }) => type === 'direct')
        .map(({ start, end, type }) => ({ path, value: `${start} ${end} ${type}` })),
      means: `${reason[0]?.toUpperCase()}${reason.slice(1)}.`,
      prevents: 'opening any device of the group through VFIO',
      mend: [
        {
          kind: 'firmware',
          text: 'look for a setting that ends the use of the device by the firmware (shared memory, management, USB legacy support), or an update of it; no kernel setting does',
        },
      ],
      proof: `cat ${path}`,
    };
  },
};
