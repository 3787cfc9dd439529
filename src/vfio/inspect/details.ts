import type { VfioAttributes, VfioDeviceInfo } from '../../model/device';
import { AttributeReader } from '../../sys/readers/attributes';
import type { Holder } from '../../sys/readers/holders';
import type { SysTree } from '../../sys/sys';
import { holdersOf } from './holders';
import { IommuGroups } from './iommu-group';
import { iommuHardware } from './iommu-hardware';
import { type ReservedRegion, reservedRegions } from './reserved-regions';

/** Facts about a VFIO device that `show` has beyond `list`. */
export interface VfioDetails extends VfioAttributes {
  /** Name of its IOMMU in /sys/class/iommu; null if it has none, or the kernel does not report it. */
  iommu: string | null;
  /** Kind of its IOMMU, `Intel VT-d`; null if the name does not tell. */
  iommuKind: string | null;
  /** Set for a group that VFIO made up for want of an IOMMU: the device reaches all memory. */
  noiommu: boolean;
  /** Addresses that its memory cannot be mapped at. */
  reservedRegions: ReservedRegion[];
  /** Processes that have it or its group open. */
  holders: Holder[];
  /** Whether all processes could be searched for holders. */
  holdersComplete: boolean;
}

/** Reads sysfs and procfs alone: no node is opened. */
export function vfioDetails(sys: SysTree, device: VfioDeviceInfo): VfioDetails {
  const { group } = device.vfio;
  const { others, complete } = holdersOf(sys, device);
  const hardware = iommuHardware(sys, device.address);
  return {
    ...device.vfio,
    iommu: hardware?.name ?? null,
    iommuKind: hardware?.kind ?? null,
    noiommu: group !== null && new IommuGroups(sys).get(group).noiommu,
    reservedRegions: group === null ? [] : reservedRegions(new AttributeReader(sys), group),
    holders: others,
    holdersComplete: complete,
  };
}
