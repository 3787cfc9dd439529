import type { IommuDomain } from '../iommu/domain';
import type { SimIommuGroup } from '../iommu/group';
import { type Interval, Intervals } from '../iommu/intervals';
import { APERTURE_LAST } from '../iommu/iommu';
import { Errno } from '../kernel/errno';

export const PAGE = 4096n;
export const U64_MAX = 2n ** 64n - 1n;
const HUGE_PAGE = 2n ** 21n;

/** A range that was mapped: struct iopt_area. */
export interface MappedArea extends Interval {
  readonly address: bigint;
  readonly prot: number;
  /** The bytes that count as locked: none while no device is attached. */
  locked: number;
}

/** An I/O address space: struct iommufd_ioas with its io_pagetable. */
export class SimIoas {
  readonly kind = 'ioas';
  readonly areas = new Intervals<MappedArea>();
  /** The page table that devices use; there is one, as all are behind the same IOMMU. */
  hwpt: Hwpt | null = null;
  hugePages = true;

  /** A byte without devices: pages are pinned, and seen, only where there are devices. */
  get alignment(): bigint {
    return this.hwpt === null ? 1n : PAGE;
  }

  /** Addresses that devices that are attached cannot use. */
  get reserved(): Interval[] {
    if (this.hwpt === null) return [];
    const groups = [...this.hwpt.devices].flatMap(({ group }) => group.reserved);
    return [...groups, { first: APERTURE_LAST + 1n, last: U64_MAX }];
  }

  get users(): number {
    return this.hwpt === null ? 0 : 1;
  }

  /**
   * iopt_reserve_iova(): checks that a range can be reserved
   *
   * @throws Errno EADDRINUSE where any of it is mapped
   */
  checkReserved(reserved: readonly Interval[]): void {
    if (reserved.some(({ first, last }) => this.areas.find(first, last) !== undefined)) throw new Errno('EADDRINUSE');
  }

  /** iopt_check_iova(): checks that a range can be mapped. */
  checkFree(first: bigint, length: bigint): void {
    const last = first + length - 1n;
    if (first % this.alignment !== 0n) throw new Errno('EINVAL');
    if (last > U64_MAX) throw new Errno('EOVERFLOW');
    if (this.reserved.some((hole) => first <= hole.last && last >= hole.first)) throw new Errno('EINVAL');
    if (this.areas.find(first, last) !== undefined) throw new Errno('EEXIST');
  }

  /** iopt_alloc_iova(): finds the lowest place from the second page on, aligned like the address, up to a huge page. */
  findFree(address: bigint, length: bigint): bigint {
    if (length >= U64_MAX / 2n) throw new Errno('EOVERFLOW');
    const power = 2n ** BigInt((length - 1n).toString(2).length);
    const lowest = address === 0n ? power : address & -address;
    const wanted = [length === 1n ? 1n : power, lowest, HUGE_PAGE].reduce((a, b) => (a < b ? a : b));
    const alignment = wanted < this.alignment ? this.alignment : wanted;
    const up = (iova: bigint) => ((iova + alignment - 1n) / alignment) * alignment;
    const taken = [...this.areas, ...this.reserved].sort((a, b) => (a.first < b.first ? -1 : 1));
    const offset = address % PAGE;
    const place = (iova: bigint) => up(iova) | offset;
    let iova = place(PAGE);
    for (const { first, last } of taken) {
      if (iova + length - 1n < first) break;
      if (last >= iova) iova = place(last + 1n);
    }
    if (iova + length - 1n > U64_MAX - PAGE) throw new Errno('ENOSPC');
    return iova;
  }
}

/** A device that uses a page table. */
interface Attached {
  readonly group: SimIommuGroup;
}

/** A page table of the IOMMU's: struct iommufd_hwpt_paging, made for an IOAS when its first device is attached. */
export class Hwpt {
  readonly kind = 'hwpt';
  readonly id: number;
  readonly ioas: SimIoas;
  readonly domain: IommuDomain;
  readonly devices = new Set<Attached>();

  constructor(id: number, ioas: SimIoas, domain: IommuDomain) {
    this.id = id;
    this.ioas = ioas;
    this.domain = domain;
  }

  get users(): number {
    return this.devices.size;
  }
}
