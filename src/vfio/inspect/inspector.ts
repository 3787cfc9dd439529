import type { VfioAttributes } from '../../model/device';
import { AttributeReader } from '../../sys/readers/attributes';
import type { Access, SysTree } from '../../sys/sys';
import { isVfioDriver } from './drivers';
import { groupAccess, groupNode, type IommuGroup, IommuGroups } from './iommu-group';

export const VFIO_DEV_CLASS = '/sys/class/vfio-dev';

/** The part of a device in `udrv list` that VFIO contributes. */
export interface VfioFacts {
  vfio: VfioAttributes;
  /** Node that an open would use; null without cdev and group. */
  node: string | null;
  access: Access | null;
}

/** Inspects the devices of VFIO drivers, from sysfs and /dev. Keep one for a listing: it reads each group once. */
export class VfioInspector {
  readonly groups: IommuGroups;
  readonly #sys: SysTree;
  #iommufd: boolean | undefined;
  #registered: Set<string> | undefined;

  constructor(sys: SysTree) {
    this.#sys = sys;
    this.groups = new IommuGroups(sys);
  }

  /**
   * Tells whether a device is bound to a VFIO driver. Drivers without VFIO in their name may be one too, as NVIDIA's for
   * virtual GPUs; they are known from the class that Linux has for VFIO devices since 6.1.
   *
   * @param name of the device on its bus
   */
  has(name: string, driver: string | null): boolean {
    if (isVfioDriver(driver)) return true;
    this.#registered ??= registeredDevices(this.#sys);
    return this.#registered.has(name);
  }

  /**
   * @param dir the device's directory in sysfs
   * @param number of its IOMMU group
   * @returns lists that all members of a group share: 2,000 functions may be in one
   */
  inspect(reader: AttributeReader, dir: string, number: number | null): VfioFacts {
    const cdev = this.#cdev(reader, dir);
    const group = number === null ? null : this.groups.get(number);
    if (group !== null) reader.errors.push(...group.errors);
    const node = this.#node(cdev, group);
    return {
      vfio: {
        group: number,
        cdev,
        viable: group?.viable ?? null,
        blockers: group?.blockers ?? [],
        groupDevices: group?.devices ?? [],
      },
      node,
      access: node === null ? null : groupAccess(this.#sys, node, group?.noiommu === true),
    };
  }

  /**
   * Finds the cdev. Kernels without cdevs have `vfio-dev/vfioN` too, but no device number in it. `noiommu-vfioN`, since
   * Linux 7.x, is not one to take: iommufd gives it addresses that no hardware translates, and the device would reach
   * whatever memory has them. Such a device is opened by its group, which says that it is not isolated.
   */
  #cdev(reader: AttributeReader, dir: string): string | null {
    const name = reader.names(`${dir}/vfio-dev`).find((entry) => /^vfio\d+$/.test(entry));
    return name !== undefined && reader.text(`${dir}/vfio-dev/${name}/dev`) !== null ? name : null;
  }

  #node(cdev: string | null, group: IommuGroup | null): string | null {
    if (cdev !== null) {
      // Without iommufd nothing can be done with a cdev; the group may still serve.
      this.#iommufd ??= this.#sys.access('/dev/iommu') !== null;
      if (this.#iommufd) return `/dev/vfio/devices/${cdev}`;
    }
    if (group === null) return null;
    return groupNode(group.number, group.noiommu);
  }
}

/** Returns the names of all devices that a driver has registered with VFIO: one readdir, and one readlink for each. */
function registeredDevices(sys: SysTree): Set<string> {
  const reader = new AttributeReader(sys);
  const parents = reader.names(VFIO_DEV_CLASS).map((name) => reader.linkName(`${VFIO_DEV_CLASS}/${name}/device`));
  return new Set(parents.filter((parent) => parent !== null));
}
