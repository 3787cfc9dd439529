import { comparePciAddresses } from '../pci/address';
import { AttributeReader } from '../sys/readers/attributes';
import type { StateStore } from '../sys/state';
import type { SysTree } from '../sys/sys';
import { noGroup } from '../vfio/errors';
import { IommuGroups } from '../vfio/inspect/iommu-group';
import { mayComeIntoGroup } from '../vfio/inspect/missing-group';
import { busOf, devicePath } from './bus';
import { needsGroup } from './driver';
import { noGroupError } from './errors';
import type { BindPlan } from './plan';
import { isBridge } from './read';
import { recall } from './remember';

/** `Y`: a device that no IOMMU isolates gets a group that VFIO makes up (drivers/vfio/vfio_main.c). */
export const NOIOMMU_MODE = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';

/**
 * Returns the members of the functions' IOMMU groups that can be given to user space: no bridges, which must stay with
 * the kernel and never keep a group from being viable. A function that has yet to come into its group stands for itself.
 *
 * @throws UdrvError exit 9 for a function without group on a machine without IOMMU
 */
export function withGroups(sys: SysTree, addresses: readonly string[]): string[] {
  const reader = new AttributeReader(sys);
  const groups = new IommuGroups(sys);
  const members = new Set<string>();
  for (const address of addresses) {
    const bus = busOf(sys, address).name;
    const group = reader.linkName(devicePath(sys, address, 'iommu_group'));
    if (group === null && !mayComeIntoGroup(reader)) throw noGroupError(address);
    for (const name of group === null ? [address] : groups.get(Number(group)).devices)
      if (busOf(sys, name).name === bus && !isBridge(sys, name)) members.add(name);
  }
  return [...members].sort(comparePciAddresses);
}

/** Returns the functions themselves, and those of their IOMMU groups whose bindings are remembered. */
export function withChanged(sys: SysTree, store: StateStore, addresses: readonly string[]): string[] {
  const others = withGroups(sys, addresses).filter((address) => recall(sys, store, address) !== null);
  return [...new Set([...addresses, ...others])];
}

/**
 * Makes sure that the devices for VFIO can have an IOMMU: its drivers refuse one without, unless they were told to do
 * without, and by then the driver that served the device is gone. A device that may come into a group is tried.
 *
 * @throws UdrvError exit 9, with the reason why there is no IOMMU
 */
export function mustHaveGroups(sys: SysTree, plans: readonly BindPlan[]): void {
  const reader = new AttributeReader(sys);
  if (mayComeIntoGroup(reader)) return;
  const missing = plans.find(
    ({ address, steps }) =>
      steps.some(({ driver }) => needsGroup(driver ?? null)) &&
      reader.linkName(devicePath(sys, address, 'iommu_group')) === null,
  );
  if (missing !== undefined && reader.text(NOIOMMU_MODE) !== 'Y') throw noGroup(sys, missing.address);
}
