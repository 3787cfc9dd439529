import type { Driver } from '../kernel/bus';
import { Errno } from '../kernel/errno';
import type { UsbBus } from './bus';
import type { SimUsbDevice, SimUsbInterface } from './device';
import { DIR_IN } from './function';

/** Bits in an unsigned long: what an interface's number must be below. */
const MAX_INTERFACES = 64;

/** The interfaces that one open node has claimed: drivers/usb/core/devio.c. */
export class UsbfsClaims {
  readonly #bus: UsbBus;
  readonly #device: SimUsbDevice;
  readonly #onLost: (number: number) => void;
  readonly #claims = new Map<number, SimUsbInterface>();

  /** @param onLost ends the transfers of an interface that is no longer claimed */
  constructor(bus: UsbBus, device: SimUsbDevice, onLost: (number: number) => void) {
    this.#bus = bus;
    this.#device = device;
    this.#onLost = onLost;
  }

  /** claimintf() */
  claim(number: number): void {
    if (number >= MAX_INTERFACES) throw new Errno('EINVAL');
    if (this.#claims.has(number)) return;
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('ENOENT');
    const usbfs: Driver<SimUsbInterface> = {
      name: 'usbfs',
      matches: () => false,
      probe: () => () => this.#lost(number, intf),
    };
    this.#bus.interfaces.claim(usbfs, intf);
    this.#claims.set(number, intf);
  }

  /** driver_disconnect(): the interface was released, was taken by another driver, or is gone. */
  #lost(number: number, intf: SimUsbInterface): void {
    this.#claims.delete(number);
    // usb_unbind_interface(): its endpoints are disabled, and it is left in setting 0.
    this.#onLost(number);
    if (this.#device.isConnected && intf.alt !== 0) this.#bus.select(intf, 0);
  }

  release(number: number): void {
    if (number >= MAX_INTERFACES) throw new Errno('EINVAL');
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('ENOENT');
    if (!this.#claims.has(number)) throw new Errno('EINVAL');
    this.#bus.interfaces.release(intf, { quiet: true });
  }

  /** checkintf(): claims an interface that is used without a claim. */
  check(number: number): void {
    if (this.#device.configuration === null) throw new Errno('EHOSTUNREACH');
    this.claim(number);
  }

  /** findintfep(): finds the interface that has an endpoint in any of its settings. */
  interfaceWith(endpoint: number): number {
    if (endpoint & ~(DIR_IN | 0xf)) throw new Errno('EINVAL');
    if (this.#device.configuration === null) throw new Errno('ESRCH');
    const settings = this.#device.interfaces.flatMap((intf) => intf.settings);
    const found = settings.find(({ endpoints }) => endpoints.some(({ address }) => address === endpoint));
    if (found === undefined) throw new Errno('ENOENT');
    return found.number;
  }

  releaseAll(): void {
    for (const intf of this.#claims.values()) this.#bus.interfaces.release(intf, { quiet: true });
  }
}
