import type { KernelDevice } from '../../model/device';
import { isPciAddress } from '../../pci/address';
import { AttributeReader } from '../../sys/readers/attributes';
import { readMounts } from '../../sys/readers/mounts';
import type { SysTree } from '../../sys/sys';
import { classDevices, multipathDisks } from './class-devices';
import { netState } from './network';
import { type StorageState, StorageUses } from './storage';

/** Classes that are read: NVMe controllers lead to disks that are elsewhere in sysfs. */
const CLASSES = ['net', 'block', 'nvme'];

/** The paths of a disk with native multipath, which nobody opens: nvme0c1n1. */
const HIDDEN = /^nvme\d+c\d+n\d+/;

/** States of a disk's partitions, what counts most first. */
const STATES: readonly StorageState[] = ['mounted', 'swap', 'member'];

/** Finds the interfaces and disks of all functions, by address, from sysfs and procfs alone: no node is opened. */
export function kernelDevices(sys: SysTree): Map<string, KernelDevice[]> {
  const reader = new AttributeReader(sys);
  const storage = new StorageUses(() => false, reader, readMounts(reader));
  const found = new Map<string, KernelDevice[]>();
  /** States of partitions by the name of their disk. */
  const partitions = new Map<string, Set<StorageState>>();
  const disks: { address: string; device: KernelDevice }[] = [];
  const add = (address: string, device: KernelDevice) => found.set(address, [...(found.get(address) ?? []), device]);
  for (const { path, device } of classDevices(reader, CLASSES)) {
    const address = path.findLast(isPciAddress);
    if (address === undefined) continue;
    const { kind, name, dir } = device;
    if (kind === 'net') {
      const { up, master } = netState(reader, dir);
      add(address, { kind, name, state: up === true || master !== null ? 'active' : null });
    }
    for (const disk of kind === 'block' ? [device] : kind === 'nvme' ? multipathDisks(reader, [device]) : []) {
      if (HIDDEN.test(disk.name)) continue;
      const state = storage.stateOf(disk);
      const parent = parentDisk(reader, disk.dir, disk.name);
      if (parent !== null) {
        if (state !== null) partitions.set(parent, (partitions.get(parent) ?? new Set()).add(state));
        continue;
      }
      disks.push({ address, device: { kind: 'block', name: disk.name, state } });
    }
  }
  for (const { address, device } of disks) {
    const states = partitions.get(device.name);
    add(address, { ...device, state: device.state ?? STATES.find((state) => states?.has(state)) ?? null });
  }
  return found;
}

/** Returns the disk that a partition is on; null for a disk. The path of a partition leads through its disk. */
function parentDisk(reader: AttributeReader, dir: string, name: string): string | null {
  const path = reader.link(dir)?.split('/') ?? [];
  const parent = path[path.lastIndexOf(name) - 1];
  return parent !== undefined && name.startsWith(parent) && /^p?\d+$/.test(name.slice(parent.length)) ? parent : null;
}
