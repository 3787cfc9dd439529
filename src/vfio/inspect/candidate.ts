import type { PciDeviceInfo } from '../../model/device';
import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { type GroupMember, IommuGroups } from './iommu-group';
import { iommuHardware } from './iommu-hardware';
import { type ReservedRegion, reservedRegions } from './reserved-regions';

/** Types and instances that are listed at most: a GPU has dozens. */
const MAX_MDEV = 256;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A kind of mediated device that the driver of a function can make. */
export interface MdevType {
  /** `i915-GVTg_V5_4` */
  name: string;
  /** The number of instances that can still be made; null where that cannot be read. */
  available: number | null;
}

/** Facts about a function that VFIO does not have, for whoever wants to give it to user space. */
export interface VfioCandidate {
  /** Members of its IOMMU group, with it. */
  group: { number: number; viable: boolean | null; members: readonly GroupMember[]; reservedRegions: ReservedRegion[] };
  /** Name of its IOMMU in /sys/class/iommu; null if it has none, or the kernel does not report it. */
  iommu: string | null;
  /** Kind of its IOMMU, `Intel VT-d`; null if the name does not tell. */
  iommuKind: string | null;
  /** Mediated devices that its driver makes and has made; null where it makes none. */
  mdev: { types: MdevType[]; instances: string[] } | null;
}

/** Reads sysfs alone. @returns null for a function in no group */
export function vfioCandidate(sys: SysTree, { address, pci }: PciDeviceInfo): VfioCandidate | null {
  if (pci.iommuGroup === null) return null;
  const reader = new AttributeReader(sys);
  const { number, viable, members } = new IommuGroups(sys).get(pci.iommuGroup);
  const dir = pciPath(address);
  // Documentation/ABI/testing/sysfs-bus-vfio-mdev: the instances are directories of the parent.
  const types = reader.names(`${dir}/mdev_supported_types`).slice(0, MAX_MDEV);
  const instances = types.length === 0 ? [] : reader.names(dir).filter((name) => UUID.test(name));
  const hardware = iommuHardware(sys, address);
  return {
    iommu: hardware?.name ?? null,
    iommuKind: hardware?.kind ?? null,
    group: { number, viable, members, reservedRegions: reservedRegions(reader, number) },
    mdev:
      types.length === 0
        ? null
        : {
            types: types.map((name) => ({
              name,
              available: reader.number(`${dir}/mdev_supported_types/${name}/available_instances`),
            })),
            instances: instances.slice(0, MAX_MDEV),
          },
  };
}
