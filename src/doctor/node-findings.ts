import { shellWord } from '../text/shell';
import { isGroupName } from '../udev/rule';
import { command, type Finding } from './check';
import { containerOf } from './container';
import type { Evidence } from './evidence';

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

/** Read and write, for the group. */
const GROUP_RW = 0o060;

function closed(
  tree: Evidence,
  path: string,
  access: 'r' | 'none',
  proof: string,
  lasting: readonly string[],
): Finding {
  const permissions = tree.sys.permissions(path);
  const group = permissions === null ? null : groupName(tree, permissions.gid);
  const owner =
    permissions === null
      ? ''
      : `; mode 0${permissions.mode.toString(8).padStart(3, '0')}, owner ${permissions.uid}, group ${group ?? permissions.gid}`;
  // Root's own group is for nobody else.
  const isForGroup = group !== null && permissions?.gid !== 0 && ((permissions?.mode ?? 0) & GROUP_RW) === GROUP_RW;
  return {
    id: 'node-closed',
    severity: 'blocks',
    seen: [{ path, value: `${access === 'r' ? 'you may read' : 'you may neither read nor write'}${owner}` }],
    means: `This user may not read and write ${path}${isForGroup ? `, which the group ${group} may` : ''}.`,
    prevents: 'opening it: the kernel answers EACCES',
    mend: [
      // The new shell is in the group; all others are from the next login on.
      ...(isForGroup ? [command(`sudo usermod -aG ${group} "$USER" && newgrp ${group}`)] : []),
      command(`sudo chown "$USER" ${shellWord(path)}`),
      ...lasting.map(command),
    ],
    proof,
  };
}

/** Names a group by /etc/group (group(5)); null where it is not there, or called as no group should be. */
function groupName(tree: Evidence, gid: number): string | null {
  const lines = (tree.text('/etc/group') ?? '').split('\n').map((line) => line.split(':'));
  const name = lines.find(([, , number]) => number === String(gid))?.[0] ?? '';
  return isGroupName(name) ? name : null;
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
    } else yield closed(tree, path, access, proof, lasting);
  }
}
