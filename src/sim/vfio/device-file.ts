import {
  attachIommufdPt,
  bindIommufd,
  detachIommufdPt,
  deviceFeature,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_FEATURE_GET,
  VFIO_DEVICE_FEATURE_PROBE,
  VFIO_DEVICE_FEATURE_SET,
} from '../../uapi/vfio';
import type { SimRegion } from '../hardware/region';
import type { IommufdDevice } from '../iommufd/bound-device';
import { IommufdFile } from '../iommufd/iommufd-file';
import { Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import { UserStruct } from '../kernel/user-struct';
import type { SimVfioDevice } from './device';
import type { VfioGroup } from './group';

/** The feature's number in the flags of struct vfio_device_feature. */
const FEATURE_MASK = 0xffff;

/**
 * An open device: a descriptor that its group gave, or its cdev, which can do nothing until it is bound to an iommufd.
 * drivers/vfio/vfio_main.c and device_cdev.c.
 */
export class VfioDeviceFile implements OpenFile {
  readonly #kernel: Kernel;
  readonly #device: SimVfioDevice;
  /** Null for a cdev. */
  readonly #group: VfioGroup | null;
  #access = false;
  #position = 0;
  #iommufd: IommufdFile | null = null;
  #bound: IommufdDevice | null = null;

  constructor(kernel: Kernel, device: SimVfioDevice, group: VfioGroup | null) {
    this.#kernel = kernel;
    this.#device = device;
    this.#group = group;
    if (group !== null) this.#openFromGroup(group);
    device.hold();
  }

  read(buffer: Buffer): number {
    const length = this.pread(buffer, this.#position);
    this.#position += length;
    return length;
  }

  write(data: Buffer): number {
    const length = this.pwrite(data, this.#position);
    this.#position += length;
    return length;
  }

  pread(buffer: Buffer, position: number): number {
    this.#check();
    return this.#device.ops.read(buffer, position);
  }

  pwrite(data: Buffer, position: number): number {
    this.#check();
    return this.#device.ops.write(data, position);
  }

  mmap(length: number, _writable: boolean, offset: number): SimRegion {
    this.#check();
    return this.#device.ops.mmap(length, offset);
  }

  ioctl(request: number, argument: Buffer | number): number {
    if (request === VFIO_DEVICE_BIND_IOMMUFD) return this.#bind(argument);
    this.#check();
    if (this.#bound !== null) {
      if (request === VFIO_DEVICE_ATTACH_IOMMUFD_PT) return this.#attach(this.#bound, argument);
      if (request === VFIO_DEVICE_DETACH_IOMMUFD_PT) return this.#detach(this.#bound, argument);
    }
    if (request === VFIO_DEVICE_FEATURE) return this.#feature(argument);
    return this.#device.ops.ioctl(request, argument);
  }

  close(): void {
    const { descriptors } = this.#kernel;
    if (this.#access) {
      if (--this.#device.openCount === 0) this.#lastClose();
      if (this.#group === null) {
        this.#device.cdevOpened = false;
        this.#device.iommufdId = null;
        this.#device.group.cdevsOpen--;
        if (this.#iommufd !== null) descriptors.put(this.#iommufd);
      }
    }
    this.#device.put();
  }

  #check(): void {
    if (!this.#access) throw new Errno('EINVAL');
  }

  /** vfio_df_group_open(): through a group a device may be opened more than once. */
  #openFromGroup(group: VfioGroup): void {
    const { container } = group;
    if (container === null) throw new Errno('EINVAL');
    if (this.#device.openCount === 0) {
      container.use(group);
      if (group.openedFile !== null) this.#kernel.descriptors.hold(group.openedFile);
      this.#device.ops.openDevice();
    }
    this.#device.openCount++;
    this.#access = true;
  }

  /** vfio_df_device_last_close() */
  #lastClose(): void {
    this.#device.ops.closeDevice();
    this.#bound?.unbind();
    if (this.#group === null) return;
    this.#group.containerUsers--;
    if (this.#group.openedFile !== null) this.#kernel.descriptors.put(this.#group.openedFile);
  }

  #bind(argument: Buffer | number): number {
    const user = new UserStruct(argument, bindIommufd.size);
    const fd = user.s32(bindIommufd.iommufd);
    if (user.u32(bindIommufd.argsz) < bindIommufd.size || user.u32(bindIommufd.flags) !== 0 || fd < 0)
      throw new Errno('EINVAL');
    if (this.#group !== null) throw new Errno('EINVAL');
    const { group } = this.#device;
    if (group.openedFile !== null) throw new Errno('EBUSY');
    if (this.#access) throw new Errno('EINVAL');
    const file = this.#kernel.descriptors.get(fd)?.file;
    if (file === undefined) throw new Errno('EBADF');
    if (!(file instanceof IommufdFile)) throw new Errno('EBADFD');
    if (this.#device.openCount > 0) throw new Errno('EINVAL');
    this.#bound = file.bind(this.#device.fn);
    this.#device.ops.openDevice();
    this.#device.openCount++;
    this.#device.cdevOpened = true;
    this.#device.iommufdId = this.#bound.id;
    group.cdevsOpen++;
    this.#iommufd = file;
    this.#kernel.descriptors.hold(file);
    this.#access = true;
    user.setU32(bindIommufd.devid, this.#bound.id);
    return 0;
  }

  #attach(bound: IommufdDevice, argument: Buffer | number): number {
    const user = new UserStruct(argument, attachIommufdPt.size);
    if (user.u32(attachIommufdPt.argsz) < attachIommufdPt.size || user.u32(attachIommufdPt.flags) !== 0)
      throw new Errno('EINVAL');
    user.setU32(attachIommufdPt.pt, bound.attach(user.u32(attachIommufdPt.pt)));
    return 0;
  }

  /** Does nothing where nothing is attached. */
  #detach(bound: IommufdDevice, argument: Buffer | number): number {
    const user = new UserStruct(argument, detachIommufdPt.size);
    if (user.u32(detachIommufdPt.argsz) < detachIommufdPt.size || user.u32(detachIommufdPt.flags) !== 0)
      throw new Errno('EINVAL');
    bound.detach();
    return 0;
  }

  /** vfio_ioctl_device_feature(): the checks before those of the feature. */
  #feature(argument: Buffer | number): number {
    const user = new UserStruct(argument, deviceFeature.size);
    const flags = user.u32(deviceFeature.flags);
    if (user.u32(deviceFeature.argsz) < deviceFeature.size) throw new Errno('EINVAL');
    const known = FEATURE_MASK | VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PROBE;
    if ((flags & ~known) !== 0) throw new Errno('EINVAL');
    const both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
    if ((flags & VFIO_DEVICE_FEATURE_PROBE) === 0 && (flags & both) === both) throw new Errno('EINVAL');
    return this.#device.ops.feature(flags, user);
  }
}
