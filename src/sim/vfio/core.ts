import { posix } from 'node:path';
import type { SimIommuGroup } from '../iommu/group';
import type { SimIommu } from '../iommu/iommu';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import type { PciFunction } from '../pci/function';
import type { Saved, StateReader } from '../state/saved';
import { ContainerFile } from './container';
import { SimVfioDevice, StillInUse, type VfioDeviceOps } from './device';
import { VfioDeviceFile } from './device-file';
import { VfioGroup } from './group';
import { GroupFile } from './group-file';

/** More than the machine has. */
const MAX_DEVICES = 64;
const MAX_NAME = 64;
/** Dynamic on a real machine. */
const CDEV_MAJOR = 245;
const GROUP_MAJOR = 246;

/** drivers/vfio/vfio_main.c and group.c: numbers, nodes and classes. Read from Linux 6.12, checked by running it. */
export class VfioCore {
  readonly #kernel: Kernel;
  readonly #iommu: SimIommu;
  readonly #groups = new Map<SimIommuGroup, VfioGroup>();
  readonly #devices = new Map<number, SimVfioDevice>();
  /** The numbers that functions get while a kept state is restored. */
  #numbers: ReadonlyMap<string, number> = new Map();

  constructor(kernel: Kernel, iommu: SimIommu) {
    this.#kernel = kernel;
    this.#iommu = iommu;
    kernel.node('/dev/vfio/vfio', () => new ContainerFile(iommu, kernel));
  }

  /** vfio_register_group_dev() */
  register(fn: PciFunction, ops: VfioDeviceOps): SimVfioDevice {
    const iommuGroup = this.#iommu.groupOf(fn);
    // The mode without an IOMMU protects nothing, and has to be asked for.
    if (iommuGroup === undefined) throw new Errno('EINVAL');
    const group = this.#groups.get(iommuGroup) ?? this.#addGroup(iommuGroup);
    let index = this.#numbers.get(fn.name) ?? 0;
    while (this.#devices.has(index)) index++;
    const device = new SimVfioDevice(fn, index, group, ops);
    this.#devices.set(index, device);
    group.deviceCount++;
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
    group.deviceCount--;
    if (group.registered) return;
    this.#groups.delete(group.iommuGroup);
    this.#kernel.removeDevice(groupPath(group));
  }

  /** Returns the functions by number. */
  save(): Saved {
    return Object.fromEntries([...this.#devices].map(([index, { fn }]) => [index, fn.name]));
  }

  /**
   * Gives devices that are registered from now on the numbers that they had.
   *
   * @returns whether a function has another number now
   */
  restoreNumbers(state: StateReader): (fn: string) => boolean {
    const names = state.entries(MAX_DEVICES).map(([index, name]) => [name.text(MAX_NAME), Number(index)] as const);
    this.#numbers = new Map(names);
    const now = new Map([...this.#devices].map(([index, { fn }]) => [fn.name, index]));
    return (fn) => now.has(fn) && now.get(fn) !== this.#numbers.get(fn);
  }

  /** Checks that all are registered again. */
  restore(state: StateReader): void {
    this.#numbers = new Map();
    for (const [index, name] of state.entries(MAX_DEVICES))
      if (this.#devices.get(Number(index))?.fn.name !== name.text(MAX_NAME)) name.fail('is no device of a VFIO driver');
  }

  #addGroup(iommuGroup: SimIommuGroup): VfioGroup {
    const taken = new Set([...this.#groups.values()].map(({ minor }) => minor));
    let minor = 0;
    while (taken.has(minor)) minor++;
    const group = new VfioGroup(iommuGroup, minor);
    this.#groups.set(iommuGroup, group);
    const node = `vfio/${iommuGroup.number}`;
    this.#addDevice(groupPath(group), 'vfio', GROUP_MAJOR, minor, node);
    this.#kernel.node(`/dev/${node}`, () => new GroupFile(this.#kernel, group, () => this.#devicesOf(group)));
    return group;
  }

  #devicesOf(group: VfioGroup): SimVfioDevice[] {
    return [...this.#devices.values()].filter((device) => device.group === group);
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
