import type { SimIommuGroup } from '../iommu/group';
import { Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';

/** The container that a group is in, as far as the group needs it: struct vfio_container. */
export interface GroupContainer {
  /** A device of the group is opened. */
  use(group: VfioGroup): void;
  detach(group: VfioGroup): void;
}

/** struct vfio_group: an IOMMU group with devices that are bound to VFIO drivers, and the one open file of its node. */
export class VfioGroup {
  readonly iommuGroup: SimIommuGroup;
  readonly minor: number;
  /** Devices that are bound to VFIO drivers. */
  deviceCount = 0;
  /** Devices that were bound through their cdevs: the group cannot be opened meanwhile, and the other way round. */
  cdevsOpen = 0;
  container: GroupContainer | null = null;
  /** One for the group itself, one for each open device. */
  containerUsers = 0;
  #openedFile: OpenFile | null = null;

  constructor(iommuGroup: SimIommuGroup, minor: number) {
    this.iommuGroup = iommuGroup;
    this.minor = minor;
  }

  get registered(): boolean {
    return this.deviceCount > 0;
  }

  get openedFile(): OpenFile | null {
    return this.#openedFile;
  }

  /**
   * vfio_group_fops_open()
   *
   * @throws Errno EBUSY where the group is open already, or one of its devices through its cdev
   */
  open(file: OpenFile): void {
    if (this.cdevsOpen > 0 || this.#openedFile !== null) throw new Errno('EBUSY');
    this.#openedFile = file;
  }

  close(): void {
    this.#openedFile = null;
  }
}
