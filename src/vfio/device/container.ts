import { Exit, SysError, UdrvError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { capabilities, pairs } from '../../uapi/capability-chain';
import {
  dmaAvailCap,
  dmaMap,
  dmaUnmap,
  groupStatus,
  iommuInfo,
  iovaRangeCap,
  VFIO_API_VERSION,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_UNMAP_FLAG_ALL,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAPS,
  VFIO_IOMMU_INFO_PGSIZES,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1v2_IOMMU,
} from '../../uapi/vfio';
import type { DmaAccess, DmaMapping, Iommu, IommuInfo } from '../dma/iommu';
import { Mappings } from '../dma/mappings';
import { groupNode, IommuGroups } from '../inspect/iommu-group';
import { noGroup } from '../inspect/missing-group';
import type { Attachment } from './attachment';
import { busy, getDeviceFailed, notViable, setIommuFailed } from './open-errors';
import { opening } from './opened';
import { query } from './query';

const CONTAINER = '/dev/vfio/vfio';

/**
 * The older way in: a container, which has the address space, and the device's IOMMU group in it
 * (Documentation/driver-api/vfio.rst). A group has one opener; all its members go to it.
 */
export function attachByGroup(sys: Sys, device: VfioDeviceInfo): Attachment {
  const { group: number } = device.vfio;
  if (number === null) throw noGroup(sys, device.address);
  const { noiommu } = new IommuGroups(sys).get(number);
  return opening(sys, (opened) => {
    const container = opened.node(device, CONTAINER);
    if (sys.ioctl(container, VFIO_GET_API_VERSION, 0) !== VFIO_API_VERSION) throw unknownApi(device);
    const group = opened.node(device, groupNode(number, noiommu));
    mustBeViable(sys, device, group);
    setContainer(sys, device, group, container);
    try {
      sys.ioctl(container, VFIO_SET_IOMMU, noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU);
    } catch (error) {
      throw setIommuFailed(device, error);
    }
    const fd = opened.add(getDevice(sys, device, group));
    const iommu = noiommu ? new NoIommu(device.address) : new Type1(sys, device.address, container);
    return { backend: 'group', fd, iommu, close: () => opened.close() };
  });
}

function mustBeViable(sys: Sys, device: VfioDeviceInfo, group: number): void {
  const status = Buffer.alloc(groupStatus.size);
  status.writeUInt32LE(groupStatus.size, groupStatus.argsz);
  sys.ioctl(group, VFIO_GROUP_GET_STATUS, status);
  if ((status.readUInt32LE(groupStatus.flags) & VFIO_GROUP_FLAGS_VIABLE) === 0) throw notViable(device);
}

function setContainer(sys: Sys, device: VfioDeviceInfo, group: number, container: number): void {
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(container);
  try {
    sys.ioctl(group, VFIO_GROUP_SET_CONTAINER, argument);
  } catch (error) {
    // A driver may have come since the status was asked for.
    if (error instanceof SysError && error.code === 'EPERM') throw notViable(device);
    // The kernel, or iommufd, has claimed the group's DMA.
    if (error instanceof SysError && error.code === 'EBUSY') throw busy(sys, device);
    throw error;
  }
}

function getDevice(sys: Sys, device: VfioDeviceInfo, group: number): number {
  const { address } = device;
  try {
    return sys.ioctlOpen(group, VFIO_GROUP_GET_DEVICE_FD, Buffer.from(`${address}\0`), `vfio-device ${address}`);
  } catch (error) {
    throw getDeviceFailed(sys, device, error);
  }
}

function unknownApi(device: VfioDeviceInfo): UdrvError {
  return new UdrvError('this kernel has another version of the VFIO API', {
    code: 'EPROTO',
    exit: Exit.unsupported,
    subject: CONTAINER,
    device: device.address,
  });
}

/** drivers/vfio/vfio_iommu_type1.c, version 2: an unmap must not cut a mapping. */
class Type1 implements Iommu {
  readonly kind = 'type1';
  readonly #sys: Sys;
  readonly #container: number;
  readonly #mappings: Mappings;

  constructor(sys: Sys, device: string, container: number) {
    this.#sys = sys;
    this.#container = container;
    this.#mappings = new Mappings(sys, device, this);
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
    return this.#mappings.map(ioctl, { iova, vaddr, length, access });
  }

  #unmapping(flags: number, iova: bigint, length: bigint): () => number {
    const struct = Buffer.alloc(dmaUnmap.size);
    struct.writeUInt32LE(dmaUnmap.size, dmaUnmap.argsz);
    struct.writeUInt32LE(flags, dmaUnmap.flags);
    struct.writeBigUInt64LE(iova, dmaUnmap.iova);
    struct.writeBigUInt64LE(length, dmaUnmap.length);
    const ioctl = this.#sys.preparedIoctl(this.#container, VFIO_IOMMU_UNMAP_DMA, struct);
    return this.#mappings.unmap(ioctl, struct, dmaUnmap.length, iova, length);
  }
}

/** Nothing translates: the device reaches all memory by physical addresses, and the kernel maps nothing for it. */
class NoIommu implements Iommu {
  readonly kind = 'noiommu';
  readonly #device: string;

  constructor(device: string) {
    this.#device = device;
  }

  info(): IommuInfo {
    return { pageSizes: [], ranges: [], dmaAvail: null };
  }

  map(): never {
    throw new UdrvError('there is no IOMMU to map memory in', {
      code: 'ENOTTY',
      exit: Exit.unsupported,
      subject: this.#device,
      device: this.#device,
    });
  }

  mapping(): never {
    return this.map();
  }

  unmap(): number {
    return 0;
  }

  unmapAll(): void {}
}

/** The powers of two in a mask, ascending. */
function bitsOf(mask: bigint): bigint[] {
  const bits: bigint[] = [];
  for (let bit = 1n; bit <= mask; bit <<= 1n) if ((mask & bit) !== 0n) bits.push(bit);
  return bits;
}
