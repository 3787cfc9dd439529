import { type Interval, Intervals } from './intervals';

/** Directions of a mapping, from the device's view: <linux/iommu.h>. */
export const IOMMU_READ = 1;
export const IOMMU_WRITE = 2;

/** Pages of memory at the addresses that a device uses for them. */
export interface IoMapping extends Interval {
  /** Pinned: it stays when the process unmaps it. */
  readonly memory: Buffer;
  /** Bits of IOMMU_READ and IOMMU_WRITE. */
  readonly prot: number;
}

/** A translation that devices can be attached to: struct iommu_domain. */
export class IommuDomain {
  readonly #mappings = new Intervals<IoMapping>();
  readonly #leaks: (domain: IommuDomain) => boolean;

  /** @param leaks whether the IOMMU fails at its task for the devices that are attached to a domain */
  constructor(leaks: (domain: IommuDomain) => boolean) {
    this.#leaks = leaks;
  }

  /** Maps pages. All can be read: __domain_mapping() of the VT-d driver sets the read bit in every entry. */
  map(mapping: IoMapping): void {
    // Mappings that are still there were kept by a leaking IOMMU.
    for (const stale of this.#mappings.within(mapping.first, mapping.last)) this.#mappings.delete(stale);
    this.#mappings.add({ ...mapping, prot: mapping.prot | IOMMU_READ });
  }

  unmap(first: bigint, last: bigint): void {
    if (this.#leaks(this)) return;
    for (const mapping of this.#mappings.within(first, last)) this.#mappings.delete(mapping);
  }

  find(address: bigint): IoMapping | undefined {
    return this.#mappings.find(address, address);
  }
}
