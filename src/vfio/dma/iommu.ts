import type { IommufdObject } from '../../uapi/iommufd';

/** I/O virtual addresses, as a device sees them; `end` is inclusive. */
export interface IovaRange {
  start: bigint;
  end: bigint;
}

export interface IommuInfo {
  /** In bytes, ascending. Addresses and lengths of mappings must be multiples of the smallest. */
  pageSizes: bigint[];
  /** Addresses that can be mapped, ascending. */
  ranges: IovaRange[];
  /** Mappings that can still be made; null where the kernel reports no limit. */
  dmaAvail: number | null;
}

/** Access that a mapping gives the device. */
export interface DmaAccess {
  read: boolean;
  write: boolean;
}

/** A mapping that is made and taken away again and again. */
export interface DmaMapping {
  /** Does the same as {@link Iommu.map}. */
  map(): void;
  /** Does the same as {@link Iommu.unmap}. */
  unmap(): number;
}

/**
 * The address space that an opened device's DMA goes through: a container's (type1), an iommufd's, or none. It is empty
 * until something is mapped. With `noiommu` nothing holds the device back, and nothing can be mapped.
 *
 * Errors are a UdrvError with the kernel's errno as code, whose message says which rule was broken.
 */
export interface Iommu {
  readonly kind: 'type1' | 'iommufd' | 'noiommu';
  info(): IommuInfo;
  /** Returns the kinds of objects that this kernel's iommufd makes; none where another thing has the address space. */
  objects(): IommufdObject[];
  /**
   * Lets the device reach memory under an address of its own. The kernel pins the memory: it must stay allocated until
   * it is unmapped. IOVA, memory's address and length are multiples of the smallest page size.
   *
   * @throws exit 2 where the request breaks a rule, exit 4 where RLIMIT_MEMLOCK forbids it
   */
  map(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): void;
  /** Prepares a {@link map} and its {@link unmap} for loops: the kernel's structs are written once. */
  mapping(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): DmaMapping;
  /**
   * @returns the bytes that were unmapped
   * @throws where the range cuts a mapping; type1 returns 0 for a range without a mapping, iommufd throws ENOENT
   */
  unmap(iova: bigint, length: number | bigint): number;
  unmapAll(): void;
}

/** A mapping as it is asked of the kernel. */
export interface MapRequest {
  iova: bigint;
  /** Address in this process, a multiple of the page size. */
  vaddr: bigint;
  /** In bytes. */
  length: bigint;
  access: DmaAccess;
}
