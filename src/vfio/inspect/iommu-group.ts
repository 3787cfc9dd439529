import { comparePciAddresses, isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { Access, SysTree } from '../../sys/sys';
import { isServedByVfio } from './drivers';

export const IOMMU_GROUPS = '/sys/kernel/iommu_groups';

/** Name of the groups that VFIO makes up without an IOMMU (drivers/vfio/group.c). */
const NOIOMMU_NAME = 'vfio-noiommu';

/** Drivers beside VFIO's own that do no DMA (`driver_managed_dma`): they do not block the group. */
const HARMLESS_DRIVERS = new Set(['pci-stub', 'pcieport']);

/** Errors that a group keeps at most: each of its members repeats them. */
const MAX_ERRORS = 10;

/** Classes with a bridge's header (type 1 or 2): PCI, CardBus and semi-transparent PCI bridges. */
export const BRIDGE_CLASS = /^06(?:04|07|09)/;

/** Returns the node of a group. @param noiommu for a group that VFIO made up, whose node has another name (drivers/vfio/group.c) */
export function groupNode(number: number, noiommu: boolean): string {
  return `/dev/vfio/${noiommu ? 'noiommu-' : ''}${number}`;
}

/** Returns the calling user's access to the node of a group; null where there is none. */
export function groupAccess(sys: SysTree, node: string, noiommu: boolean): Access | null {
  if (!noiommu) return sys.access(node);
  // Few machines have such a group.
  const { noiommuAccess } = require('./noiommu-node') as typeof import('./noiommu-node');
  return noiommuAccess(sys, node);
}

export interface GroupMember {
  /** Name on its bus: `0000:00:03.0`, or a platform device's. */
  name: string;
  driver: string | null;
  /** Whether its driver keeps the group from being given to user space. */
  blocks: boolean;
}

/** An IOMMU group, from sysfs. */
export interface IommuGroup {
  number: number;
  /** Default domain: `DMA-FQ`, `DMA`, `identity`...; null on kernels before 5.11. */
  type: string | null;
  /** Set for a group that VFIO made up for a device that no IOMMU isolates. */
  noiommu: boolean;
  /** PCI functions by address, then all others by name. */
  members: readonly GroupMember[];
  /** Names of all members. */
  devices: string[];
  /** Names of the members that block it. */
  blockers: string[];
  /** Whether no member blocks it; null if a member could not be read. */
  viable: boolean | null;
  /** The first errors, ten at most. */
  errors: readonly ReadError[];
}

/** IOMMU groups of a machine, each read once: a listing asks for a group as often as it has members. */
export class IommuGroups {
  readonly #sys: SysTree;
  readonly #groups = new Map<number, IommuGroup>();

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  /** Returns the numbers of all groups, ascending. */
  numbers(): number[] {
    return new AttributeReader(this.#sys)
      .names(IOMMU_GROUPS)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  get(number: number): IommuGroup {
    let group = this.#groups.get(number);
    if (group === undefined) {
      group = readGroup(new AttributeReader(this.#sys), number);
      this.#groups.set(number, group);
    }
    return group;
  }
}

function readGroup(reader: AttributeReader, number: number): IommuGroup {
  const dir = `${IOMMU_GROUPS}/${number}`;
  const noiommu = reader.text(`${dir}/name`) === NOIOMMU_NAME;
  const type = reader.text(`${dir}/type`);
  const { length } = reader.errors;
  const devices = reader.names(`${dir}/devices`).sort(comparePciAddresses);
  const members = devices.map((name) => readMember(reader, dir, name));
  const blockers = members.filter((member) => member.blocks).map((member) => member.name);
  // A member that cannot be read, or a group that shows none, may still be blocked.
  const certain = members.length > 0 && reader.errors.length === length;
  const viable = blockers.length > 0 ? false : certain ? true : null;
  return { number, type, noiommu, members, devices, blockers, viable, errors: reader.errors.slice(0, MAX_ERRORS) };
}

/**
 * Reads a member, and applies the kernel's own rule (driver_managed_dma since 5.19, vfio_dev_viable() before): it blocks
 * the group if it has a driver that is not known to be harmless. Bridges never do, with any driver. A bridge is known
 * here by its class and not by its header type, because reading `config` resumes a sleeping function.
 */
function readMember(reader: AttributeReader, group: string, name: string): GroupMember {
  const dir = isPciAddress(name) ? pciPath(name) : `${group}/devices/${name}`;
  const driver = reader.linkName(`${dir}/driver`);
  const blocks =
    driver !== null &&
    !HARMLESS_DRIVERS.has(driver) &&
    !isServedByVfio(reader, dir, driver) &&
    !BRIDGE_CLASS.test(reader.hex(`${dir}/class`, 6) ?? '');
  return { name, driver, blocks };
}
