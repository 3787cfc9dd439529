import { pciPath } from '../../pci/paths';
import { isVfioDriver } from '../../vfio/inspect/drivers';
import type { Check, FunctionSubject } from '../check';

/** A virtual function whose physical function VFIO has: its owner gives out a token (UUID), without which none opens. */
export const virtualFunction: Check<FunctionSubject> = {
  ids: ['vf-token-needed'],
  about: 'VF token',
  *run({ tree, device: { address } }) {
    const physical = tree.linkName(pciPath(address, 'physfn'));
    if (physical === null) return;
    const driver = tree.linkName(pciPath(physical, 'driver'));
    if (!isVfioDriver(driver)) return;
    yield {
      id: 'vf-token-needed',
      severity: 'limits',
      seen: [
        { path: pciPath(address, 'physfn'), value: physical },
        { path: pciPath(physical, 'driver'), value: driver ?? '' },
      ],
      means: `VFIO has the physical function, ${physical}, too: the program that has it open sets a token (a UUID).`,
      prevents: 'opening the virtual function without that token (--vf-token): the kernel answers EACCES',
      mend: [],
      proof: null,
    };
  },
};
