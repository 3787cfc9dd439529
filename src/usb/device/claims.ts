import { SysError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { interfaceName } from '../inspect/address';
import { claimError } from './errors';
import {
  claimInterface,
  connectDriver,
  disconnectAndClaim,
  disconnectDriver,
  driverOf,
  releaseInterface,
  USBFS_DRIVER,
} from './usbfs';

/** An interface that its driver did not take back. */
export interface NotGivenBack {
  /** `1-2:1.0` */
  interface: string;
  driver: string;
  /** What to type. */
  hint: string;
}

/** The interfaces that an open node has claimed, and the drivers it took them from. */
export class Claims {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: UsbDeviceInfo;
  readonly #claimed = new Set<number>();
  /** Who drove what before the first was taken away: a driver can have several interfaces, and then loses them all. */
  #driversBefore: Map<number, string> | null = null;

  constructor(sys: Sys, fd: number, device: UsbDeviceInfo) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
  }

  /** @throws exit 5 where somebody else has it */
  claim(intf: number, { detach }: { detach: boolean }): void {
    if (this.#claimed.has(intf)) return;
    try {
      if (detach) this.#take(intf);
      else claimInterface(this.#sys, this.#fd, intf);
    } catch (error) {
      throw error instanceof SysError ? claimError(this.#sys, this.#fd, this.#device, intf, error, { detach }) : error;
    }
    this.#claimed.add(intf);
  }

  /**
   * Releases everything and has the kernel look for drivers where there were some.
   *
   * @returns what has no driver now and had one; nothing where the device is gone
   */
  giveBack(): NotGivenBack[] {
    for (const intf of [...this.#claimed].reverse()) unlessGone(() => releaseInterface(this.#sys, this.#fd, intf));
    this.#claimed.clear();
    const before = this.#driversBefore ?? new Map<number, string>();
    this.#driversBefore = null;
    const missing: NotGivenBack[] = [];
    for (const [intf, driver] of [...before].sort(([a], [b]) => a - b)) {
      if (unlessGone(() => this.#connect(intf)) === false) {
        const name = interfaceName(this.#device, intf);
        missing.push({ interface: name, driver, hint: `echo ${name} | sudo tee /sys/bus/usb/drivers_probe` });
      }
    }
    return missing;
  }

  /** The claims and the drivers are not what they were any more: the device was reset, or is configured anew. */
  forget(): void {
    this.#claimed.clear();
    this.#driversBefore = null;
  }

  #take(intf: number): void {
    this.#remember();
    try {
      disconnectAndClaim(this.#sys, this.#fd, intf);
    } catch (error) {
      // Before Linux 3.7, and in umockdev.
      if (!(error instanceof SysError) || error.code !== 'ENOTTY') throw error;
      const driver = driverOf(this.#sys, this.#fd, intf);
      // DISCONNECT would take it from another process as well.
      if (driver === USBFS_DRIVER) throw new SysError('ioctl', 'EBUSY', error.path);
      if (driver !== null) disconnectDriver(this.#sys, this.#fd, intf);
      claimInterface(this.#sys, this.#fd, intf);
    }
  }

  /** As the kernel has it now: what was inspected may be long ago. */
  #remember(): void {
    if (this.#driversBefore !== null) return;
    this.#driversBefore = new Map();
    for (const intf of new Set(this.#device.usb.interfaces.map(({ number }) => number))) {
      const driver = driverOf(this.#sys, this.#fd, intf);
      if (driver !== null && driver !== USBFS_DRIVER) this.#driversBefore.set(intf, driver);
    }
  }

  #connect(intf: number): boolean {
    try {
      return driverOf(this.#sys, this.#fd, intf) !== null || connectDriver(this.#sys, this.#fd, intf);
    } catch (error) {
      // It was taken together with another one, in this very moment.
      if (error instanceof SysError && error.code === 'EBUSY') return true;
      throw error;
    }
  }
}

/** Undefined where the device is gone: then there is nothing to give back. */
function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof SysError && (error.code === 'ENODEV' || error.code === 'ENOENT' || error.code === 'EINVAL'))
      return undefined;
    throw error;
  }
}
