import { acquiring } from '../../cleanup';
import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import {
  attachIommufdPt,
  bindIommufd,
  detachIommufdPt,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
} from '../../uapi/vfio';
import { Ioas } from '../dma/ioas';
import { attachFailed, bindFailed, noCdev } from '../errors';
import { IommuGroups } from '../inspect/iommu-group';
import type { Attachment } from './backend';
import { openNode } from './open-node';

const IOMMUFD = '/dev/iommu';

/**
 * Opens a device by its own character device, binds it to an iommufd and attaches it to an I/O address space there: the
 * newer way in (Documentation/userspace-api/iommufd.rst, Documentation/driver-api/vfio.rst).
 */
export function attachByIommufd(sys: Sys, device: VfioDeviceInfo): Attachment {
  const { address, vfio } = device;
  if (vfio.cdev === null) throw noCdev(device, vfio.group !== null && new IommuGroups(sys).get(vfio.group).noiommu);
  const cdev = `/dev/vfio/devices/${vfio.cdev}`;
  return acquiring((cleanup) => {
    const iommufd = openNode(sys, device, IOMMUFD);
    cleanup.defer(() => sys.close(iommufd));
    const fd = openNode(sys, device, cdev, `vfio-device ${address}`);
    cleanup.defer(() => sys.close(fd));
    try {
      bind(sys, fd, iommufd);
    } catch (error) {
      throw bindFailed(sys, device, error);
    }
    try {
      const iommu = Ioas.allocate(sys, address, iommufd);
      attach(sys, fd, iommu.id);
      const detachAndReturn = () => {
        detach(sys, fd);
        return () => attach(sys, fd, iommu.id);
      };
      return { backend: 'iommufd', fd, iommu, detach: detachAndReturn, close: () => cleanup.close() };
    } catch (error) {
      throw attachFailed(sys, device, error);
    }
  });
}

function bind(sys: Sys, device: number, iommufd: number): void {
  const struct = Buffer.alloc(bindIommufd.size);
  struct.writeUInt32LE(bindIommufd.size, bindIommufd.argsz);
  struct.writeInt32LE(iommufd, bindIommufd.iommufd);
  sys.ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, struct);
}

function attach(sys: Sys, device: number, ioas: number): void {
  const struct = Buffer.alloc(attachIommufdPt.size);
  struct.writeUInt32LE(attachIommufdPt.size, attachIommufdPt.argsz);
  struct.writeUInt32LE(ioas, attachIommufdPt.pt);
  sys.ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, struct);
}

function detach(sys: Sys, device: number): void {
  const struct = Buffer.alloc(detachIommufdPt.size);
  struct.writeUInt32LE(detachIommufdPt.size, detachIommufdPt.argsz);
  sys.ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct);
}
