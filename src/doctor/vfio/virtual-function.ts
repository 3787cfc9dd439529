import { pciPath } from '../../pci/paths';
import { isVfioDriver } from '../../vfio/inspect/drivers';
import type { Check, FunctionSubject } from '../check';
import type { Evidence } from '../evidence';

/** The first kernel whose character devices ask for a token (VFIO_DEVICE_BIND_IOMMUFD); groups have asked since 5.7. */
const ASKS = [6, 17] as const;

/** A virtual function whose physical function VFIO has: its owner gives out a token (UUID), without which none opens. */
export const virtualFunction: Check<FunctionSubject> = {
  ids: ['vf-token-needed'],
  about: 'VF token',
  *run({ tree, device }) {
    const { address } = device;
    const physical = tree.linkName(pciPath(address, 'physfn'));
    if (physical === null) return;
    const driver = tree.linkName(pciPath(physical, 'driver'));
    if (!isVfioDriver(driver)) return;
    const hasOpenDoor = device.framework === 'vfio' && device.vfio.cdev !== null && isBefore(tree, ASKS);
    yield {
      id: 'vf-token-needed',
      severity: hasOpenDoor ? 'note' : 'limits',
      seen: [
        { path: pciPath(address, 'physfn'), value: physical },
        { path: pciPath(physical, 'driver'), value: driver ?? '' },
      ],
      means: `VFIO has the physical function, ${physical}, too: the program that has it open sets a token (a UUID).${hasOpenDoor ? ' Before Linux 6.17 its character device asks for none.' : ''}`,
      prevents: `opening the virtual function ${hasOpenDoor ? 'through its group ' : ''}without that token (--vf-token): the kernel answers EACCES`,
      mend: [],
      proof: null,
    };
  },
};

/** Tells whether the kernel is certainly older than a version. */
function isBefore(tree: Evidence, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(tree.text('/proc/sys/kernel/osrelease') ?? '') ?? [];
  if (first === undefined) return false;
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}
