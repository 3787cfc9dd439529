import type { Sys } from '../../sys/sys';
import { capabilities, pairs } from '../../uapi/capability-chain';
import {
  dmaAvailCap,
  dmaMap,
  dmaUnmap,
  iommuInfo,
  iovaRangeCap,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_UNMAP_FLAG_ALL,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAPS,
  VFIO_IOMMU_INFO_PGSIZES,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
  VFIO_IOMMU_UNMAP_DMA,
} from '../../uapi/vfio';
import { query } from '../query';
import type { DmaAccess, DmaMapping, Iommu, IommuInfo } from './iommu';
import { MapIoctls } from './map-ioctls';

/**
 * The address space of a container: VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA of drivers/vfio/vfio_iommu_type1.c,
 * version 2, which refuses an unmap that would cut a mapping.
 */
export class Type1 implements Iommu {
  readonly kind = 'type1';
  readonly #sys: Sys;
  readonly #container: number;
  readonly #ioctls: MapIoctls;

  /** @param container descriptor of a container whose IOMMU is set */
  constructor(sys: Sys, device: string, container: number) {
    this.#sys = sys;
    this.#container = container;
    this.#ioctls = new MapIoctls(sys, device, this);
  }

  objects(): [] {
    return [];
  }

  info(): IommuInfo {
    const info = query(this.#sys, this.#container, VFIO_IOMMU_GET_INFO, iommuInfo.size);
    const flags = info.readUInt32LE(iommuInfo.flags);
    const sizes = (flags & VFIO_IOMMU_INFO_PGSIZES) === 0 ? 0n : info.readBigUInt64LE(iommuInfo.pageSizes);
    const result: IommuInfo = { pageSizes: bitsOf(sizes), ranges: [], dmaAvail: null };
    const first = (flags & VFIO_IOMMU_INFO_CAPS) === 0 ? 0 : info.readUInt32LE(iommuInfo.capOffset);
    for (const capability of capabilities(info, first)) {
      if (capability.id === VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
        result.ranges = pairs(capability, iovaRangeCap.count, iovaRangeCap.ranges).map(([start, end]) => ({
          start,
          end,
        }));
      if (capability.id === VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL && capability.bytes.length >= dmaAvailCap.size)
        result.dmaAvail = capability.bytes.readUInt32LE(dmaAvailCap.available);
    }
    return result;
  }

  map(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): void {
    this.#mapping(iova, memory.address, BigInt(length), access)();
  }

  unmap(iova: bigint, length: number | bigint): number {
    return this.#unmapping(0, iova, BigInt(length))();
  }

  unmapAll(): void {
    this.#unmapping(VFIO_DMA_UNMAP_FLAG_ALL, 0n, 0n)();
  }

  mapping(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): DmaMapping {
    const size = BigInt(length);
    return { map: this.#mapping(iova, memory.address, size, access), unmap: this.#unmapping(0, iova, size) };
  }

  #mapping(iova: bigint, vaddr: bigint, length: bigint, access: DmaAccess): () => void {
    const struct = Buffer.alloc(dmaMap.size);
    struct.writeUInt32LE(dmaMap.size, dmaMap.argsz);
    struct.writeUInt32LE(
      (access.read ? VFIO_DMA_MAP_FLAG_READ : 0) | (access.write ? VFIO_DMA_MAP_FLAG_WRITE : 0),
      dmaMap.flags,
    );
    struct.writeBigUInt64LE(vaddr, dmaMap.vaddr);
    struct.writeBigUInt64LE(iova, dmaMap.iova);
    struct.writeBigUInt64LE(length, dmaMap.length);
    const ioctl = this.#sys.preparedIoctl(this.#container, VFIO_IOMMU_MAP_DMA, struct);
    return this.#ioctls.map(ioctl, { iova, vaddr, length, access });
  }

  #unmapping(flags: number, iova: bigint, length: bigint): () => number {
    const struct = Buffer.alloc(dmaUnmap.size);
    struct.writeUInt32LE(dmaUnmap.size, dmaUnmap.argsz);
    struct.writeUInt32LE(flags, dmaUnmap.flags);
    struct.writeBigUInt64LE(iova, dmaUnmap.iova);
    struct.writeBigUInt64LE(length, dmaUnmap.length);
    const ioctl = this.#sys.preparedIoctl(this.#container, VFIO_IOMMU_UNMAP_DMA, struct);
    return this.#ioctls.unmap(ioctl, struct, dmaUnmap.length, iova, length);
  }
}

/** Returns the powers of two in a mask, ascending. */
function bitsOf(mask: bigint): bigint[] {
  const bits: bigint[] = [];
  for (let bit = 1n; bit <= mask; bit <<= 1n) if ((mask & bit) !== 0n) bits.push(bit);
  return bits;
}
