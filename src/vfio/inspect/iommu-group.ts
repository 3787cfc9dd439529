import { comparePciAddresses, isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { isVfioDriver } from './drivers';

export const IOMMU_GROUPS = '/sys/kernel/iommu_groups';

/** drivers/vfio/group.c names the groups so that it makes up where there is no IOMMU. */
const NOIOMMU_NAME = 'vfio-noiommu';

/** Drivers beside VFIO's own that leave DMA alone (`driver_managed_dma`), so that the group can be given away. */
const HARMLESS_DRIVERS = new Set(['pci-stub', 'pcieport']);

/** Errors that a group keeps: each of its members repeats them. */
const MAX_ERRORS = 10;

/** Classes with a bridge's header (type 1 or 2): PCI, CardBus and semi-transparent PCI bridges. */
export const BRIDGE_CLASS = /^06(?:04|07|09)/;

/** Where a group is opened; that of a group that VFIO made up has a name that says so (drivers/vfio/group.c). */
export function groupNode(number: number, noiommu: boolean): string {
  return `/dev/vfio/${noiommu ? 'noiommu-' : ''}${number}`;
}

export interface GroupMember {
  /** Its name on its bus: `0000:00:03.0`, or what a platform device is called. */
  name: string;
  driver: string | null;
  /** Whether it keeps the group from being given to user space. */
  blocks: boolean;
}

/** What sysfs tells of an IOMMU group. */
export interface IommuGroup {
  number: number;
  /** The default domain: `DMA-FQ`, `DMA`, `identity`...; null on kernels before 5.11. */
  type: string | null;
  /** A group made up by VFIO for a device that no IOMMU isolates. */
  noiommu: boolean;
  /** PCI functions by address, then all others by name. */
  members: readonly GroupMember[];
  /** The names of all members. */
  devices: string[];
  /** The names of those that block. */
  blockers: string[];
  /** Whether nobody blocks; null where that could not be found out. */
  viable: boolean | null;
  /** The first of them. */
  errors: readonly ReadError[];
}

/** The IOMMU groups of a machine, each read once: a listing asks for a group as often as it has members. */
export class IommuGroups {
  readonly #sys: SysTree;
  readonly #groups = new Map<number, IommuGroup>();

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  /** The numbers of all groups, ascending. */
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
 * The kernel's own rule (driver_managed_dma since 5.19, vfio_dev_viable() before): a member blocks when a driver that
 * is not known to be harmless has it. Bridges never do, whatever drives them. A bridge is known here by its class and
 * not by its header type, because reading `config` resumes a sleeping function.
 */
function readMember(reader: AttributeReader, group: string, name: string): GroupMember {
  const dir = isPciAddress(name) ? pciPath(name) : `${group}/devices/${name}`;
  const driver = reader.linkName(`${dir}/driver`);
  const harmless = driver === null || isVfioDriver(driver) || HARMLESS_DRIVERS.has(driver);
  return { name, driver, blocks: !harmless && !BRIDGE_CLASS.test(reader.hex(`${dir}/class`, 6) ?? '') };
}
