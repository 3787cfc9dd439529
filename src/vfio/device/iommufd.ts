import { SysError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  ioasAlloc,
  ioasMap,
  ioasUnmap,
  iovaRanges,
} from '../../uapi/iommufd';
import {
  attachIommufdPt,
  bindIommufd,
  detachIommufdPt,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
} from '../../uapi/vfio';
import type { DmaAccess, DmaMapping, Iommu, IommuInfo, IovaRange } from '../dma/iommu';
import { Mappings } from '../dma/mappings';
import type { Attachment } from './attachment';
import { bindFailed, getDeviceFailed, noCdev } from './open-errors';
import { opening } from './opened';

const IOMMUFD = '/dev/iommu';

/** The end of all addresses, as IOMMU_IOAS_UNMAP takes it for "everything". */
const EVERYTHING = 2n ** 64n - 1n;

/** Ranges that are asked for at once; asked again where there are more, up to the limit. */
const RANGES = 64;
const MAX_RANGES = 4096;

/**
 * The newer way in: the device's own character device, bound to an iommufd, and attached to an I/O address space of it
 * (Documentation/userspace-api/iommufd.rst, Documentation/driver-api/vfio.rst).
 */
export function attachByIommufd(sys: Sys, device: VfioDeviceInfo): Attachment {
  const { cdev } = device.vfio;
  if (cdev === null) throw noCdev(device);
  return opening(sys, (opened) => {
    const iommufd = opened.node(device, IOMMUFD);
    const fd = opened.node(device, `/dev/vfio/devices/${cdev}`, `vfio-device ${device.address}`);
    try {
      bind(sys, fd, iommufd);
    } catch (error) {
      throw bindFailed(sys, device, error);
    }
    try {
      const ioas = allocate(sys, iommufd);
      attachTo(sys, fd, ioas);
      const iommu = new Ioas(sys, device.address, iommufd, ioas);
      const detach = () => {
        detachFrom(sys, fd);
        return () => attachTo(sys, fd, ioas);
      };
      return { backend: 'iommufd', fd, iommu, detach, close: () => opened.close() };
    } catch (error) {
      throw getDeviceFailed(sys, device, error);
    }
  });
}

function bind(sys: Sys, device: number, iommufd: number): void {
  const struct = Buffer.alloc(bindIommufd.size);
  struct.writeUInt32LE(bindIommufd.size, bindIommufd.argsz);
  struct.writeInt32LE(iommufd, bindIommufd.iommufd);
  sys.ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, struct);
}

function allocate(sys: Sys, iommufd: number): number {
  const struct = Buffer.alloc(ioasAlloc.size);
  struct.writeUInt32LE(ioasAlloc.size, 0);
  sys.ioctl(iommufd, IOMMU_IOAS_ALLOC, struct);
  return struct.readUInt32LE(ioasAlloc.id);
}

function attachTo(sys: Sys, device: number, ioas: number): void {
  const struct = Buffer.alloc(attachIommufdPt.size);
  struct.writeUInt32LE(attachIommufdPt.size, attachIommufdPt.argsz);
  struct.writeUInt32LE(ioas, attachIommufdPt.pt);
  sys.ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, struct);
}

function detachFrom(sys: Sys, device: number): void {
  const struct = Buffer.alloc(detachIommufdPt.size);
  struct.writeUInt32LE(detachIommufdPt.size, detachIommufdPt.argsz);
  sys.ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct);
}

/** An I/O address space: drivers/iommu/iommufd/ioas.c. */
class Ioas implements Iommu {
  readonly kind = 'iommufd';
  readonly #sys: Sys;
  readonly #iommufd: number;
  readonly #id: number;
  readonly #mappings: Mappings;

  constructor(sys: Sys, device: string, iommufd: number, id: number) {
    this.#sys = sys;
    this.#iommufd = iommufd;
    this.#mappings = new Mappings(sys, device, this);
    this.#id = id;
  }

  /** iommufd tells an alignment and no page sizes; nor a limit of mappings, as it has none but memory. */
  info(): IommuInfo {
    const { ranges, alignment } = this.#ranges(RANGES);
    return { pageSizes: alignment === 0n ? [] : [alignment], ranges, dmaAvail: null };
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
    struct.writeUInt32LE(this.#id, ioasMap.ioas);
    struct.writeBigUInt64LE(vaddr, ioasMap.vaddr);
    struct.writeBigUInt64LE(length, ioasMap.length);
    struct.writeBigUInt64LE(iova, ioasMap.iova);
    const ioctl = this.#sys.preparedIoctl(this.#iommufd, IOMMU_IOAS_MAP, struct);
    return this.#mappings.map(ioctl, { iova, vaddr, length, access });
  }

  #unmapping(iova: bigint, length: bigint): () => number {
    const struct = Buffer.alloc(ioasUnmap.size);
    struct.writeUInt32LE(ioasUnmap.size, 0);
    struct.writeUInt32LE(this.#id, ioasUnmap.ioas);
    struct.writeBigUInt64LE(iova, ioasUnmap.iova);
    struct.writeBigUInt64LE(length, ioasUnmap.length);
    const ioctl = this.#sys.preparedIoctl(this.#iommufd, IOMMU_IOAS_UNMAP, struct);
    return this.#mappings.unmap(ioctl, struct, ioasUnmap.length, iova, length);
  }

  #ranges(room: number): { ranges: IovaRange[]; alignment: bigint } {
    const memory = this.#sys.allocate(room * iovaRanges.rangeSize);
    try {
      const struct = Buffer.alloc(iovaRanges.size);
      struct.writeUInt32LE(iovaRanges.size, 0);
      struct.writeUInt32LE(this.#id, iovaRanges.ioas);
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
