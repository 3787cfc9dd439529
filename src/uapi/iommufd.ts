/**
 * Numbers and layouts of <linux/iommufd.h>, as in vfio.ts. Each struct begins with its size (u32), which tells the
 * kernel what the caller knows: a kernel that knows less refuses (E2BIG) unless the rest is zero.
 */

/** _IO(';', 0x80 + nr) */
const io = (nr: number) => 0x3b80 + nr;

export const IOMMU_DESTROY = io(0);
export const IOMMU_IOAS_ALLOC = io(1);
export const IOMMU_IOAS_IOVA_RANGES = io(4);
export const IOMMU_IOAS_MAP = io(5);
export const IOMMU_IOAS_UNMAP = io(6);
export const IOMMU_OPTION = io(7);
export const IOMMU_GET_HW_INFO = io(10);

export type IommufdObject = 'ioas' | 'hwpt' | 'fault-queue' | 'viommu' | 'vdevice' | 'veventq' | 'hw-queue';

/**
 * Requests that make an object, by its kind. Linux 6.2 has `ioas`, 6.6 `hwpt`, 6.11 `fault-queue`, 6.13 `viommu` and `vdevice`,
 * 6.15 `veventq`, 6.17 `hw-queue`.
 */
export const IOMMUFD_OBJECTS: Readonly<Record<IommufdObject, number>> = {
  ioas: IOMMU_IOAS_ALLOC,
  hwpt: io(9),
  'fault-queue': io(14),
  viommu: io(16),
  vdevice: io(17),
  veventq: io(19),
  'hw-queue': io(20),
};

export const destroy = { size: 8, id: 4 } as const;
/** id comes back. */
export const ioasAlloc = { size: 12, flags: 4, id: 8 } as const;
/**
 * pointer (u64) is where `count` ranges of 16 bytes go (first u64, last u64, inclusive); count comes back as what
 * there is, with EMSGSIZE where that is more. alignment (u64) comes back.
 */
export const iovaRanges = { size: 32, ioas: 4, count: 8, pointer: 16, alignment: 24, rangeSize: 16 } as const;
/** vaddr, length and iova are u64; iova comes back without the flag FIXED_IOVA. */
export const ioasMap = { size: 40, flags: 4, ioas: 8, vaddr: 16, length: 24, iova: 32 } as const;
export const IOMMU_IOAS_MAP_FIXED_IOVA = 1;
/** WRITE and READ are the device's. */
export const IOMMU_IOAS_MAP_WRITEABLE = 2;
export const IOMMU_IOAS_MAP_READABLE = 4;
/** iova 0 with length 2^64 - 1 is all there is; length comes back as the bytes that were unmapped. */
export const ioasUnmap = { size: 24, ioas: 4, iova: 8, length: 16 } as const;
/** op: 0 sets, 1 gets; value is u64. */
export const option = { size: 24, option: 4, op: 8, reserved: 10, object: 12, value: 16 } as const;
export const IOMMU_OPTION_RLIMIT_MODE = 0;
export const IOMMU_OPTION_OP_SET = 0;
export const IOMMU_OPTION_OP_GET = 1;
/** data (u64) points to dataLength bytes that are filled as type says: 1 is Intel VT-d, 2 Arm SMMUv3. */
export const hwInfo = {
  size: 40,
  flags: 4,
  device: 8,
  dataLength: 12,
  data: 16,
  type: 24,
  capabilities: 32,
} as const;
export const IOMMU_HW_INFO_TYPE_INTEL_VTD = 1;
export const hwInfoVtd = { size: 24, flags: 0, capabilities: 8, extendedCapabilities: 16 } as const;
