import type { VfioDevice } from '../model/device';
import type { Sys } from '../sys/sys';
import { attachByGroup } from './group';
import type { Iommu } from './iommu';
import { attachByIommufd } from './iommufd';

/** Which way in: by what there is, the group and its container, or the cdev and iommufd. */
export type Backend = 'auto' | 'group' | 'iommufd';

/** A device that was opened, with what its DMA goes through. */
export interface Attachment {
  readonly backend: 'group' | 'iommufd';
  /** The device's descriptor. */
  readonly fd: number;
  readonly iommu: Iommu;
  /** Takes the device off its address space, so that it reaches nothing; returns what puts it back. A group cannot. */
  readonly detach?: () => () => void;
  /** Gives all of it back. Nothing may be mapped from the device any more. */
  close(): void;
}

/**
 * Opens a device and gives it an empty address space of its own. The kernel resets a device that is opened, if it
 * can, and switches its bus mastering off.
 *
 * @throws UdrvError that names what is in the way
 */
export function attach(sys: Sys, device: VfioDevice, backend: Backend): Attachment {
  // The node that an inspection names is the one that `auto` opens.
  const byCdev =
    backend === 'iommufd' || (backend === 'auto' && device.node?.startsWith('/dev/vfio/devices/') === true);
  return byCdev ? attachByIommufd(sys, device) : attachByGroup(sys, device);
}
