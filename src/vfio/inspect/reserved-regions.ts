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
