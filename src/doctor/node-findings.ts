import type { DeviceInfo } from '../model/device';
import { shellWord } from '../text/shell';
import { hasDaemon } from '../udev/database';
import { isGroupName } from '../udev/rule';
import { command, type Finding, type Mend, type Seen } from './check';
import { containerOf } from './container';
import type { Evidence } from './evidence';
import { failingRules } from './failing-rules';

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

/** A node, and the directory of sysfs that has its numbers (`dev`). */
export interface DeviceNode {
  path: string;
  directory: string;
  /** Uses that are impossible where it may only be read; absent: all. */
  withoutWriting?: string;
}

/** A node that the user may not read and write. */
interface Closed {
  path: string;
  value: string;
  /** The group that may; null where none but root's. */
  group: string | null;
  /** Uses that are impossible for that; null: to open it. */
  prevents: string | null;
}

function inspect(tree: Evidence, { path, withoutWriting }: DeviceNode, access: 'r' | 'none'): Closed {
  const prevents = access === 'r' ? (withoutWriting ?? null) : null;
  const permissions = tree.sys.permissions(path);
  const may = access === 'r' ? 'you may read' : 'you may neither read nor write';
  if (permissions === null) return { path, value: may, group: null, prevents };
  const { mode, uid, gid } = permissions;
  const name = groupName(tree, gid);
  // Root's own group is for nobody else.
  const isForGroup = gid !== 0 && (mode & GROUP_RW) === GROUP_RW;
  const value = `${may}; mode 0${mode.toString(8).padStart(3, '0')}, owner ${uid}, group ${name ?? gid}`;
  return { path, value, group: isForGroup ? name : null, prevents };
}

/** One finding for all of them, as each alone still keeps the device closed. */
function closed(nodes: readonly Closed[], rules: readonly Seen[], proof: string, lasting: readonly string[]): Finding {
  const group = nodes.every((node) => node.group === nodes[0]?.group) ? (nodes[0]?.group ?? null) : null;
  const paths = nodes.map(({ path }) => path);
  const limit = nodes.every(({ prevents }) => prevents !== null) ? (nodes[0]?.prevents ?? undefined) : undefined;
  return {
    id: 'node-closed',
    severity: limit === undefined ? 'blocks' : 'limits',
    seen: [...nodes.map(({ path, value }) => ({ path, value })), ...rules],
    means: `This user may not read and write ${paths.join(' and ')}${group === null ? '' : `, which the group ${group} may`}.${rules.length === 0 ? '' : ' A rule of udev that is meant to give it does not work.'}`,
    prevents: `${limit ?? 'opening it'}: the kernel answers EACCES`,
    mend: [
      // The new shell is in the group; all others are from the next login on.
      ...(group === null ? [] : [command(`sudo usermod -aG ${group} "$USER" && newgrp ${group}`)]),
      command(`sudo chown "$USER" ${paths.map(shellWord).join(' ')}`),
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

/** Modes that the kernel's devtmpfs gives nodes; those of all others are 600. */
const MODES: readonly [RegExp, string][] = [
  [/^\/dev\/vfio\/vfio$/, '666'],
  [/^\/dev\/bus\/usb\//, '664'],
];

/** Returns the command that makes a node: udev makes none, and devtmpfs makes each once. */
export function makeNode(tree: Evidence, { path, directory }: DeviceNode): Mend[] {
  const numbers = /^(\d+):(\d+)$/.exec(tree.text(`${directory}/dev`) ?? '');
  if (numbers === null) return [];
  const mode = MODES.find(([pattern]) => pattern.test(path))?.[1] ?? '600';
  const parent = path.slice(0, path.lastIndexOf('/'));
  const make = `sudo mknod -m ${mode} ${shellWord(path)} c ${numbers[1]} ${numbers[2]}`;
  return [command(parent === '/dev' ? make : `sudo mkdir -p ${shellWord(parent)} && ${make}`)];
}

function missing(tree: Evidence, node: DeviceNode, proof: string): Finding {
  const { path } = node;
  const container = containerOf(tree);
  return {
    id: 'node-missing',
    severity: 'blocks',
    seen: [{ path, value: 'not there' }],
    means: `The kernel has the device, and its node is missing${container === null ? '' : `: this is ${container}, which was not given it`}.`,
    prevents: 'opening it',
    mend:
      container === null
        ? makeNode(tree, node)
        : [{ kind: 'firmware', text: `start the container with --device ${path}` }],
    proof,
  };
}

/**
 * Makes findings of the nodes of a device that are missing or closed to the user.
 *
 * @param rule the line that gives access for good where no udev runs; null: none
 */
export function* nodeFindings(
  tree: Evidence,
  device: DeviceInfo,
  nodes: readonly DeviceNode[],
  proof: string,
  rule: string | null = null,
): Generator<Finding> {
  const shut: Closed[] = [];
  for (const node of nodes) {
    const { path } = node;
    const access = tree.sys.access(path);
    if (access === 'rw') continue;
    if (access !== null) {
      shut.push(inspect(tree, node, access));
      continue;
    }
    // A copy of a machine may lack a node that it has; sysfs tells what there is.
    const misc = MISC.get(path);
    yield misc !== undefined && !tree.has('/sys/class/misc', misc)
      ? absent(path, misc, proof)
      : missing(tree, node, proof);
  }
  if (shut.length === 0) return;
  // It writes the rule, has udev apply it, and sees whether that worked.
  const install = hasDaemon(tree) ? `sudo udrv udev ${device.address} --install` : rule;
  yield closed(shut, failingRules(tree, device), proof, install === null ? [] : [install]);
}
