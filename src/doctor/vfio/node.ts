import { pciPath } from '../../pci/paths';
import { shellWord } from '../../text/shell';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { type Check, command, type Finding, type FunctionSubject } from '../check';
import type { Evidence } from '../evidence';
import { containerOf } from '../machine/surroundings';
import { readUser } from '../user';

/** The nodes that opening takes: the device's or its group's, and the container's or iommufd's. */
export const node: Check<FunctionSubject> = {
  ids: ['node-missing', 'node-closed', 'raw-io-needed'],
  about: 'node',
  *run({ tree, device }) {
    if (device.framework !== 'vfio' || device.node === null) return;
    if (!isServedByVfio(tree, pciPath(device.address), device.driver)) return;
    const isCdev = device.node.startsWith('/dev/vfio/devices/');
    // A copy of a machine may have no /dev at all.
    tree.list('/dev');
    const proof = `udrv vfio info ${device.address}`;
    const noiommu = device.vfio.group !== null && new IommuGroups(tree.sys).get(device.vfio.group).noiommu;
    if (noiommu && readUser(tree).hasRawIo === false) {
      yield {
        id: 'raw-io-needed',
        severity: 'blocks',
        seen: [{ path: '/proc/self/status', value: 'CapEff without CAP_SYS_RAWIO' }],
        means: 'Nothing isolates this device, so the kernel lets root alone open its group.',
        prevents: 'opening it',
        mend: [command(`sudo ${proof}`)],
        proof: `sudo ${proof}`,
      };
      return;
    }
    yield* nodeFindings(tree, [device.node, isCdev ? '/dev/iommu' : '/dev/vfio/vfio'], 'vfio', proof);
  },
};

/** Nodes of no device, and their names in /sys/class/misc. */
const MISC: ReadonlyMap<string, string> = new Map([
  ['/dev/vfio/vfio', 'vfio'],
  ['/dev/iommu', 'iommu'],
]);

function absent(path: string, misc: string, proof: string): Finding {
  const module = misc === 'iommu' ? 'iommufd' : misc;
  return {
    id: 'node-missing',
    severity: 'blocks',
    seen: [
      { path, value: 'not there' },
      { path: `/sys/class/misc/${misc}`, value: 'not there' },
    ],
    means: `The module ${module} is not loaded, which has ${path}.`,
    prevents: 'opening any device through VFIO',
    mend: [command(`sudo modprobe ${module}`)],
    proof,
  };
}

/** Makes findings of nodes that are missing or closed to the user. @param subsystem for udev */
export function* nodeFindings(
  tree: Evidence,
  nodes: readonly string[],
  subsystem: string,
  proof: string,
  lasting: readonly string[] = [],
): Generator<Finding> {
  for (const path of nodes) {
    const access = tree.sys.access(path);
    if (access === 'rw') continue;
    if (access === null) {
      // A copy of a machine may lack a node that it has; sysfs tells what there is.
      const misc = MISC.get(path);
      if (misc !== undefined && !tree.has('/sys/class/misc', misc)) {
        yield absent(path, misc, proof);
        continue;
      }
      const container = containerOf(tree);
      yield {
        id: 'node-missing',
        severity: 'blocks',
        seen: [{ path, value: 'not there' }],
        means: `The kernel has the device, and its node is missing${container === null ? '' : `: this is ${container}, which was not given it`}.`,
        prevents: 'opening it',
        mend:
          container === null
            ? [command(`sudo udevadm trigger -s ${subsystem}`)]
            : [{ kind: 'firmware', text: `start the container with --device ${path}` }],
        proof,
      };
    } else
      yield {
        id: 'node-closed',
        severity: 'blocks',
        seen: [{ path, value: access === 'r' ? 'you may read' : 'you may neither read nor write' }],
        means: `This user may not read and write ${path}.`,
        prevents: 'opening it: the kernel answers EACCES',
        mend: [command(`sudo chown "$USER" ${shellWord(path)}`), ...lasting.map(command)],
        proof,
      };
  }
}
