import { acquiring } from '../../cleanup';
import { SysError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import {
  attachIommufdPt,
  bindIommufd,
  bindIommufdToken,
  detachIommufdPt,
  deviceFeature,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_FLAG_TOKEN,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
  VFIO_DEVICE_FEATURE_SET,
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
 *
 * @param token the UUID that the kernel asks for with SR-IOV, from Linux 6.17 on; null for none
 */
export function attachByIommufd(sys: Sys, device: VfioDeviceInfo, token: string | null): Attachment {
  const { address, vfio } = device;
  if (vfio.cdev === null) throw noCdev(device, vfio.group !== null && new IommuGroups(sys).get(vfio.group).noiommu);
  const cdev = `/dev/vfio/devices/${vfio.cdev}`;
  return acquiring((cleanup) => {
    const iommufd = openNode(sys, device, IOMMUFD);
    cleanup.defer(() => sys.close(iommufd));
    const fd = openNode(sys, device, cdev, `vfio-device ${address}`);
    cleanup.defer(() => sys.close(fd));
    try {
      if (token === null) bind(sys, fd, iommufd);
      else bindWithToken(sys, fd, iommufd, token);
    } catch (error) {
      throw bindFailed(sys, device, error, token !== null);
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

/**
 * Binds with a token. Before Linux 6.17 a cdev takes none in this call, and asks for none: a virtual function opens
 * without, and a physical one has its token set once it is open.
 */
function bindWithToken(sys: Sys, device: number, iommufd: number, token: string): void {
  const uuid = Buffer.from(token.replaceAll('-', ''), 'hex');
  const memory = sys.allocate(uuid.length);
  uuid.copy(memory.bytes);
  const struct = Buffer.alloc(bindIommufdToken.size);
  struct.writeUInt32LE(bindIommufdToken.size, bindIommufd.argsz);
  struct.writeUInt32LE(VFIO_DEVICE_BIND_FLAG_TOKEN, bindIommufd.flags);
  struct.writeInt32LE(iommufd, bindIommufd.iommufd);
  struct.writeBigUInt64LE(memory.address, bindIommufdToken.tokenPtr);
  try {
    sys.ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, struct);
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== 'EINVAL') throw error;
    bind(sys, device, iommufd);
    setToken(sys, device, uuid);
  } finally {
    memory.close();
  }
}

/** Sets the token of a physical function that is open; a virtual one has none of its own (ENOTTY). */
function setToken(sys: Sys, device: number, uuid: Buffer): void {
  const struct = Buffer.alloc(deviceFeature.size + uuid.length);
  struct.writeUInt32LE(struct.length, deviceFeature.argsz);
  struct.writeUInt32LE(VFIO_DEVICE_FEATURE_PCI_VF_TOKEN | VFIO_DEVICE_FEATURE_SET, deviceFeature.flags);
  uuid.copy(struct, deviceFeature.data);
  try {
    sys.ioctl(device, VFIO_DEVICE_FEATURE, struct);
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== 'ENOTTY') throw error;
  }
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
