import { Cleanup } from '../../cleanup';
import { SysError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { claimFailed } from '../errors';
import { interfaceName } from '../inspect/address';
import {
  claimInterface,
  connectDriver,
  disconnectAndClaim,
  disconnectDriver,
  driverOf,
  releaseInterface,
  USBFS_DRIVER,
} from '../usbfs';

/** An interface that its driver did not take back. */
export interface NotGivenBack {
  /** `1-2:1.0` */
  interface: string;
  driver: string;
  /** The command that has the kernel look for a driver again. */
  hint: string;
}

/** The interfaces that an open node has claimed, and the drivers it took them from. */
export class Claims {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: () => UsbDeviceInfo;
  readonly #claimed = new Set<number>();
  /**
   * The driver of each interface before the first was taken away: a driver can have several interfaces, and then loses
   * them all. Null until then.
   */
  #driversBefore: Map<number, string> | null = null;

  /** @param device gives the device as it is now */
  constructor(sys: Sys, fd: number, device: () => UsbDeviceInfo) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
  }

  /** Claims an interface. @returns false where it was claimed already @throws exit 5 where a driver or another process has it */
  claim(intf: number, { detach }: { detach: boolean }): boolean {
    if (this.#claimed.has(intf)) return false;
    try {
      if (detach) this.#take(intf);
      else claimInterface(this.#sys, this.#fd, intf);
    } catch (error) {
      throw error instanceof SysError
        ? claimFailed(this.#sys, this.#fd, this.#device(), intf, error, { detach })
        : error;
    }
    this.#claimed.add(intf);
    return true;
  }

  /**
   * Releases all claims, the last first, and has the kernel look for drivers where there were some.
   *
   * @returns the interfaces that had a driver and have none now; none where the device is gone
   */
  giveBack(): NotGivenBack[] {
    const missing: NotGivenBack[] = [];
    const cleanup = new Cleanup();
    // Runs after all releases: a driver may need several interfaces, and takes them from the lowest on.
    for (const [intf, driver] of [...(this.#driversBefore ?? [])].sort(([a], [b]) => b - a))
      cleanup.defer(() => {
        if (unlessGone(() => this.#connect(intf)) !== false) return;
        const name = interfaceName(this.#device(), intf);
        missing.push({ interface: name, driver, hint: `echo ${name} | sudo tee /sys/bus/usb/drivers_probe` });
      });
    for (const intf of this.#claimed)
      cleanup.defer(() => unlessGone(() => releaseInterface(this.#sys, this.#fd, intf)));
    this.forget();
    cleanup.close();
    return missing;
  }

  /** Drops what is remembered: a reset or another configuration ended the claims and bound drivers anew. */
  forget(): void {
    this.#claimed.clear();
    this.#driversBefore = null;
  }

  #take(intf: number): void {
    this.#driversBefore ??= this.#currentDrivers();
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

  #currentDrivers(): Map<number, string> {
    const drivers = new Map<number, string>();
    for (const intf of new Set(this.#device().usb.interfaces.map(({ number }) => number))) {
      // Asked of the kernel: the listing may be old.
      const driver = driverOf(this.#sys, this.#fd, intf);
      if (driver !== null && driver !== USBFS_DRIVER) drivers.set(intf, driver);
    }
    return drivers;
  }

  /** Has the kernel look for a driver. @returns whether the interface has one now */
  #connect(intf: number): boolean {
    try {
      const driver = driverOf(this.#sys, this.#fd, intf);
      return driver === null ? connectDriver(this.#sys, this.#fd, intf) : driver !== USBFS_DRIVER;
    } catch (error) {
      // A driver took it together with another one, in this very moment.
      if (error instanceof SysError && error.code === 'EBUSY') return true;
      throw error;
    }
  }
}

/** Makes a call that a device which is gone may refuse. @returns undefined where it did */
function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof SysError && (error.code === 'ENODEV' || error.code === 'ENOENT' || error.code === 'EINVAL'))
      return undefined;
    throw error;
  }
}
