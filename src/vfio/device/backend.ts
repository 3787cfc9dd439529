import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import type { Attachment } from './attachment';
import { attachByGroup } from './container';
import { attachByIommufd } from './iommufd';

/** Which way in: by what there is, the group and its container, or the cdev and iommufd. */
export type Backend = 'auto' | 'group' | 'iommufd';

/**
 * Opens a device and gives it an empty address space of its own. The kernel resets a device that is opened, if it
 * can, and switches its bus mastering off.
 *
 * @throws UdrvError that names what is in the way
 */
export function attach(sys: Sys, device: VfioDeviceInfo, backend: Backend): Attachment {
  // The node that an inspection names is the one that `auto` opens.
  const byCdev =
    backend === 'iommufd' || (backend === 'auto' && device.node?.startsWith('/dev/vfio/devices/') === true);
  return byCdev ? attachByIommufd(sys, device) : attachByGroup(sys, device);
}
