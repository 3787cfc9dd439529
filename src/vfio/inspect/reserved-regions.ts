import type { AttributeReader } from '../../sys/readers/attributes';
import { hex } from '../../text/hex';
import { IOMMU_GROUPS } from './iommu-group';

/** Addresses that the devices of a group cannot be given: a line of `reserved_regions`. */
export interface ReservedRegion {
  /** `0x...`, both inclusive. */
  start: string;
  end: string;
  /** `direct`, `reserved`, `msi`... */
  type: string;
}

/** Lines of the attribute that are read at most: a group has a handful. */
const MAX_RESERVED = 1000;

/** Direct regions that a message names at most. */
const MAX_SHOWN = 3;

/** Reads lines of `0x00000000fee00000 0x00000000feefffff msi`: Documentation/ABI/testing/sysfs-kernel-iommu_groups. */
export function reservedRegions(reader: AttributeReader, group: number): ReservedRegion[] {
  const text = reader.text(`${IOMMU_GROUPS}/${group}/reserved_regions`) ?? '';
  const shorter = (address: string) => hex(BigInt(address));
  return text
    .split('\n', MAX_RESERVED)
    .map((line) => /^(0x[0-9a-f]{1,16}) (0x[0-9a-f]{1,16}) (\S+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, start = '', end = '', type = '']) => ({ start: shorter(start), end: shorter(end), type }));
}

/**
 * Returns why a group cannot be given to user space for its reserved regions' sake; null where nothing speaks against
 * it. A `direct` region has to stay mapped one to one for the firmware: an RMRR of Intel's, an IVMD of AMD's. The kernel
 * refuses the group with EPERM (intel_iommu_attach_device()), since 6.6 with EINVAL (`require_direct` in
 * drivers/iommu/iommu.c). `direct-relaxable` regions were for the time of booting.
 */
export function firmwareRequirement(regions: readonly ReservedRegion[]): string | null {
  const direct = regions.filter(({ type }) => type === 'direct').map(({ start, end }) => `${start}-${end}`);
  if (direct.length === 0) return null;
  const shown = [...direct.slice(0, MAX_SHOWN), ...(direct.length > MAX_SHOWN ? ['...'] : [])].join(', ');
  return `the firmware requires ${shown} to stay mapped one to one (RMRR), so the kernel gives the group to no program`;
}
