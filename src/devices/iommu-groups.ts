import type { Names } from '../names/database';
import { isPciAddress } from '../pci/address';
import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders, type Holder } from '../sys/readers/holders';
import type { Access, SysTree } from '../sys/sys';
import { groupNode, type IommuGroup, IommuGroups } from '../vfio/inspect/iommu-group';
import { iommuHardware } from '../vfio/inspect/iommu-hardware';
import { type ReservedRegion, reservedRegions } from '../vfio/inspect/reserved-regions';
import { inspectPci } from './pci-functions';

export interface GroupDevice {
  address: string;
  vendorId: string | null;
  deviceId: string | null;
  name: string;
  driver: string | null;
  blocks: boolean;
}

/** An IOMMU group, as `udrv vfio groups` shows it. */
export interface GroupReport {
  group: number;
  type: string | null;
  noiommu: boolean;
  viable: boolean | null;
  blockers: string[];
  /** The node of the group; null where no member has a VFIO driver. */
  node: string | null;
  access: Access | null;
  /** The IOMMU that translates for it, as in /sys/class/iommu; null where the kernel does not tell. */
  iommu: string | null;
  reservedRegions: ReservedRegion[];
  /** Processes that have the group, or a member's own node. */
  holders: Holder[];
  devices: GroupDevice[];
}

export interface GroupReports {
  groups: GroupReport[];
  /** Whether all processes could be looked into for holders. */
  holdersComplete: boolean;
}

/** Lists all IOMMU groups of a machine, ascending, from sysfs and procfs alone. */
export function listGroups(sys: SysTree, names: Names): GroupReports {
  const groups = new IommuGroups(sys);
  const reader = new AttributeReader(sys);
  const found = groups.numbers().map((number) => {
    const group = groups.get(number);
    const path = groupNode(number, group.noiommu);
    const access = sys.access(path);
    return { group, node: access === null ? null : path, access, cdevs: cdevsOf(reader, group) };
  });
  const nodes = found.flatMap(({ node, cdevs }) => [...(node === null ? [] : [node]), ...cdevs]);
  const { holders, complete } = nodes.length === 0 ? { holders: [], complete: true } : findHolders(sys, nodes);
  return {
    groups: found.map(({ group, node, access, cdevs }) => ({
      group: group.number,
      type: group.type,
      noiommu: group.noiommu,
      viable: group.viable,
      blockers: group.blockers,
      node,
      access,
      iommu: hardwareOf(sys, group),
      reservedRegions: reservedRegions(reader, group.number),
      holders: holders.filter((holder) => holder.node === node || cdevs.includes(holder.node)),
      devices: group.members.map(({ name, driver, blocks }) => {
        const pci = isPciAddress(name) ? inspectPci(sys, names, name) : null;
        return {
          address: name,
          vendorId: pci?.vendorId ?? null,
          deviceId: pci?.deviceId ?? null,
          name: pci?.name ?? name,
          driver,
          blocks,
        };
      }),
    })),
    holdersComplete: complete,
  };
}

function cdevsOf(reader: AttributeReader, { devices }: IommuGroup): string[] {
  return devices
    .filter(isPciAddress)
    .flatMap((address) => reader.names(pciPath(address, 'vfio-dev')))
    .map((name) => `/dev/vfio/devices/${name}`);
}

function hardwareOf(sys: SysTree, { devices }: IommuGroup): string | null {
  const first = devices.find(isPciAddress);
  return first === undefined ? null : (iommuHardware(sys, first)?.name ?? null);
}
