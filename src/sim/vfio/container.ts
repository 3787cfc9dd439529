import { VFIO_API_VERSION, VFIO_CHECK_EXTENSION, VFIO_GET_API_VERSION, VFIO_SET_IOMMU } from '../../uapi/vfio';
import type { SimIommu } from '../iommu/iommu';
import { Errno } from '../kernel/errno';
import { IoctlFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { GroupContainer, VfioGroup } from './group';
import { Type1Iommu, type1Extension } from './type1';

/** drivers/vfio/container.c, with one driver of IOMMUs: type1. It lives as long as its last group, or its file. */
class VfioContainer implements GroupContainer {
  readonly #iommu: SimIommu;
  readonly #kernel: Kernel;
  readonly #groups = new Set<VfioGroup>();
  #driver: Type1Iommu | null = null;

  constructor(iommu: SimIommu, kernel: Kernel) {
    this.#iommu = iommu;
    this.#kernel = kernel;
  }

  /** vfio_container_attach_group(): claims the group, whose devices reach nothing until there is a driver. */
  attach(group: VfioGroup): void {
    group.iommuGroup.claim(group, false);
    try {
      this.#driver?.attach(group.iommuGroup);
    } catch (error) {
      group.iommuGroup.release();
      throw error;
    }
    group.container = this;
    group.containerUsers = 1;
    this.#groups.add(group);
  }

  /** vfio_group_detach_container(): the last group to go unmaps everything. */
  detach(group: VfioGroup): void {
    this.#driver?.detach(group.iommuGroup);
    group.iommuGroup.release();
    group.container = null;
    group.containerUsers = 0;
    this.#groups.delete(group);
    if (this.#groups.size > 0) return;
    this.#driver?.release();
    this.#driver = null;
  }

  /** vfio_group_use_container(): a device is opened. */
  use(group: VfioGroup): void {
    if (this.#driver === null) throw new Errno('EINVAL');
    group.containerUsers++;
  }

  ioctl(request: number, argument: Buffer | number): number {
    switch (request) {
      case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
      case VFIO_CHECK_EXTENSION:
        return type1Extension(Number(argument), this.#driver !== null);
      case VFIO_SET_IOMMU:
        return this.#setIommu(Number(argument));
      default:
        if (this.#driver === null) throw new Errno('EINVAL');
        return this.#driver.ioctl(request, argument);
    }
  }

  /**
   * Makes the driver of the type that is asked for. An extension that is no type passes the check here, and fails
   * there.
   */
  #setIommu(type: number): number {
    if (this.#groups.size === 0 || this.#driver !== null) throw new Errno('EINVAL');
    if (type1Extension(type, false) <= 0) throw new Errno('ENODEV');
    const driver = new Type1Iommu(this.#iommu, this.#kernel, type);
    for (const { iommuGroup } of this.#groups) driver.attach(iommuGroup);
    this.#driver = driver;
    return 0;
  }
}

/** An open /dev/vfio/vfio. */
export class ContainerFile extends IoctlFile {
  readonly container: VfioContainer;

  constructor(iommu: SimIommu, kernel: Kernel) {
    super();
    this.container = new VfioContainer(iommu, kernel);
  }

  ioctl(request: number, argument: Buffer | number): number {
    return this.container.ioctl(request, argument);
  }
}
