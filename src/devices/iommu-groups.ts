import { Exit, UdrvError } from '../errors';
import { type Names, NO_NAMES } from '../names/database';
import { isPciAddress } from '../pci/address';
import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders, type Holder, vfioDeviceNode } from '../sys/readers/holders';
import type { Access, SysTree } from '../sys/sys';
import { noGroup } from '../vfio/errors';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { mayBeOpen } from '../vfio/inspect/holders';
import { groupAccess, groupNode, type IommuGroup, IommuGroups } from '../vfio/inspect/iommu-group';
import { iommuHardware } from '../vfio/inspect/iommu-hardware';
import { type ReservedRegion, reservedRegions } from '../vfio/inspect/reserved-regions';
import { inspectPci } from './pci-functions';
import { findDevice } from './select';

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
  /** Processes that have the group, a member's own node, or a member as a descriptor or mapping without a path. */
  holders: Holder[];
  devices: GroupDevice[];
}

export interface GroupReports {
  groups: GroupReport[];
  /** Whether all processes could be looked into for holders. */
  holdersComplete: boolean;
}

/** Lists the IOMMU groups of a machine, ascending, from sysfs and procfs alone. @param only those of these numbers */
export function listGroups(sys: SysTree, names: Names, only?: ReadonlySet<number>): GroupReports {
  const groups = new IommuGroups(sys);
  const reader = new AttributeReader(sys);
  const numbers = groups.numbers().filter((number) => only?.has(number) ?? true);
  const found = numbers.map((number) => {
    const group = groups.get(number);
    const path = groupNode(number, group.noiommu);
    const access = groupAccess(sys, path, group.noiommu);
    const node = access === null ? null : path;
    return { group, node, access, nodes: new Set([...(node === null ? [] : [node]), ...deviceNodes(reader, group)]) };
  });
  const nodes = found.flatMap((group) => [...group.nodes]);
  const { holders, complete } = nodes.length === 0 ? { holders: [], complete: true } : findHolders(sys, nodes);
  return {
    groups: found.map(({ group, node, access, nodes }) => ({
      group: group.number,
      type: group.type,
      noiommu: group.noiommu,
      viable: group.viable,
      blockers: group.blockers,
      node,
      access,
      iommu: hardwareOf(sys, group),
      reservedRegions: reservedRegions(reader, group.number),
      holders: holders.filter((holder) => nodes.has(holder.node)),
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

/**
 * Finds the IOMMU group that a selector means: its number, its node, or a member, of whatever bus.
 *
 * @throws UdrvError exit 3 where there is no such group or device, exit 9 for a device in no group
 */
export function findGroup(sys: SysTree, selector: string): number {
  const groups = new IommuGroups(sys);
  const number = /^(?:\/dev\/vfio\/(?:noiommu-)?)?(\d{1,9})$/.exec(selector)?.[1];
  if (number !== undefined) {
    if (groups.numbers().includes(Number(number))) return Number(number);
    throw new UdrvError('no such IOMMU group', {
      code: 'ENODEV',
      exit: Exit.notFound,
      subject: selector,
      hint: 'udrv vfio groups shows what there is',
    });
  }
  const member = groups.numbers().find((one) => groups.get(one).devices.includes(selector));
  if (member !== undefined) return member;
  const device = findDevice(sys, NO_NAMES, selector);
  const group = device.framework === 'usb' ? undefined : (device.pci?.iommuGroup ?? null);
  if (group === undefined)
    throw new UdrvError('is a USB device: its controller is in an IOMMU group', {
      code: 'ENODEV',
      exit: Exit.notFound,
      subject: selector,
      hint: 'udrv list --type pci',
      device: device.address,
    });
  if (group === null) throw noGroup(sys, device.address);
  return group;
}

/** Returns the nodes of the members themselves: cdevs, and the descriptors without a path of those that may be open. */
function deviceNodes(reader: AttributeReader, { members }: IommuGroup): string[] {
  return members.flatMap(({ name, driver }) => {
    if (!isPciAddress(name)) return [];
    const cdevs = reader.names(pciPath(name, 'vfio-dev')).map((cdev) => `/dev/vfio/devices/${cdev}`);
    return isVfioDriver(driver) && mayBeOpen(reader, name) ? [...cdevs, vfioDeviceNode(name)] : cdevs;
  });
}

function hardwareOf(sys: SysTree, { devices }: IommuGroup): string | null {
  const first = devices.find(isPciAddress);
  return first === undefined ? null : (iommuHardware(sys, first)?.name ?? null);
}
