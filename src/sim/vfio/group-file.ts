import {
  groupStatus,
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
} from '../../uapi/vfio';
import { Errno } from '../kernel/errno';
import { IoctlFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import { UserStruct } from '../kernel/user-struct';
import { ContainerFile } from './container';
import type { SimVfioDevice } from './device';
import { VfioDeviceFile } from './device-file';
import type { VfioGroup } from './group';

/** An open group: /dev/vfio/N. */
export class GroupFile extends IoctlFile {
  readonly #kernel: Kernel;
  readonly #group: VfioGroup;
  readonly #devices: () => Iterable<SimVfioDevice>;

  /** @param devices gives those of the group */
  constructor(kernel: Kernel, group: VfioGroup, devices: () => Iterable<SimVfioDevice>) {
    super();
    this.#kernel = kernel;
    this.#group = group;
    this.#devices = devices;
    group.open(this);
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

  /** Closes the group; its devices hold this file, so that none of them is open any more. */
  close(): void {
    this.#group.container?.detach(this.#group);
    this.#group.close();
  }

  #getDeviceFd(argument: Buffer | number): number {
    const device = this.#find(cString(argument));
    return this.#kernel.descriptors.add(
      'anon_inode:[vfio-device]',
      new VfioDeviceFile(this.#kernel, device, this.#group),
      { write: true, nonblock: false },
    );
  }

  /**
   * vfio_pci_core_match(): takes an address, which a token for virtual functions may follow; there are none of those.
   */
  #find(name: string): SimVfioDevice {
    for (const device of this.#devices()) {
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

/** strndup_user(): reads a string that ends within the memory that there is. */
function cString(argument: Buffer | number): string {
  const { bytes } = new UserStruct(argument, 1);
  const end = bytes.indexOf(0);
  if (end < 0) throw new Errno('EFAULT');
  return bytes.toString('latin1', 0, end);
}
