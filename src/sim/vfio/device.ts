import type { SimRegion } from '../hardware/region';
import { Errno } from '../kernel/errno';
import type { UserStruct } from '../kernel/user-struct';
import type { PciFunction } from '../pci/function';
import type { VfioGroup } from './group';

/** The work of a driver for a device that it registered: struct vfio_device_ops. */
export interface VfioDeviceOps {
  openDevice(): void;
  closeDevice(): void;
  read(buffer: Buffer, position: number): number;
  write(data: Buffer, position: number): number;
  /** @throws Errno ENOTTY for what it does not know */
  ioctl(request: number, argument: Buffer | number): number;
  /** @param user the argument of VFIO_DEVICE_FEATURE; its size and flags have been checked */
  feature(flags: number, user: UserStruct): number;
  mmap(length: number, position: number): SimRegion;
  /** Asks the user to let go of the device. */
  request(): void;
}

/** A device still has users. A real write to `unbind` does not return until they are gone. */
export class StillInUse extends Errno {
  readonly #device: SimVfioDevice;

  constructor(device: SimVfioDevice) {
    super('EBUSY');
    this.#device = device;
  }

  /** Calls back when the last user has closed the device. */
  whenReleased(action: () => void): void {
    this.#device.onReleased = action;
  }
}

/** struct vfio_device */
export class SimVfioDevice {
  readonly fn: PciFunction;
  readonly index: number;
  readonly group: VfioGroup;
  readonly ops: VfioDeviceOps;
  /** Counts files that were bound, or came from a group. */
  openCount = 0;
  /** Bound to an iommufd through its cdev. */
  cdevOpened = false;
  /** Its id in that iommufd. */
  iommufdId: number | null = null;
  /** Counts all files: they keep it from being unregistered. */
  #users = 0;
  onReleased: () => void = () => {};

  constructor(fn: PciFunction, index: number, group: VfioGroup, ops: VfioDeviceOps) {
    this.fn = fn;
    this.index = index;
    this.group = group;
    this.ops = ops;
  }

  get inUse(): boolean {
    return this.#users > 0;
  }

  /** vfio_device_try_get_registration(), vfio_device_put_registration() */
  hold(): void {
    this.#users++;
  }

  put(): void {
    if (--this.#users > 0) return;
    const action = this.onReleased;
    this.onReleased = () => {};
    action();
  }
}
