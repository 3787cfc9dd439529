import { type Interval, Intervals } from './intervals';

/** Directions of a mapping, from the device's view: <linux/iommu.h>. */
export const IOMMU_READ = 1;
export const IOMMU_WRITE = 2;

/** Pages of memory where a device sees them. */
export interface IoMapping extends Interval {
  /** Stays, whatever the process unmaps: the pages are pinned. */
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

  /** What a device may write it may read too: __domain_mapping() of the VT-d driver sets the bit for it in every entry. */
  map(mapping: IoMapping): void {
    // Nothing is there but what a leaking IOMMU kept.
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
