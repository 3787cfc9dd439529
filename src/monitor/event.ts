import type { Framework } from '../model/device';
import type { Access } from '../sys/sys';

export type DeviceAction = 'add' | 'remove' | 'bind' | 'unbind' | 'change';

/** What is told of a device in each of its events. */
export interface EventSubject {
  /** `vfio` where the driver in question is one of VFIO's. */
  framework: Framework;
  /** `uio0`, `0000:00:03.0`, `1-2`. */
  address: string;
  vendorId: string | null;
  deviceId: string | null;
  /** `bind` and `unbind`: the driver that came or left; else the one that the device has or had. */
  driver: string | null;
  /** What an open would use; for a device that went, what it had been. */
  node: string | null;
  /** What the calling user may do with the node; null where it does not exist. */
  access: Access | null;
  /** For people. May hold any character the device chose: escape it before printing. */
  name: string;
}

/** Something that happened to a device that udrv knows about. */
export interface DeviceEvent extends EventSubject {
  /** When udrv heard of it. */
  time: Date;
  /** `bind` and `unbind`: a driver took it, or left it. `change`: what an open would find is another now. */
  action: DeviceAction;
  /** Of a USB device, the interface whose driver came or left: `1-2:1.0`. */
  interface: string | null;
}
