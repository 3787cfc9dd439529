import type { Framework } from '../model/device';
import type { Access } from '../sys/sys';

export type DeviceAction = 'add' | 'remove' | 'bind' | 'unbind' | 'change';

/** The facts about a device in each of its events. */
export interface EventSubject {
  /** `vfio` where the driver in question is one of VFIO's. */
  framework: Framework;
  /** `uio0`, `0000:00:03.0`, `1-2`. */
  address: string;
  vendorId: string | null;
  deviceId: string | null;
  /** `bind` and `unbind`: the driver that came or left; else the one that the device has or had. */
  driver: string | null;
  /** The node that an open would use; for a device that went, the node that it had. */
  node: string | null;
  /** The calling user's access to the node; null where it does not exist. */
  access: Access | null;
  /** For people. May hold any character the device chose: escape it before printing. */
  name: string;
}

/** An event of a device. */
export interface DeviceEvent extends EventSubject {
  /** The time when udrv heard of it. */
  time: Date;
  /** `bind` and `unbind`: a driver took it, or left it. `change`: its node or the access to it changed. */
  action: DeviceAction;
  /** The interface of a USB device whose driver came or left: `1-2:1.0`. */
  interface: string | null;
}
