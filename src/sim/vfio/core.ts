import { posix } from 'node:path';
import {
  groupStatus,
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
} from '../../uapi/vfio';
import type { SimIommu, SimIommuGroup } from '../iommu/iommu';
import { Errno } from '../kernel/errno';
import { IoctlFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import { UserStruct } from '../kernel/user-struct';
import type { PciFunction } from '../pci/function';
import { ContainerFile } from './container';
import { VfioDeviceFile } from './device-file';
import { SimVfioDevice, StillInUse, type VfioDeviceOps, VfioGroup } from './group';

/** Dynamic on a real machine. */
const CDEV_MAJOR = 245;
const GROUP_MAJOR = 246;

/** drivers/vfio/vfio_main.c and group.c: numbers, nodes and classes. Read from Linux 6.12, checked by running it. */
export class Vfio {
  readonly #kernel: Kernel;
  readonly #iommu: SimIommu;
  readonly #groups = new Map<SimIommuGroup, VfioGroup>();
  readonly #devices = new Map<number, SimVfioDevice>();

  constructor(kernel: Kernel, iommu: SimIommu) {
    this.#kernel = kernel;
    this.#iommu = iommu;
    kernel.node('/dev/vfio/vfio', () => new ContainerFile(iommu, kernel));
  }

  /** vfio_register_group_dev() */
  register(fn: PciFunction, ops: VfioDeviceOps): SimVfioDevice {
    const iommuGroup = this.#iommu.groupOf(fn);
    // Without an IOMMU there is only the mode that protects nothing, which has to be asked for.
    if (iommuGroup === undefined) throw new Errno('EINVAL');
    const group = this.#groups.get(iommuGroup) ?? this.#addGroup(iommuGroup);
    let index = 0;
    while (this.#devices.has(index)) index++;
    const device = new SimVfioDevice(fn, index, group, ops);
    this.#devices.set(index, device);
    group.devices.add(device);
    this.#addCdev(device);
    return device;
  }

  /**
   * vfio_unregister_group_dev(): asks the users to let go and waits until they have. Here nobody else runs while it
   * waits.
   *
   * @throws StillInUse where it would wait for ever
   */
  unregister(device: SimVfioDevice): void {
    if (device.inUse) {
      device.ops.request();
      this.#kernel.timeline.run();
      if (device.inUse) throw new StillInUse(device);
    }
    this.#devices.delete(device.index);
    this.#kernel.removeDevice(`${device.fn.path}/vfio-dev`);
    const { group } = device;
    group.devices.delete(device);
    if (group.registered) return;
    this.#groups.delete(group.iommuGroup);
    this.#kernel.removeDevice(groupPath(group));
  }

  #addGroup(iommuGroup: SimIommuGroup): VfioGroup {
    const taken = new Set([...this.#groups.values()].map(({ minor }) => minor));
    let minor = 0;
    while (taken.has(minor)) minor++;
    const group = new VfioGroup(iommuGroup, minor);
    this.#groups.set(iommuGroup, group);
    const node = `vfio/${iommuGroup.number}`;
    this.#addDevice(groupPath(group), 'vfio', GROUP_MAJOR, minor, node);
    this.#kernel.node(`/dev/${node}`, () => new GroupFile(this.#kernel, group));
    return group;
  }

  #addCdev(device: SimVfioDevice): void {
    const name = `vfio${device.index}`;
    const path = `${device.fn.path}/vfio-dev/${name}`;
    this.#addDevice(path, 'vfio-dev', CDEV_MAJOR, device.index, `vfio/devices/${name}`);
    this.#kernel.link(`${path}/device`, device.fn.path);
    this.#kernel.node(`/dev/vfio/devices/${name}`, () => new VfioDeviceFile(this.#kernel, device, null));
  }

  #addDevice(path: string, className: string, major: number, minor: number, node: string): void {
    this.#kernel.attribute(`${path}/dev`, { show: () => `${major}:${minor}` });
    this.#kernel.attribute(`${path}/uevent`, { show: () => `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${node}` });
    this.#kernel.link(`${path}/subsystem`, `/sys/class/${className}`);
    this.#kernel.link(`/sys/class/${className}/${posix.basename(path)}`, path);
  }
}

function groupPath(group: VfioGroup): string {
  return `/sys/devices/virtual/vfio/${group.iommuGroup.number}`;
}

/** An open group: /dev/vfio/N. */
class GroupFile extends IoctlFile {
  readonly #kernel: Kernel;
  readonly #group: VfioGroup;

  constructor(kernel: Kernel, group: VfioGroup) {
    super();
    if (group.cdevsOpen > 0 || group.openedFile !== null) throw new Errno('EBUSY');
    this.#kernel = kernel;
    this.#group = group;
    group.openedFile = this;
  }

  ioctl(request: number, argument: Buffer | number): number {
    switch (request) {
      case VFIO_GROUP_GET_DEVICE_FD:
        return this.#getDeviceFd(argument);
      case VFIO_GROUP_GET_STATUS:
        return this.#getStatus(argument);
      case VFIO_GROUP_SET_CONTAINER:
        return this.#setContainer(argument);
      case VFIO_GROUP_UNSET_CONTAINER:
        return this.#unsetContainer();
      default:
        throw new Errno('ENOTTY');
    }
  }

  /** Devices hold this file: none is open any more. */
  close(): void {
    this.#group.container?.detach(this.#group);
    this.#group.openedFile = null;
  }

  #getDeviceFd(argument: Buffer | number): number {
    const device = this.#find(cString(argument));
    return this.#kernel.descriptors.add(
      'anon_inode:[vfio-device]',
      new VfioDeviceFile(this.#kernel, device, this.#group),
      { write: true, nonblock: false },
    );
  }

  /** vfio_pci_core_match(): an address, and perhaps a token for virtual functions, of which there are none. */
  #find(name: string): SimVfioDevice {
    for (const device of this.#group.devices) {
      const { name: address } = device.fn;
      if (!name.startsWith(address)) continue;
      const rest = name.slice(address.length);
      if (rest === '') return device;
      if (rest.startsWith(' ')) throw new Errno('EINVAL');
    }
    throw new Errno('ENODEV');
  }

  #getStatus(argument: Buffer | number): number {
    const user = new UserStruct(argument, groupStatus.size);
    if (user.u32(groupStatus.argsz) < groupStatus.size) throw new Errno('EINVAL');
    if (!this.#group.registered) throw new Errno('ENODEV');
    const { container, iommuGroup } = this.#group;
    let flags = 0;
    if (container !== null) flags = VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET;
    else if (!iommuGroup.claimed) flags = VFIO_GROUP_FLAGS_VIABLE;
    user.setU32(groupStatus.flags, flags);
    return 0;
  }

  #setContainer(argument: Buffer | number): number {
    const file = this.#kernel.descriptors.get(new UserStruct(argument, 4).s32(0))?.file;
    if (file === undefined) throw new Errno('EBADF');
    if (this.#group.container !== null) throw new Errno('EINVAL');
    if (!this.#group.registered) throw new Errno('ENODEV');
    // An iommufd that stands for a container is not modelled.
    if (!(file instanceof ContainerFile)) throw new Errno('EBADFD');
    file.container.attach(this.#group);
    return 0;
  }

  #unsetContainer(): number {
    const { container } = this.#group;
    if (container === null) throw new Errno('EINVAL');
    if (this.#group.containerUsers !== 1) throw new Errno('EBUSY');
    container.detach(this.#group);
    return 0;
  }
}

/** strndup_user(): what ends within the memory that there is. */
function cString(argument: Buffer | number): string {
  const { bytes } = new UserStruct(argument, 1);
  const end = bytes.indexOf(0);
  if (end < 0) throw new Errno('EFAULT');
  return bytes.toString('latin1', 0, end);
}
