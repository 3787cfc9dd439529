import { Exit, type ExitCode, fromSysError, SysError, type UdrvError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { setupPacket } from '../../uapi/usbdevfs';
import { interfaceName } from '../inspect/address';
import { type IsoOptions, type IsoTransfer, isoTransfers } from '../transfer/iso';
import { bulkPreparer, type Measurement, type MeasureOptions, measure } from '../transfer/measure';
import { type Transfer, TransferQueue, type WaitOptions } from '../transfer/queue';
import { errnoName, type TransferResult } from '../transfer/status';
import {
  InStream,
  type Message,
  readMessages,
  type Source,
  type StreamOptions,
  type StreamTarget,
  type WriteOptions,
  writeStream,
} from '../transfer/streams';
import type { ControlSetup } from '../transfer/urb';
import { Claims, type NotGivenBack } from './claims';
import { type EndpointRequest, endpointName, type FoundEndpoint, findEndpoint, isoPacketSize } from './endpoints';
import { heldBy, openError, submitError } from './errors';
import {
  clearHalt,
  connectDriver,
  disconnectDriver,
  driverOf,
  resetDevice,
  setAlternateSetting,
  setConfiguration,
  USBFS_DRIVER,
} from './usbfs';

/** A transfer that is short enough to be in memory. */
export interface DataResult extends TransferResult {
  /** What arrived; empty for OUT. */
  data: Buffer;
}

export interface ClaimOptions {
  /** Take it from a kernel driver, which gets it back when the device is closed. */
  detach?: boolean;
  /** Select this alternate setting. The kernel goes back to setting 0 when the claim ends. */
  alt?: number | undefined;
}

export interface ControlOptions extends WaitOptions {
  /** For a request to an interface: take it from a kernel driver until the device is closed. */
  detach?: boolean | undefined;
}

/**
 * An open USB device. Owns the node, the claims and the memory of what is in flight; {@link close} (or `using`) ends
 * transfers, releases interfaces and gives them back to the drivers they were taken from, in that order.
 *
 * A transfer that stalls, times out or is cut short by an unplug has a result that says so, with what had arrived;
 * what cannot be begun is an error.
 *
 * @example
 * using device = UsbDevice.open(sys, inspected);
 * const { status, data } = await device.controlIn({ bmRequestType: 0x80, bRequest: 6, wValue: 0x100, wIndex: 0 }, 18);
 */
export class UsbDevice {
  readonly info: UsbDeviceInfo;
  readonly #sys: Sys;
  readonly #queue: TransferQueue;
  readonly #claims: Claims;
  /** Alternate settings that were selected here, by interface. */
  readonly #settings = new Map<number, number>();
  #fd: number | undefined;

  private constructor(sys: Sys, device: UsbDeviceInfo, fd: number) {
    this.#sys = sys;
    this.info = device;
    this.#fd = fd;
    this.#queue = new TransferQueue(sys, fd, (urb, error) =>
      submitError(sys, device, endpointName(urb.endpoint), error),
    );
    this.#claims = new Claims(sys, fd, device);
  }

  /** Wakes the device, and keeps it awake until it is closed. @throws exit 4 with the udev rule that grants access */
  static open(sys: Sys, device: UsbDeviceInfo): UsbDevice {
    const node = device.node ?? `/dev/bus/usb/${device.usb.bus}/${device.usb.device}`;
    try {
      return new UsbDevice(sys, device, sys.open(node, { write: true }));
    } catch (error) {
      throw error instanceof SysError ? openError(error, device) : error;
    }
  }

  /** USBDEVFS_CAP_ bits: what this kernel and the host controller can do. */
  get capabilities(): number {
    this.#openFd;
    return this.#call(() => this.#queue.capabilities);
  }

  /** An endpoint of the active configuration. @throws exit 3 where there is none now, 2 where it is of another kind */
  endpoint(address: number, request: EndpointRequest = {}): FoundEndpoint {
    return findEndpoint(this.#current(), address, request);
  }

  /**
   * Claims an interface; every transfer but those to the control endpoint needs it.
   *
   * @throws exit 5 where a driver or another process has it
   */
  claim(intf: number, { detach = false, alt }: ClaimOptions = {}): void {
    this.#openFd;
    this.#claims.claim(intf, { detach });
    if (alt !== undefined) this.setAlternate(intf, alt);
  }

  /** Of a claimed interface. */
  setAlternate(intf: number, alt: number): void {
    this.#call(() => setAlternateSetting(this.#sys, this.#openFd, intf, alt), {
      EINVAL: {
        message: `interface ${intf} has no alternate setting ${alt}`,
        hint: `udrv usb show ${this.info.address}`,
        exit: Exit.notFound,
      },
      EPIPE: { message: `the device refuses alternate setting ${alt}`, exit: Exit.deviceError },
    });
    this.#settings.set(intf, alt);
  }

  /** Ends the halt of an endpoint whose interface is claimed, on both sides. */
  clearHalt(address: number): void {
    this.#call(() => clearHalt(this.#sys, this.#openFd, address), {
      EPIPE: { message: 'the device refuses', exit: Exit.deviceError },
    });
  }

  /** A control request whose data comes from the device. Claims what the kernel wants claimed for it. */
  async controlIn(setup: ControlSetup, length: number, options: ControlOptions = {}): Promise<DataResult> {
    return this.#control({ ...setup, bmRequestType: setup.bmRequestType | 0x80 }, length, null, options);
  }

  /** A control request whose data, if any, goes to the device. */
  async controlOut(setup: ControlSetup, data: Buffer, options: ControlOptions = {}): Promise<DataResult> {
    return this.#control({ ...setup, bmRequestType: setup.bmRequestType & 0x7f }, data.length, data, options);
  }

  /** One transfer from a bulk or interrupt endpoint, whose interface is claimed if it is not yet. */
  async read(address: number, length: number, options: StreamOptions = {}): Promise<DataResult> {
    const stream = this.readStream(address, length, options);
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(Buffer.from(piece));
    const { status, requested, actual, errno } = stream;
    return { status, requested, actual, errno, data: Buffer.concat(pieces) };
  }

  /**
   * The same in pieces, for what is too long to have in memory. A piece is good until the next; it may be in memory that
   * the device lends, which direct I/O (O_DIRECT) refuses with EFAULT.
   */
  readStream(address: number, length: number, options: StreamOptions = {}): InStream {
    return new InStream(this.#queue, this.#target(address, 'in'), length, options);
  }

  /** Transfers of an interrupt or bulk endpoint as they come, each of `length` bytes at most. */
  messages(
    address: number,
    length: number,
    options: StreamOptions & { count?: number | undefined } = {},
  ): AsyncGenerator<Message> {
    return readMessages(this.#queue, this.#target(address, 'in'), length, options);
  }

  /** One transfer to a bulk or interrupt endpoint, of any length. */
  async write(address: number, data: Source, options: WriteOptions = {}): Promise<TransferResult> {
    return writeStream(this.#queue, this.#target(address, 'out'), data, options);
  }

  /** What an isochronous endpoint moves in one packet at most, in bytes. */
  isoPacketSize(address: number): number {
    return isoPacketSize(this.#sys, this.info, this.endpoint(address));
  }

  /** Transfers of an isochronous endpoint; for OUT, with what `source` gives. */
  isochronous(address: number, options: IsoOptions = {}): AsyncGenerator<IsoTransfer> {
    this.#claimed(address, { types: ['isochronous'] });
    return isoTransfers(this.#queue, address, this.isoPacketSize(address), options);
  }

  /**
   * Keeps transfers of an endpoint in flight for some time, and measures them. Of endpoint 0, the round trip of asking
   * for the device descriptor.
   */
  async measure(address: number, options: MeasureOptions): Promise<Measurement> {
    if ((address & 0x7f) === 0) {
      const prepare = ({ urb }: Transfer) => urb.prepareControl(GET_DEVICE_DESCRIPTOR, options.size);
      return measure(this.#queue, () => this.#acquireControl(options.size), prepare, { ...options, queue: 1 });
    }
    const target = this.#target(address, address & 0x80 ? 'in' : 'out');
    const acquire = () => this.#queue.acquire(options.size);
    return measure(this.#queue, acquire, bulkPreparer(target, options.size), options);
  }

  /**
   * Resets the port. All claims are lost, drivers keep or take their interfaces again.
   *
   * @throws exit 8 where it came back as another device: it has to be found again by its address
   */
  reset(): void {
    this.#queue.close();
    this.#call(() => resetDevice(this.#sys, this.#openFd), {
      ENODEV: { message: 'the device came back as another one', hint: `udrv usb show ${this.info.address}` },
    });
    this.#claims.forget();
  }

  /** Takes an interface from its driver, without claiming it. @returns false where it had none */
  detachDriver(intf: number): boolean {
    const driver = this.driverOf(intf);
    if (driver === USBFS_DRIVER) throw this.#held(intf);
    return driver !== null && this.#call(() => disconnectDriver(this.#sys, this.#openFd, intf));
  }

  /** Has the kernel look for a driver. @returns whether one took the interface, or has it already */
  attachDriver(intf: number): boolean {
    const driver = this.driverOf(intf);
    if (driver === USBFS_DRIVER) throw this.#held(intf);
    return driver !== null || this.#call(() => connectDriver(this.#sys, this.#openFd, intf));
  }

  /** Who drives an interface now; `usbfs` is a process. */
  driverOf(intf: number): string | null {
    return this.#call(() => driverOf(this.#sys, this.#openFd, intf));
  }

  /** @param value bConfigurationValue, 0 for none @throws exit 5 while any interface has a driver or is claimed */
  setConfiguration(value: number): void {
    this.#call(() => setConfiguration(this.#sys, this.#openFd, value), {
      EINVAL: {
        message: `has no configuration ${value}`,
        exit: Exit.notFound,
        hint: `udrv usb show ${this.info.address}`,
      },
    });
    this.#claims.forget();
  }

  /**
   * Ends what is in flight, and gives everything back. A second close does nothing.
   *
   * @returns the interfaces whose drivers did not take them back
   */
  close(): NotGivenBack[] {
    const fd = this.#fd;
    if (fd === undefined) return [];
    this.#fd = undefined;
    try {
      this.#queue.close();
      return this.#claims.giveBack();
    } finally {
      this.#sys.close(fd);
      this.#queue.free();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #openFd(): number {
    if (this.#fd === undefined) throw new RangeError(`${this.info.address} is closed`);
    return this.#fd;
  }

  /** The device with the alternate settings that were selected here. */
  #current(): UsbDeviceInfo {
    if (this.#settings.size === 0) return this.info;
    const interfaces = this.info.usb.interfaces.map((setting) => {
      const alt = this.#settings.get(setting.number);
      return alt === undefined ? setting : { ...setting, active: setting.alt === alt };
    });
    return { ...this.info, usb: { ...this.info.usb, interfaces } };
  }

  /** Claims the endpoint's interface if it is not claimed yet. */
  #claimed(address: number, request: EndpointRequest): FoundEndpoint {
    const found = this.endpoint(address, request);
    this.claim(found.setting.number);
    return found;
  }

  #target(address: number, direction: 'in' | 'out'): StreamTarget {
    const { endpoint } = this.#claimed(address, { types: ['bulk', 'interrupt'], direction });
    const { type, maxPacketSize } = endpoint;
    return { address, type, maxPacketSize, capabilities: this.capabilities };
  }

  /** @param length of the data that follows the setup packet */
  #acquireControl(length: number): Transfer {
    return this.#queue.acquire(setupPacket.size + Math.max(length, USUAL_CONTROL_LENGTH), { copied: true });
  }

  async #control(
    setup: ControlSetup,
    length: number,
    data: Buffer | null,
    { detach = false, timeoutMs, signal }: ControlOptions,
  ): Promise<DataResult> {
    const intf = interfaceOfRequest(this.info, setup);
    if (intf !== null) this.claim(intf, { detach });
    this.#openFd;
    const transfer = this.#acquireControl(length);
    try {
      const { urb } = transfer;
      urb.prepareControl(setup, length);
      data?.copy(urb.controlData);
      this.#queue.submit(transfer);
      await this.#queue.wait(transfer, { timeoutMs, signal }, [transfer]);
      await this.#queue.explainError(transfer);
      return {
        status: transfer.status,
        requested: length,
        actual: urb.actualLength,
        errno: errnoName(urb.status),
        data: Buffer.from(urb.controlData.subarray(0, data === null ? urb.actualLength : 0)),
      };
    } finally {
      this.#queue.recycle(transfer);
    }
  }

  #held(intf: number): UdrvError {
    const name = interfaceName(this.info, intf);
    return heldBy(this.#sys, new SysError('ioctl', 'EBUSY', name), this.info, name);
  }

  /** @param advice by errno */
  #call<T>(call: () => T, advice: Record<string, { message?: string; hint?: string; exit?: ExitCode }> = {}): T {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const gone = error.code === 'ENODEV' ? { message: 'the device went away' } : {};
      const { address } = this.info;
      throw fromSysError(error, { subject: address, device: address, ...gone, ...advice[error.code] });
    }
  }
}

const GET_DEVICE_DESCRIPTOR: ControlSetup = { bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 };

/** Descriptors and most requests are no longer: one piece of memory does for all of them. */
const USUAL_CONTROL_LENGTH = 4096 - 8 - 64;

/**
 * The interface that must be claimed for a control request: check_ctrlrecip() in drivers/usb/core/devio.c. Vendor
 * requests need none, and neither do requests to the device.
 */
export function interfaceOfRequest({ usb }: UsbDeviceInfo, { bmRequestType, wIndex }: ControlSetup): number | null {
  const [type, recipient, low] = [(bmRequestType >> 5) & 3, bmRequestType & 0x1f, wIndex & 0xff];
  if (type === VENDOR) return null;
  if (recipient === INTERFACE) return low;
  if (recipient !== ENDPOINT || (low & 0x7f) === 0) return null;
  const names = [low, low ^ 0x80].map(endpointName);
  // The kernel forgives a wrong direction; what is no endpoint at all it refuses itself.
  for (const name of names) {
    const setting = usb.interfaces.find((i) => i.active && i.endpoints.some(({ address }) => address === name));
    if (setting !== undefined) return setting.number;
  }
  return null;
}

const [INTERFACE, ENDPOINT] = [1, 2];
const VENDOR = 2;
