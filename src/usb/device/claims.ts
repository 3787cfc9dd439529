import { Cleanup } from '../../cleanup';
import { SysError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import type { Journal, Note } from '../../sys/journal';
import type { Sys } from '../../sys/sys';
import { claimFailed } from '../errors';
import { interfaceName } from '../inspect/address';
import { USB_DEVICES } from '../inspect/inspect';
import {
  claimInterface,
  connectDriver,
  disconnectAndClaim,
  disconnectDriver,
  driverOf,
  releaseInterface,
  USBFS_DRIVER,
} from '../usbfs';
import { takenOf } from './taken';

/** An interface that its driver did not take back. */
export interface NotGivenBack {
  /** `1-2:1.0` */
  interface: string;
  driver: string;
  /** The command that has the kernel look for a driver again. */
  hint: string;
  /** The errno by name: ENODATA where the kernel looked and no driver took it. */
  code: string;
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
  readonly #journal: Journal | undefined;
  /** Tells others of {@link #driversBefore}, should this process be killed. */
  #note: Note | null = null;

  /** @param device gives the device as it is now */
  constructor(sys: Sys, fd: number, device: () => UsbDeviceInfo, journal: Journal | undefined) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.#journal = journal;
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

  /** Takes all interfaces from their drivers, without claiming them: for a change of the configuration. */
  detachAll(): void {
    for (const intf of this.#beforeTaking().keys()) disconnectDriver(this.#sys, this.#fd, intf);
  }

  /**
   * Releases all claims, the last first, and has the kernel look for drivers where there were some.
   *
   * @param missing gets the interfaces that had a driver and have none now; none where the device is gone
   */
  giveBack(missing: NotGivenBack[]): void {
    const cleanup = new Cleanup();
    let isWhole = true;
    // Runs after all releases: a driver may need several interfaces, and takes them from the lowest on.
    for (const [intf, driver] of [...(this.#driversBefore ?? [])].sort(([a], [b]) => b - a))
      cleanup.defer(() => {
        const failure = this.#reconnect(intf);
        if (failure === null) return;
        isWhole = false;
        const name = interfaceName(this.#device(), intf);
        missing.push({ interface: name, driver, hint: probeCommand(name), code: failure });
      });
    for (const intf of this.#claimed)
      cleanup.defer(() => unlessGone(() => releaseInterface(this.#sys, this.#fd, intf)));
    const note = this.#note;
    this.#note = null;
    this.forget();
    cleanup.close();
    if (isWhole) note?.drop();
  }

  /** Drops what is remembered: a reset or another configuration ended the claims and bound drivers anew. */
  forget(): void {
    this.#claimed.clear();
    this.#driversBefore = null;
    this.#note?.drop();
    this.#note = null;
  }

  /** Remembers the drivers before the first interface is taken, also for the case that this process is killed. */
  #beforeTaking(): ReadonlyMap<number, string> {
    if (this.#driversBefore === null) {
      this.#driversBefore = this.#currentDrivers();
      if (this.#driversBefore.size > 0)
        this.#note = this.#journal?.keep(takenOf(this.#device(), this.#driversBefore)) ?? null;
    }
    return this.#driversBefore;
  }

  #take(intf: number): void {
    this.#beforeTaking();
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

  /** Has the kernel look for a driver. @returns null where the interface has one now, or is gone; else the errno */
  #reconnect(intf: number): string | null {
    try {
      return hasDriverAgain(this.#sys, this.#fd, intf) ? null : 'ENODATA';
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return this.#exists(intf) ? error.code : null;
    }
  }

  /** Whether an interface is there still: the device may be unplugged, or another configuration have others. */
  #exists(intf: number): boolean {
    return this.#sys.access(`${USB_DEVICES}/${interfaceName(this.#device(), intf)}`) !== null;
  }
}

/** Has the kernel look for a driver of an interface that has none. @returns whether a driver has it now @throws SysError */
export function hasDriverAgain(sys: Sys, fd: number, intf: number): boolean {
  const driver = driverOf(sys, fd, intf);
  if (driver !== null) return driver !== USBFS_DRIVER;
  try {
    if (!connectDriver(sys, fd, intf)) return false;
  } catch (error) {
    // A driver took it together with another one, in this very moment.
    if (!(error instanceof SysError) || error.code !== 'EBUSY') throw error;
  }
  const now = driverOf(sys, fd, intf);
  return now !== null && now !== USBFS_DRIVER;
}

/** Returns the command that has the kernel look for a driver of an interface. @param name `1-2:1.0` */
export function probeCommand(name: string): string {
  return `echo ${name} | sudo tee /sys/bus/usb/drivers_probe`;
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
