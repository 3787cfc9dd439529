import { acquiring } from '../../cleanup';
import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import {
  groupStatus,
  VFIO_API_VERSION,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1v2_IOMMU,
} from '../../uapi/vfio';
import { NoIommu } from '../dma/no-iommu';
import { Type1 } from '../dma/type1';
import { getDeviceFailed, noGroup, notViable, otherApiVersion, setContainerFailed, setIommuFailed } from '../errors';
import { groupNode, IommuGroups } from '../inspect/iommu-group';
import type { Attachment } from './backend';
import { openNode } from './open-node';

const CONTAINER = '/dev/vfio/vfio';

/**
 * Opens a device by its IOMMU group, which goes into a container that has the address space: the older way in
 * (Documentation/driver-api/vfio.rst). A group has one opener; all its members go to it.
 *
 * @param token the UUID that the kernel asks for with SR-IOV; null for none
 */
export function attachByGroup(sys: Sys, device: VfioDeviceInfo, token: string | null): Attachment {
  const { address, vfio } = device;
  if (vfio.group === null) throw noGroup(sys, address);
  const { noiommu } = new IommuGroups(sys).get(vfio.group);
  const node = groupNode(vfio.group, noiommu);
  return acquiring((cleanup) => {
    const container = openNode(sys, device, CONTAINER);
    cleanup.defer(() => sys.close(container));
    if (sys.ioctl(container, VFIO_GET_API_VERSION, 0) !== VFIO_API_VERSION) throw otherApiVersion(address);
    const group = openNode(sys, device, node);
    cleanup.defer(() => sys.close(group));
    mustBeViable(sys, device, group);
    setContainer(sys, device, group, container);
    setIommu(sys, device, container, noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU);
    const fd = getDevice(sys, device, group, token);
    cleanup.defer(() => sys.close(fd));
    const iommu = noiommu ? new NoIommu(address) : new Type1(sys, address, container);
    return { backend: 'group', fd, iommu, close: () => cleanup.close() };
  });
}

function mustBeViable(sys: Sys, device: VfioDeviceInfo, group: number): void {
  const status = Buffer.alloc(groupStatus.size);
  status.writeUInt32LE(groupStatus.size, groupStatus.argsz);
  sys.ioctl(group, VFIO_GROUP_GET_STATUS, status);
  if ((status.readUInt32LE(groupStatus.flags) & VFIO_GROUP_FLAGS_VIABLE) === 0) throw notViable(device);
}

function setContainer(sys: Sys, device: VfioDeviceInfo, group: number, container: number): void {
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(container);
  try {
    sys.ioctl(group, VFIO_GROUP_SET_CONTAINER, argument);
  } catch (error) {
    throw setContainerFailed(sys, device, error);
  }
}

function setIommu(sys: Sys, device: VfioDeviceInfo, container: number, type: number): void {
  try {
    sys.ioctl(container, VFIO_SET_IOMMU, type);
  } catch (error) {
    throw setIommuFailed(sys, device, error);
  }
}

/** The token follows the address: vfio_pci_core_match(). */
function getDevice(sys: Sys, device: VfioDeviceInfo, group: number, token: string | null): number {
  const { address } = device;
  const name = token === null ? address : `${address} vf_token=${token}`;
  try {
    return sys.ioctlOpen(group, VFIO_GROUP_GET_DEVICE_FD, Buffer.from(`${name}\0`), `vfio-device ${address}`);
  } catch (error) {
    throw getDeviceFailed(sys, device, error, token !== null);
  }
}
