import { isPciAddress } from '../../pci/address';
import { PCI_DEVICES, pciPath } from '../../pci/paths';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { remappingRemedy, remappingSwitchedOff, remapsInterrupts } from '../../vfio/inspect/missing-remapping';
import { bootWithout, type Check, command, firmware } from '../check';
import { type Evidence, parameterPath } from '../evidence';
import { functionOf } from '../function-of';

const MODULES = ['vfio_iommu_type1', 'iommufd'] as const;
const UNSAFE = parameterPath('vfio_iommu_type1', 'allow_unsafe_interrupts');

/** Interrupts that are not remapped: a device could forge them, so that the kernel gives it to nobody. */
export const interruptRemapping: Check = {
  ids: ['interrupt-remapping-off', 'unsafe-interrupts'],
  about: 'interrupt remapping',
  *run({ tree, device }) {
    if (!isIsolated(tree, functionOf(device))) return;
    tree.need('/proc/interrupts');
    if (remapsInterrupts(tree) !== false) return;
    const parameters = (modules: readonly string[]) =>
      modules
        .map((module) => parameterPath(module, 'allow_unsafe_interrupts'))
        .filter((path) => tree.text(path) !== null);
    const isByCdev = device?.framework === 'vfio' && device.node?.startsWith('/dev/vfio/devices/') === true;
    // Each back end has a parameter of its own, and a character device is opened through iommufd.
    const allowed = parameters(isByCdev ? ['iommufd'] : MODULES).filter((path) => tree.text(path) === 'Y');
    const address = functionOf(device) ?? tree.names(PCI_DEVICES).find(isPciAddress) ?? '';
    const off = remappingSwitchedOff(tree);
    const seen = [
      { path: '/proc/interrupts', value: 'no controller begins with IR-' },
      ...off.map((value) => ({ path: '/proc/cmdline', value })),
    ];
    const mend = off.length > 0 ? off.map(bootWithout) : [firmware(remappingRemedy(tree.sys, tree, address))];
    const proof = 'grep IR- /proc/interrupts';
    const means = 'The platform does not remap interrupts, so a device could forge them.';
    if (allowed.length > 0)
      yield {
        id: 'unsafe-interrupts',
        severity: 'note',
        seen: [...seen, ...allowed.map((path) => ({ path, value: 'Y' }))],
        means: `${means} VFIO was told to accept that.`,
        prevents: 'trust in the isolation of devices',
        mend,
        proof,
      };
    else
      yield {
        id: 'interrupt-remapping-off',
        severity: 'blocks',
        seen,
        means: `${means} To accept that, the last way, lets a device disturb or take over the machine.`,
        prevents: 'opening devices through VFIO: the kernel answers EPERM',
        mend: [...mend, command(`echo 1 | sudo tee ${parameters(MODULES).join(' ') || UNSAFE}`)],
        proof,
      };
  },
};

/** Tells whether an IOMMU isolates the function, or any: where VFIO does without, the kernel asks for no remapping either. */
function isIsolated(tree: Evidence, address: string | null): boolean {
  const groups = new IommuGroups(tree.sys);
  const own = address === null ? null : tree.linked(pciPath(address, 'iommu_group'));
  const numbers = own === null ? groups.numbers() : [Number(own)];
  return numbers.some((number) => !groups.get(number).noiommu);
}
