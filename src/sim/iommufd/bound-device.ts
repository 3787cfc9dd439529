import type { SimIommuGroup } from '../iommu/group';
import type { Hwpt } from './ioas';

/** The open iommufd, as far as a device that is bound to it needs it: struct iommufd_ctx. */
export interface IommufdContext {
  /** Finds the page table of that id, or that of the IOAS. */
  pageTable(id: number, group: SimIommuGroup): Hwpt;
  dropPageTable(hwpt: Hwpt): void;
  remove(id: number): void;
}

/** A device that is bound to an iommufd: struct iommufd_device. */
export class IommufdDevice {
  readonly kind = 'device';
  readonly id: number;
  readonly group: SimIommuGroup;
  /** The use by the driver. */
  readonly users = 1;
  readonly #context: IommufdContext;
  #hwpt: Hwpt | null = null;

  constructor(context: IommufdContext, id: number, group: SimIommuGroup) {
    this.#context = context;
    this.id = id;
    this.group = group;
  }

  /**
   * iommufd_device_attach(), iommufd_device_replace()
   *
   * @param pt the id of an IOAS or of a page table
   * @returns the id of the page table
   */
  attach(pt: number): number {
    const hwpt = this.#context.pageTable(pt, this.group);
    if (hwpt === this.#hwpt) return hwpt.id;
    this.detach();
    hwpt.devices.add(this);
    this.#hwpt = hwpt;
    this.group.attach(hwpt.domain);
    return hwpt.id;
  }

  detach(): void {
    const hwpt = this.#hwpt;
    if (hwpt === null) return;
    this.#hwpt = null;
    hwpt.devices.delete(this);
    this.group.detach();
    if (hwpt.devices.size === 0) this.#context.dropPageTable(hwpt);
  }

  unbind(): void {
    this.detach();
    this.group.release();
    this.#context.remove(this.id);
  }
}
