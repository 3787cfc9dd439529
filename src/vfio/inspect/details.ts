import type { VfioAttributes, VfioDeviceInfo } from '../../model/device';
import { AttributeReader } from '../../sys/readers/attributes';
import type { Holder } from '../../sys/readers/holders';
import type { SysTree } from '../../sys/sys';
import { holdersOf } from './holders';
import { IommuGroups } from './iommu-group';
import { iommuHardware } from './iommu-hardware';
import { type ReservedRegion, reservedRegions } from './reserved-regions';

/** What `show` tells of a VFIO device beyond `list`. */
export interface VfioDetails extends VfioAttributes {
  /** What translates for it, as in /sys/class/iommu; null where nothing does, or the kernel does not tell. */
  iommu: string | null;
  /** `Intel VT-d`; null where the name does not say. */
  iommuKind: string | null;
  /** Its group is one that VFIO made up for want of an IOMMU: the device reaches all memory. */
  noiommu: boolean;
  /** Addresses that its memory cannot be mapped at. */
  reservedRegions: ReservedRegion[];
  /** Processes that have it or its group. */
  holders: Holder[];
  /** Whether all processes could be looked into for holders. */
  holdersComplete: boolean;
}

/** From sysfs and procfs alone: nothing is opened. */
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
