import { hex } from '../../text/hex';
import type { BrokenRule } from '../errors';
import type { IommuInfo, IovaRange, MapRequest } from './iommu';

/** Returns the rule of VFIO_IOMMU_MAP_DMA and IOMMU_IOAS_MAP that a request breaks by itself, null where none. */
export function brokenRule(
  { pageSizes, ranges }: IommuInfo,
  { iova, vaddr, length, access }: MapRequest,
): BrokenRule | null {
  if (length <= 0n) return { message: 'a mapping needs a length' };
  if (!access.read && !access.write) return { message: 'a mapping must allow reading, writing or both' };
  const [page] = pageSizes;
  for (const [name, value] of [['IOVA', iova] as const, ['length', length] as const, ['memory', vaddr] as const])
    if (page !== undefined && value % page !== 0n)
      return { message: `${name} ${hex(value)} is not a multiple of the page size, ${hex(page)}` };
  const end = iova + length - 1n;
  if (ranges.some((range) => iova >= range.start && end <= range.end)) return null;
  return {
    message: `outside the IOVA ranges of this device: ${rangesText(ranges)}`,
    hint: 'a hole below 4G is the MSI window; the upper end is set by the address bits of the IOMMU',
  };
}

export function rangesText(ranges: readonly IovaRange[]): string {
  return ranges.length === 0 ? 'none' : ranges.map(({ start, end }) => `${hex(start)}-${hex(end)}`).join(', ');
}
