import type { VfioDeviceInfo } from '../../model/device';
import { findHolders, type Holder, vfioDeviceNode } from '../../sys/readers/holders';
import type { SysTree } from '../../sys/sys';
import { groupNode } from './iommu-group';

/** As many holders as a message names. */
const MAX_SHOWN = 5;

/** Who has a device or its group. */
export interface DeviceHolders {
  others: Holder[];
  /** This process does. */
  own: boolean;
  /** Whether all processes could be looked into. */
  complete: boolean;
}

/** Whichever way it was opened: by its group, under either name, by its cdev, or as a descriptor without a path. */
export function holdersOf(sys: SysTree, { address, vfio }: VfioDeviceInfo): DeviceHolders {
  const nodes = [
    ...(vfio.group === null ? [] : [groupNode(vfio.group, false), groupNode(vfio.group, true)]),
    ...(vfio.cdev === null ? [] : [`/dev/vfio/devices/${vfio.cdev}`]),
    vfioDeviceNode(address),
  ];
  const { holders, complete } = findHolders(sys, nodes);
  const others = holders.filter(({ pid }) => pid !== process.pid);
  return { others, own: others.length < holders.length, complete };
}

/** `qemu-system-x86 (pid 4711) has /dev/vfio/3`, of each process once. */
export function namesOf(holders: readonly Holder[]): string {
  const byPid = new Map(holders.map((holder) => [holder.pid, holder]));
  const shown = [...byPid.values()].slice(0, MAX_SHOWN);
  const more = byPid.size > shown.length ? [`and ${byPid.size - shown.length} more`] : [];
  return [...shown.map(({ command, pid, node }) => `${command} (pid ${pid}) has ${node}`), ...more].join(', ');
}
