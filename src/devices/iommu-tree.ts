import type { Names } from '../names/database';
import { isPciAddress } from '../pci/address';
import { type PciNode, pciHierarchy } from '../pci/hierarchy';
import type { ReadError } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { BRIDGE_CLASS } from '../vfio/inspect/iommu-group';
import { type GroupReport, listGroups } from './iommu-groups';
import { listPci } from './pci-functions';

/** A root bus, a bridge or another function, with all that is behind it. */
export interface IommuTreeNode {
  /** `pci0000:00` for a root bus, else the function's. */
  address: string;
  kind: 'bus' | 'bridge' | 'function';
  vendorId: string | null;
  deviceId: string | null;
  name: string;
  driver: string | null;
  /** Number of the IOMMU group; null for a bus, and for a function that is in none. */
  group: number | null;
  /** Whether its driver keeps the group from being given to user space. */
  blocks: boolean;
  /** Attributes that could not be read. */
  errors: ReadError[];
  children: IommuTreeNode[];
}

export interface TreeGroup extends GroupReport {
  /** Whether its members are in more than one branch of the tree, or in none as a platform device. */
  split: boolean;
}

/** The PCI hierarchy of a machine with its IOMMU groups, as `udrv vfio groups --tree` shows it. */
export interface IommuTree {
  roots: IommuTreeNode[];
  groups: TreeGroup[];
  holdersComplete: boolean;
  /** Set where the functions themselves could not be listed. */
  errors: ReadError[];
}

/** Reads the PCI hierarchy and the IOMMU groups from sysfs and procfs alone. */
export function readIommuTree(sys: SysTree, names: Names): IommuTree {
  const errors: ReadError[] = [];
  const functions = new Map(listPci(sys, names, { errors }).map((device) => [device.address, device]));
  const { groups, holdersComplete } = listGroups(sys, names);
  const blockers = new Set(groups.flatMap((group) => group.blockers));
  const roots = pciHierarchy(sys, [...functions.keys()]).map(nodeOf);
  const split = splitGroups(roots, groups);
  return {
    roots,
    groups: groups.map((group) => ({ ...group, split: split.has(group.group) })),
    holdersComplete,
    errors,
  };

  function nodeOf({ name: address, children }: PciNode): IommuTreeNode {
    const device = functions.get(address);
    return {
      address,
      // One that is known from a path alone has others behind it.
      kind: !isPciAddress(address) ? 'bus' : isBridge(device?.pci.class) ? 'bridge' : 'function',
      vendorId: device?.vendorId ?? null,
      deviceId: device?.deviceId ?? null,
      name: device?.name ?? address,
      driver: device?.driver ?? null,
      group: device?.pci.iommuGroup ?? null,
      blocks: blockers.has(address),
      errors: device?.errors ?? [],
      children: children.map(nodeOf),
    };
  }
}

/** @param classCode undefined for a bridge that is known from the paths of others alone */
function isBridge(classCode: string | null | undefined): boolean {
  return classCode === undefined || BRIDGE_CLASS.test(classCode?.slice('0x'.length) ?? '');
}

/**
 * Returns the groups whose members are in more than one branch. A bridge and members behind it are one branch, and so are
 * members behind the same bridge.
 */
function splitGroups(roots: readonly IommuTreeNode[], groups: readonly GroupReport[]): Set<number> {
  const branches = new Map<number, Set<IommuTreeNode | string>>();
  const add = (group: number, branch: IommuTreeNode | string) =>
    branches.set(group, (branches.get(group) ?? new Set()).add(branch));
  for (const root of roots) visit(root, 'top');
  for (const { group, devices } of groups)
    if (devices.some(({ address }) => !isPciAddress(address))) add(group, 'other buses');
  return new Set([...branches].filter(([, { size }]) => size > 1).map(([group]) => group));

  /** Notes the branches of the last members downwards. @returns the groups that have members here or behind */
  function visit(node: IommuTreeNode, parent: IommuTreeNode | string): Set<number> {
    const found = new Set(node.children.flatMap((child) => [...visit(child, node)]));
    if (node.group === null) return found;
    if (!found.has(node.group)) add(node.group, parent);
    return found.add(node.group);
  }
}
