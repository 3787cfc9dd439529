import type { VfioDeviceInfo } from '../../model/device';
import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import { findHolders, type Holder, vfioDeviceNode } from '../../sys/readers/holders';
import type { SysTree } from '../../sys/sys';
import { groupNode } from './iommu-group';

/** Holders that a message names at most. */
const MAX_SHOWN = 5;

/** Processes that have a device or its group open. */
export interface DeviceHolders {
  others: Holder[];
  /** Whether this process is one of them. */
  own: boolean;
  /** Whether all processes could be searched. */
  complete: boolean;
}

/** Finds the processes that have a device open: by its group, under either name, by its cdev, or as a descriptor without a path. */
export function holdersOf(sys: SysTree, { address, vfio }: VfioDeviceInfo): DeviceHolders {
  const nodes = [
    ...(vfio.group === null ? [] : [groupNode(vfio.group, false), groupNode(vfio.group, true)]),
    ...(vfio.cdev === null ? [] : [`/dev/vfio/devices/${vfio.cdev}`]),
    ...(mayBeOpen(new AttributeReader(sys), address) ? [vfioDeviceNode(address)] : []),
  ];
  const { holders, complete } = findHolders(sys, nodes);
  const others = holders.filter(({ pid }) => pid !== process.pid);
  return { others, own: others.length < holders.length, complete };
}

/**
 * Tells whether a function that a VFIO driver has may be open: vfio_pci_core_enable() counts it as enabled meanwhile.
 * A mapping, and before Linux 6.18 a descriptor, does not tell its device, and is one of an open device.
 */
export function mayBeOpen(reader: AttributeReader, address: string): boolean {
  return reader.number(pciPath(address, 'enable')) !== 0;
}

/** Formats `qemu-system-x86 (pid 4711) has /dev/vfio/3`, each process once. */
export function namesOf(holders: readonly Holder[]): string {
  const byPid = new Map(holders.map((holder) => [holder.pid, holder]));
  const shown = [...byPid.values()].slice(0, MAX_SHOWN);
  const more = byPid.size > shown.length ? [`and ${byPid.size - shown.length} more`] : [];
  return [...shown.map(({ command, pid, node }) => `${command} (pid ${pid}) has ${node}`), ...more].join(', ');
}
