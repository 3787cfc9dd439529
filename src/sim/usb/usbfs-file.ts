import type { Memory, PollEvent } from '../../sys/sys';
import {
  connectInfo,
  disconnectClaim,
  getDriver,
  setInterface,
  USBDEVFS_ALLOC_STREAMS,
  USBDEVFS_CAP_BULK_SCATTER_GATHER,
  USBDEVFS_CAP_MMAP,
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM,
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT,
  USBDEVFS_CAP_ZERO_PACKET,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_CONNECT,
  USBDEVFS_CONNECTINFO,
  USBDEVFS_DISCARDURB,
  USBDEVFS_DISCONNECT,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
  USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER,
  USBDEVFS_FREE_STREAMS,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_GET_SPEED,
  USBDEVFS_GETDRIVER,
  USBDEVFS_IOCTL,
  USBDEVFS_REAPURB,
  USBDEVFS_REAPURBNDELAY,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_RESETEP,
  USBDEVFS_SETCONFIGURATION,
  USBDEVFS_SETINTERFACE,
  USBDEVFS_SUBMITURB,
  wrappedIoctl,
} from '../../uapi/usbdevfs';
import { Blocked, Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { UsbBus } from './bus';
import type { SimUsbDevice, UsbfsOpener } from './device';
import { Status } from './pipes';
import { UsbfsClaims } from './usbfs-claims';
import { UsbfsUrbs } from './usbfs-urbs';

const SPEEDS = new Map([
  [1.5, 1],
  [12, 2],
  [480, 3],
  [5000, 5],
  [10_000, 6],
]);
/**
 * The capabilities with xHCI, without those that are not simulated (dropping privileges, suspend). It does not stop an
 * endpoint at a short packet, so that continuations are of no use.
 */
const CAPABILITIES =
  USBDEVFS_CAP_ZERO_PACKET |
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
  USBDEVFS_CAP_BULK_SCATTER_GATHER |
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT |
  USBDEVFS_CAP_MMAP;

/** An open usbfs node: drivers/usb/core/devio.c, struct usb_dev_state. Checks are in its order. */
export class UsbfsFile implements OpenFile, UsbfsOpener {
  readonly #kernel: Kernel;
  readonly #bus: UsbBus;
  readonly #device: SimUsbDevice;
  readonly #write: boolean;
  readonly #claims: UsbfsClaims;
  readonly #urbs: UsbfsUrbs;
  #isConnected = true;
  #position = 0;

  constructor(kernel: Kernel, bus: UsbBus, device: SimUsbDevice, write: boolean) {
    this.#kernel = kernel;
    this.#bus = bus;
    this.#device = device;
    this.#write = write;
    this.#claims = new UsbfsClaims(bus, device, (number) => {
      this.#urbs.kill((urb) => urb.interface === number, Status.gone);
    });
    this.#urbs = new UsbfsUrbs(kernel, bus, device, this.#claims);
    device.files.add(this);
  }

  /** Reads the descriptors: of the device, then of each configuration. */
  read(buffer: Buffer): number {
    const length = this.pread(buffer, this.#position);
    this.#position += length;
    return length;
  }

  pread(buffer: Buffer, position: number): number {
    if (!this.#isConnected) throw new Errno('ENODEV');
    const { device, configurations } = this.#device.fn.identity.descriptors;
    return Buffer.concat([device, ...configurations.map(({ bytes }) => bytes)]).copy(buffer, 0, position);
  }

  ioctl(request: number, argument: Buffer | number): number {
    if (!this.#write) throw new Errno('EPERM');
    if (request === USBDEVFS_REAPURB || request === USBDEVFS_REAPURBNDELAY)
      return this.#reap(argument, request === USBDEVFS_REAPURB);
    if (!this.#isConnected) throw new Errno('ENODEV');
    const call = this.#calls[request];
    if (call === undefined) throw new Errno('ENOTTY');
    const result = call(argument);
    return typeof result === 'number' ? result : 0;
  }

  /** usbdev_mmap() */
  lend(length: number, onClose: () => void): Memory {
    return this.#urbs.lend(length, onClose);
  }

  /** A completed URB makes the file writable; without the device POLLHUP and POLLERR end every wait. */
  ready(event: PollEvent): boolean {
    return !this.#isConnected || (event === 'writable' && this.#write && this.#urbs.hasCompleted);
  }

  close(): void {
    this.#claims.releaseAll();
    this.#urbs.close();
    this.#device.files.delete(this);
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#urbs.kill(() => true);
  }

  /** A call returns a number where its result is not 0. */
  readonly #calls: Readonly<Record<number, (argument: Buffer | number) => unknown>> = {
    [USBDEVFS_CLAIMINTERFACE]: (argument) => this.#claims.claim(this.#word(argument)),
    [USBDEVFS_RELEASEINTERFACE]: (argument) => this.#claims.release(this.#word(argument)),
    [USBDEVFS_GETDRIVER]: (argument) => this.#getDriver(this.#memory(argument, getDriver.size)),
    [USBDEVFS_IOCTL]: (argument) => this.#wrapped(this.#memory(argument, wrappedIoctl.size)),
    [USBDEVFS_DISCONNECT_CLAIM]: (argument) => this.#disconnectClaim(this.#memory(argument, disconnectClaim.size)),
    [USBDEVFS_SUBMITURB]: (argument) => this.#urbs.submit(this.#address(argument)),
    [USBDEVFS_DISCARDURB]: (argument) => this.#urbs.discard(this.#address(argument)),
    [USBDEVFS_SETINTERFACE]: (argument) => this.#setInterface(this.#memory(argument, setInterface.size)),
    [USBDEVFS_SETCONFIGURATION]: (argument) => this.#setConfiguration(this.#memory(argument, 4).readInt32LE()),
    [USBDEVFS_CLEAR_HALT]: (argument) => this.#clearHalt(this.#word(argument)),
    // It resets the host's data toggle, which is not simulated.
    [USBDEVFS_RESETEP]: (argument) => this.#claims.check(this.#claims.interfaceWith(this.#word(argument))),
    [USBDEVFS_RESET]: () => this.#reset(),
    [USBDEVFS_GET_CAPABILITIES]: (argument) => this.#capabilities(this.#memory(argument, 4)),
    [USBDEVFS_GET_SPEED]: () => SPEEDS.get(this.#device.speed) ?? 0,
    [USBDEVFS_CONNECTINFO]: (argument) => this.#connectInfo(this.#memory(argument, connectInfo.size)),
    [USBDEVFS_ALLOC_STREAMS]: (argument) => this.#streams(this.#memory(argument, 9), true),
    [USBDEVFS_FREE_STREAMS]: (argument) => this.#streams(this.#memory(argument, 9), false),
  };

  #memory(argument: Buffer | number, size: number): Buffer {
    const memory = typeof argument === 'number' ? this.#kernel.memory.at(BigInt(argument), size) : argument;
    if (memory.length < size) throw new Errno('EFAULT');
    return memory;
  }

  #word(argument: Buffer | number): number {
    return this.#memory(argument, 4).readUInt32LE();
  }

  /** The kernel keeps the address: the memory must be where it can be found again. */
  #address(argument: Buffer | number): bigint {
    return typeof argument === 'number' ? BigInt(argument) : this.#kernel.memory.addressOf(argument);
  }

  #reap(argument: Buffer | number, waits: boolean): number {
    const address = this.#urbs.reap();
    if (address === undefined) {
      if (!this.#isConnected) throw new Errno('ENODEV');
      if (waits) throw new Blocked();
      throw new Errno('EAGAIN');
    }
    this.#memory(argument, 8).writeBigUInt64LE(address);
    return 0;
  }

  #getDriver(memory: Buffer): void {
    const intf = this.#device.interface(memory.readUInt32LE(getDriver.interface));
    const driver = intf === undefined ? null : this.#bus.interfaces.driverOf(intf);
    if (driver === null) throw new Errno('ENODATA');
    memory.fill(0, getDriver.driver, getDriver.size).write(driver, getDriver.driver, 'latin1');
  }

  #wrapped(memory: Buffer): number {
    if (this.#device.configuration === null) throw new Errno('EHOSTUNREACH');
    const intf = this.#device.interface(memory.readUInt32LE(wrappedIoctl.interface));
    if (intf === undefined) throw new Errno('EINVAL');
    const { interfaces } = this.#bus;
    switch (memory.readUInt32LE(wrappedIoctl.request)) {
      case USBDEVFS_DISCONNECT:
        if (!interfaces.release(intf)) throw new Errno('ENODATA');
        return 0;
      case USBDEVFS_CONNECT:
        if (interfaces.hasDriver(intf)) throw new Errno('EBUSY');
        return interfaces.probe(intf) ? 1 : 0;
      default:
        throw new Errno('ENOTTY');
    }
  }

  #disconnectClaim(memory: Buffer): void {
    const number = memory.readUInt32LE(disconnectClaim.interface);
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('EINVAL');
    const driver = this.#bus.interfaces.driverOf(intf);
    if (driver !== null) {
      const flags = memory.readUInt32LE(disconnectClaim.flags);
      const [name] = memory.toString('latin1', disconnectClaim.driver, disconnectClaim.size).split('\0');
      if (flags & USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER && name !== driver) throw new Errno('EBUSY');
      if (flags & USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER && name === driver) throw new Errno('EBUSY');
      this.#bus.interfaces.release(intf);
    }
    this.#claims.claim(number);
  }

  #setInterface(memory: Buffer): void {
    const number = memory.readUInt32LE(setInterface.interface);
    this.#claims.check(number);
    this.#urbs.kill((async) => async.interface === number);
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('EINVAL');
    this.#bus.select(intf, memory.readUInt32LE(setInterface.alternateSetting));
  }

  #setConfiguration(value: number): void {
    if (this.#device.interfaces.some((intf) => this.#bus.interfaces.hasDriver(intf))) throw new Errno('EBUSY');
    if (this.#device.configuration?.value === value) this.#bus.resetConfiguration(this.#device);
    else this.#bus.configure(this.#device, value);
  }

  #clearHalt(endpoint: number): void {
    this.#claims.check(this.#claims.interfaceWith(endpoint));
    if (!this.#device.request({ bmRequestType: 2, bRequest: 1, wValue: 0, wIndex: endpoint })) throw new Errno('EPIPE');
  }

  #reset(): void {
    this.#bus.reset(this.#device);
  }

  #capabilities(memory: Buffer): void {
    memory.writeUInt32LE(CAPABILITIES);
  }

  #connectInfo(memory: Buffer): void {
    memory.writeUInt32LE(this.#device.number, connectInfo.deviceNumber);
    memory.writeUInt8(this.#device.speed === 1.5 ? 1 : 0, connectInfo.slow);
  }

  /** parse_usbdevfs_streams(), for one endpoint: none of the devices here is fast enough to have streams. */
  #streams(memory: Buffer, allocates: boolean): void {
    const [streams, count, endpoint] = [memory.readUInt32LE(0), memory.readUInt32LE(4), memory.readUInt8(8)];
    if (count < 1 || count > 30) throw new Errno('EINVAL');
    if (allocates && (streams < 2 || streams > 65_536)) throw new Errno('EINVAL');
    if (this.#urbs.endpoint(endpoint) === undefined) throw new Errno('EINVAL');
    this.#claims.check(this.#claims.interfaceWith(endpoint));
    throw new Errno('EINVAL');
  }
}
