import { SysError } from '../../errors';
import type { Sys } from '../../sys/sys';
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  IOMMUFD_OBJECTS,
  type IommufdObject,
  ioasAlloc,
  ioasMap,
  ioasUnmap,
  iovaRanges,
} from '../../uapi/iommufd';
import type { DmaAccess, DmaMapping, Iommu, IommuInfo, IovaRange } from './iommu';
import { MapIoctls } from './map-ioctls';

/** The end of all addresses: with it IOMMU_IOAS_UNMAP unmaps everything. */
const EVERYTHING = 2n ** 64n - 1n;

/** Ranges that are asked for at once; asked again where there are more, up to the limit. */
const RANGES = 64;
const MAX_RANGES = 4096;

/**
 * An I/O address space of an iommufd: IOMMU_IOAS_MAP and IOMMU_IOAS_UNMAP of drivers/iommu/iommufd/ioas.c. Lives until
 * the iommufd is closed.
 */
export class Ioas implements Iommu {
  readonly kind = 'iommufd';
  /** Number of the object in its iommufd, by which a device is attached to it. */
  readonly id: number;
  readonly #sys: Sys;
  readonly #iommufd: number;
  readonly #ioctls: MapIoctls;

  private constructor(sys: Sys, device: string, iommufd: number, id: number) {
    this.#sys = sys;
    this.#iommufd = iommufd;
    this.#ioctls = new MapIoctls(sys, device, this);
    this.id = id;
  }

  /** Makes an empty one. @param device address, for messages */
  static allocate(sys: Sys, device: string, iommufd: number): Ioas {
    const struct = Buffer.alloc(ioasAlloc.size);
    struct.writeUInt32LE(ioasAlloc.size, 0);
    sys.ioctl(iommufd, IOMMU_IOAS_ALLOC, struct);
    return new Ioas(sys, device, iommufd, struct.readUInt32LE(ioasAlloc.id));
  }

  /** Reads the IOVA ranges. iommufd reports an alignment and no page sizes, and has no limit of mappings but memory. */
  info(): IommuInfo {
    const { ranges, alignment } = this.#ranges(RANGES);
    return { pageSizes: alignment === 0n ? [] : [alignment], ranges, dmaAvail: null };
  }

  /**
   * Returns the kinds of objects that this kernel's iommufd makes. A struct of its size alone is too short for each
   * request that there is (EINVAL), and nothing is made; a request that there is not is ENOTTY (iommufd_fops_ioctl()).
   */
  objects(): IommufdObject[] {
    const struct = Buffer.alloc(4);
    struct.writeUInt32LE(struct.length);
    return (Object.keys(IOMMUFD_OBJECTS) as IommufdObject[]).filter((kind) => {
      try {
        this.#sys.ioctl(this.#iommufd, IOMMUFD_OBJECTS[kind], struct);
        return true;
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        return error.code !== 'ENOTTY';
      }
    });
  }

  map(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): void {
    this.#mapping(iova, memory.address, BigInt(length), access)();
  }

  unmap(iova: bigint, length: number | bigint): number {
    return this.#unmapping(iova, BigInt(length))();
  }

  unmapAll(): void {
    this.#unmapping(0n, EVERYTHING)();
  }

  mapping(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): DmaMapping {
    const size = BigInt(length);
    return { map: this.#mapping(iova, memory.address, size, access), unmap: this.#unmapping(iova, size) };
  }

  #mapping(iova: bigint, vaddr: bigint, length: bigint, access: DmaAccess): () => void {
    const struct = Buffer.alloc(ioasMap.size);
    const readable = access.read ? IOMMU_IOAS_MAP_READABLE : 0;
    const writable = access.write ? IOMMU_IOAS_MAP_WRITEABLE : 0;
    struct.writeUInt32LE(ioasMap.size, 0);
    struct.writeUInt32LE(IOMMU_IOAS_MAP_FIXED_IOVA | readable | writable, ioasMap.flags);
    struct.writeUInt32LE(this.id, ioasMap.ioas);
    struct.writeBigUInt64LE(vaddr, ioasMap.vaddr);
    struct.writeBigUInt64LE(length, ioasMap.length);
    struct.writeBigUInt64LE(iova, ioasMap.iova);
    const ioctl = this.#sys.preparedIoctl(this.#iommufd, IOMMU_IOAS_MAP, struct);
    return this.#ioctls.map(ioctl, { iova, vaddr, length, access });
  }

  #unmapping(iova: bigint, length: bigint): () => number {
    const struct = Buffer.alloc(ioasUnmap.size);
    struct.writeUInt32LE(ioasUnmap.size, 0);
    struct.writeUInt32LE(this.id, ioasUnmap.ioas);
    struct.writeBigUInt64LE(iova, ioasUnmap.iova);
    struct.writeBigUInt64LE(length, ioasUnmap.length);
    const ioctl = this.#sys.preparedIoctl(this.#iommufd, IOMMU_IOAS_UNMAP, struct);
    return this.#ioctls.unmap(ioctl, struct, ioasUnmap.length, iova, length);
  }

  #ranges(room: number): { ranges: IovaRange[]; alignment: bigint } {
    const memory = this.#sys.allocate(room * iovaRanges.rangeSize);
    try {
      const struct = Buffer.alloc(iovaRanges.size);
      struct.writeUInt32LE(iovaRanges.size, 0);
      struct.writeUInt32LE(this.id, iovaRanges.ioas);
      struct.writeUInt32LE(room, iovaRanges.count);
      struct.writeBigUInt64LE(memory.address, iovaRanges.pointer);
      try {
        this.#sys.ioctl(this.#iommufd, IOMMU_IOAS_IOVA_RANGES, struct);
      } catch (error) {
        if (!(error instanceof SysError) || error.code !== 'EMSGSIZE' || room >= MAX_RANGES) throw error;
        return this.#ranges(MAX_RANGES);
      }
      const count = Math.min(struct.readUInt32LE(iovaRanges.count), room);
      const ranges = Array.from({ length: count }, (_, i) => ({
        start: memory.bytes.readBigUInt64LE(i * iovaRanges.rangeSize),
        end: memory.bytes.readBigUInt64LE(i * iovaRanges.rangeSize + 8),
      }));
      return { ranges, alignment: struct.readBigUInt64LE(iovaRanges.alignment) };
    } finally {
      memory.close();
    }
  }
}
