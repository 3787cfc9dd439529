import { noIommu } from '../errors';
import type { Iommu, IommuInfo } from './iommu';

/** Stands where nothing translates: the device reaches all memory by physical addresses, and the kernel maps nothing. */
export class NoIommu implements Iommu {
  readonly kind = 'noiommu';
  readonly #device: string;

  constructor(device: string) {
    this.#device = device;
  }

  objects(): [] {
    return [];
  }

  info(): IommuInfo {
    return { pageSizes: [], ranges: [], dmaAvail: null };
  }

  /** @throws exit 9, always */
  map(): never {
    throw noIommu(this.#device);
  }

  mapping(): never {
    return this.map();
  }

  unmap(): number {
    return 0;
  }

  unmapAll(): void {}
}
