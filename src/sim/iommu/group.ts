import { Errno } from '../kernel/errno';
import type { PciFunction } from '../pci/function';
import type { IommuDomain } from './domain';
import type { Interval } from './intervals';

/**
 * An IOMMU group: drivers/iommu/iommu.c. All of its devices are attached to one domain: that of the kernel's drivers,
 * or that of the owner of its DMA.
 */
export class SimIommuGroup {
  readonly number: number;
  /** Sorted by address. */
  readonly functions: readonly PciFunction[];
  readonly reserved: readonly Interval[];
  readonly #usedByKernel: () => boolean;
  readonly #default: IommuDomain;
  /** Null: blocked. */
  #domain: IommuDomain | null;
  #owner: object | null = null;
  #claims = 0;

  constructor(
    number: number,
    functions: readonly PciFunction[],
    reserved: readonly Interval[],
    usedByKernel: () => boolean,
    defaultDomain: IommuDomain,
  ) {
    this.number = number;
    this.functions = functions;
    this.reserved = reserved;
    this.#usedByKernel = usedByKernel;
    this.#default = defaultDomain;
    this.#domain = this.#default;
  }

  get domain(): IommuDomain | null {
    return this.#domain;
  }

  /** iommu_group_dma_owner_claimed(): by a driver of the kernel's that uses DMA, or for user space. */
  get claimed(): boolean {
    return this.#owner !== null || this.#usedByKernel();
  }

  get owned(): boolean {
    return this.#owner !== null;
  }

  /**
   * iommu_group_claim_dma_owner(): from then on devices reach nothing, until a domain is attached.
   *
   * @param shared the same owner may claim it once for each of its devices (iommu_device_claim_dma_owner())
   */
  claim(owner: object, shared: boolean): void {
    if (this.#owner !== null ? !shared || this.#owner !== owner : this.#usedByKernel()) throw new Errno('EPERM');
    if (this.#owner === null) this.#domain = null;
    this.#owner = owner;
    this.#claims++;
  }

  release(): void {
    if (--this.#claims > 0) return;
    this.#owner = null;
    this.#domain = this.#default;
  }

  attach(domain: IommuDomain): void {
    this.#domain = domain;
  }

  /** Blocks its DMA again, as the claim did. */
  detach(): void {
    this.#domain = null;
  }
}
