import {
  dmaAvailCap,
  dmaMap,
  dmaUnmap,
  iommuInfo,
  iovaRangeCap,
  migrationCap,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_UNMAP_FLAG_ALL,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAPS,
  VFIO_IOMMU_INFO_PGSIZES,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1v2_IOMMU,
  VFIO_UNMAP_ALL,
} from '../../uapi/vfio';
import { IOMMU_READ, IOMMU_WRITE, type IommuDomain } from '../iommu/domain';
import type { SimIommuGroup } from '../iommu/group';
import { type Interval, Intervals } from '../iommu/intervals';
import { PAGE_SIZES, type SimIommu } from '../iommu/iommu';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import { KERN_WARNING } from '../kernel/kernel-log';
import { kernelStruct, respondWithCapabilities, type StructCapability, UserStruct } from '../kernel/user-struct';

const VFIO_TYPE1_NESTING_IOMMU = 6;
const VFIO_UPDATE_VADDR = 10;
const MAP_FLAG_VADDR = 4;
const UNMAP_FLAG_DIRTY_BITMAP = 1;
const UNMAP_FLAG_VADDR = 4;

/** Module parameter dma_entry_limit. */
const ENTRIES = 65535;
/** DIRTY_BITMAP_SIZE_MAX: for 2^31 - 1 pages, in bytes. */
const DIRTY_BITMAP_MAX = 2n ** 28n;
const PAGE = 4096n;
const U64 = 2n ** 64n;

/**
 * vfio_iommu_type1_check_extension(). The lab's VT-d does not enforce coherency.
 *
 * @param attached whether a group is attached
 */
export function type1Extension(extension: number, attached: boolean): number {
  switch (extension) {
    case VFIO_TYPE1_IOMMU:
    case VFIO_TYPE1v2_IOMMU:
    case VFIO_TYPE1_NESTING_IOMMU:
    case VFIO_UNMAP_ALL:
      return 1;
    case VFIO_UPDATE_VADDR:
      return attached ? 1 : 0;
    default:
      return 0;
  }
}

/** struct vfio_dma */
interface Dma extends Interval {
  /** Bytes that count as locked. */
  readonly locked: number;
}

/** drivers/vfio/vfio_iommu_type1.c of Linux 6.12: order of checks and errors checked by running it. */
export class Type1Iommu {
  readonly #kernel: Kernel;
  readonly #domain: IommuDomain;
  readonly #v2: boolean;
  readonly #dmas = new Intervals<Dma>();
  #available = ENTRIES;
  readonly #iommu: SimIommu;
  readonly #groups = new Set<SimIommuGroup>();

  constructor(iommu: SimIommu, kernel: Kernel, type: number) {
    if (type !== VFIO_TYPE1_IOMMU && type !== VFIO_TYPE1v2_IOMMU && type !== VFIO_TYPE1_NESTING_IOMMU)
      throw new Errno('EINVAL');
    this.#kernel = kernel;
    this.#iommu = iommu;
    this.#domain = iommu.makeDomain();
    this.#v2 = type !== VFIO_TYPE1_IOMMU;
  }

  /** Lets a group see all that it maps. */
  attach(group: SimIommuGroup): void {
    // vfio_iommu_resv_conflict()
    for (const { first, last } of group.reserved)
      if (this.#dmas.find(first, last) !== undefined) throw new Errno('EINVAL');
    this.#groups.add(group);
    group.attach(this.#domain);
  }

  detach(group: SimIommuGroup): void {
    this.#groups.delete(group);
    group.detach();
  }

  /** Unmaps everything. */
  release(): void {
    for (const dma of [...this.#dmas]) this.#remove(dma);
  }

  ioctl(request: number, argument: Buffer | number): number {
    switch (request) {
      case VFIO_IOMMU_GET_INFO:
        return this.#getInfo(argument);
      case VFIO_IOMMU_MAP_DMA:
        return this.#mapDma(argument);
      case VFIO_IOMMU_UNMAP_DMA:
        return this.#unmapDma(argument);
      default:
        throw new Errno('ENOTTY');
    }
  }

  get #ranges(): Interval[] {
    return this.#iommu.rangesWithout([...this.#groups].flatMap(({ reserved }) => reserved));
  }

  #getInfo(argument: Buffer | number): number {
    const minimum = iommuInfo.capOffset;
    const user = new UserStruct(argument, minimum);
    const argsz = user.u32(iommuInfo.argsz);
    if (argsz < minimum) throw new Errno('EINVAL');
    const info = kernelStruct(iommuInfo.size);
    info.setU32(iommuInfo.argsz, argsz);
    info.setU32(iommuInfo.flags, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS);
    info.setU64(iommuInfo.pageSizes, PAGE_SIZES);
    respondWithCapabilities(user, info, Math.min(argsz, iommuInfo.size), iommuInfo.capOffset, this.#capabilities());
    return 0;
  }

  #capabilities(): StructCapability[] {
    const ranges = this.#ranges;
    return [
      {
        id: VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
        version: 1,
        size: migrationCap.size,
        fill: (cap) => {
          cap.setU64(migrationCap.pageSizes, PAGE);
          cap.setU64(migrationCap.maxBitmapSize, DIRTY_BITMAP_MAX);
        },
      },
      {
        id: VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
        version: 1,
        size: dmaAvailCap.size,
        fill: (cap) => cap.setU32(dmaAvailCap.available, this.#available),
      },
      {
        id: VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
        version: 1,
        size: iovaRangeCap.ranges + ranges.length * iovaRangeCap.rangeSize,
        fill: (cap) => {
          cap.setU32(iovaRangeCap.count, ranges.length);
          for (const [index, { first, last }] of ranges.entries()) {
            cap.setU64(iovaRangeCap.ranges + index * iovaRangeCap.rangeSize, first);
            cap.setU64(iovaRangeCap.ranges + index * iovaRangeCap.rangeSize + 8, last);
          }
        },
      },
    ];
  }

  /** vfio_iommu_type1_map_dma(), vfio_dma_do_map() */
  #mapDma(argument: Buffer | number): number {
    const user = new UserStruct(argument, dmaMap.size);
    const flags = user.u32(dmaMap.flags);
    if (user.u32(dmaMap.argsz) < dmaMap.size || flags > 7) throw new Errno('EINVAL');
    const vaddr = user.u64(dmaMap.vaddr);
    const iova = user.u64(dmaMap.iova);
    const size = user.u64(dmaMap.length);
    const prot =
      (flags & VFIO_DMA_MAP_FLAG_READ ? IOMMU_READ : 0) | (flags & VFIO_DMA_MAP_FLAG_WRITE ? IOMMU_WRITE : 0);
    const newAddress = (flags & MAP_FLAG_VADDR) !== 0;
    if (newAddress === (prot !== 0)) throw new Errno('EINVAL');
    if (size === 0n || (size | iova | vaddr) % PAGE !== 0n) throw new Errno('EINVAL');
    if (iova + size > U64 || vaddr + size > U64) throw new Errno('EINVAL');
    const last = iova + size - 1n;
    const there = this.#dmas.find(iova, last);
    // Only addresses that were invalidated before are renewed, which is not modelled.
    if (newAddress) throw new Errno(there === undefined ? 'ENOENT' : 'EINVAL');
    if (there !== undefined) throw new Errno('EEXIST');
    if (this.#available === 0) throw new Errno('ENOSPC');
    if (!this.#ranges.some((range) => iova >= range.first && last <= range.last)) throw new Errno('EINVAL');
    const { locked } = this.#kernel.memory;
    const memory = this.#kernel.memory.at(vaddr, Number(size));
    if (!locked.charge(memory.length)) {
      const message = `vfio_pin_pages_remote: RLIMIT_MEMLOCK (${locked.limit}) exceeded`;
      this.#kernel.messages.print(KERN_WARNING, message);
      throw new Errno('ENOMEM');
    }
    this.#dmas.add({ first: iova, last, locked: memory.length });
    this.#available--;
    this.#domain.map({ first: iova, last, memory, prot });
    return 0;
  }

  /** vfio_iommu_type1_unmap_dma(), vfio_dma_do_unmap() */
  #unmapDma(argument: Buffer | number): number {
    const user = new UserStruct(argument, dmaUnmap.size);
    const flags = user.u32(dmaUnmap.flags);
    if (user.u32(dmaUnmap.argsz) < dmaUnmap.size || flags > 7) throw new Errno('EINVAL');
    // Neither dirty tracking nor renewed addresses are modelled: the first is never on, and the second finds nothing.
    if (flags & (UNMAP_FLAG_DIRTY_BITMAP | UNMAP_FLAG_VADDR)) throw new Errno('EINVAL');
    const iova = user.u64(dmaUnmap.iova);
    const size = user.u64(dmaUnmap.length);
    const all = (flags & VFIO_DMA_UNMAP_FLAG_ALL) !== 0;
    if (iova % PAGE !== 0n) throw new Errno('EINVAL');
    if (all ? iova !== 0n || size !== 0n : size === 0n || size % PAGE !== 0n || iova + size > U64)
      throw new Errno('EINVAL');
    const last = all ? U64 - 1n : iova + size - 1n;
    const dmas = this.#dmas.within(iova, last);
    const cut = dmas.some((dma) => dma.first < iova || dma.last > last);
    if (this.#v2 && cut) throw new Errno('EINVAL');
    let unmapped = 0n;
    for (const dma of dmas) {
      // Version 1 unmaps whole mappings that begin in the range, and nothing else.
      if (dma.first < iova) break;
      unmapped += dma.last - dma.first + 1n;
      this.#remove(dma);
    }
    user.setU64(dmaUnmap.length, unmapped);
    return 0;
  }

  #remove(dma: Dma): void {
    this.#domain.unmap(dma.first, dma.last);
    this.#dmas.delete(dma);
    this.#available++;
    this.#kernel.memory.locked.uncharge(dma.locked);
  }
}
