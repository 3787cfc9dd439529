import { pciPath } from '../../pci/paths';
import { BRIDGE_CLASS } from '../../vfio/inspect/iommu-group';
import type { Check, FunctionSubject } from '../check';

/** A bridge: vfio-pci takes none, and its group needs none of its kind bound. */
export const bridge: Check<FunctionSubject> = {
  ids: ['bridge'],
  about: 'class',
  *run({ tree, device: { address } }) {
    const value = tree.hex(pciPath(address, 'class'), 6) ?? '';
    if (!BRIDGE_CLASS.test(value)) return;
    yield {
      id: 'bridge',
      severity: 'blocks',
      seen: [{ path: pciPath(address, 'class'), value: `0x${value}` }],
      means: 'It is a bridge. VFIO takes none, and needs none: bridges never keep a group from being given away.',
      prevents: 'VFIO for this function',
      mend: [],
      proof: null,
    };
  },
};
