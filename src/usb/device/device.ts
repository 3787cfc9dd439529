import { acquiring, type Cleanup } from '../../cleanup';
import { closedError, Exit, SysError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { closeNode } from '../../sys/close-node';
import type { Journal } from '../../sys/journal';
import type { Sys } from '../../sys/sys';
import { timeLimit } from '../../sys/wait';
import { setupPacket } from '../../uapi/usbdevfs';
import { type Advice, callFailed, claimedElsewhere, notAuthorized, openFailed, submitFailed } from '../errors';
import { endpointName } from '../inspect/address';
import { inspectUsb } from '../inspect/inspect';
import { type IsoOptions, type IsoTransfer, isoTransfers } from '../transfer/iso';
import { bulkPreparer, type Measurement, type MeasureOptions, measure } from '../transfer/measure';
import { wholeNumber } from '../transfer/numbers';
import { type Transfer, TransferQueue, type TransferWaitOptions } from '../transfer/queue';
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
import {
  clearHalt,
  connectDriver,
  disconnectDriver,
  driverOf,
  resetDevice,
  setAlternateSetting,
  setConfiguration,
  USBFS_DRIVER,
} from '../usbfs';
import { Claims, type NotGivenBack } from './claims';
import { type EndpointRequest, type FoundEndpoint, findEndpoint, isoPacketSize } from './endpoints';

/** A transfer that is short enough to be in memory. */
export interface DataResult extends TransferResult {
  /** The data that arrived; empty for OUT. */
  data: Buffer;
}

export interface UsbOpenOptions {
  /** Remembers what is taken from drivers until it is given back: a process that is killed gives nothing back itself. */
  journal?: Journal | undefined;
}

export interface ClaimOptions {
  /** Takes it from a kernel driver, which gets it back when the device is closed. */
  detach?: boolean;
  /** Alternate setting to select. The kernel goes back to setting 0 when the claim ends. */
  alt?: number | undefined;
}

export interface ConfigurationOptions {
  /** Takes all interfaces from their drivers for it. Where it fails or is the same one, closing the device gives them back. */
  detach?: boolean;
}

export interface ControlOptions extends TransferWaitOptions {
  /** Takes the interface that the request is for from a kernel driver until the device is closed. */
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
  readonly #sys: Sys;
  readonly #queue: TransferQueue;
  readonly #claims: Claims;
  readonly #cleanup: Cleanup;
  #info: UsbDeviceInfo;
  /** The configuration, the settings or the drivers may have changed since {@link #info} was read. */
  #isStale = false;
  #fd: number | undefined;
  #notGivenBack: NotGivenBack[] = [];

  private constructor(sys: Sys, info: UsbDeviceInfo, fd: number, cleanup: Cleanup, journal: Journal | undefined) {
    this.#sys = sys;
    this.#info = info;
    this.#fd = fd;
    this.#cleanup = cleanup;
    let queue: TransferQueue | undefined;
    cleanup.defer(() => queue?.free());
    cleanup.defer(() => closeNode(sys, fd, this.#info.address));
    queue = new TransferQueue(sys, fd, (error, urb) =>
      urb === undefined ? callFailed(this.info, error) : submitFailed(sys, this.info, urb.endpoint, error),
    );
    this.#queue = queue;
    this.#claims = new Claims(sys, fd, () => this.info, journal);
    cleanup.defer(() => this.#claims.giveBack(this.#notGivenBack));
    cleanup.defer(() => this.#queue.close());
  }

  /**
   * Opens the device's node. Wakes the device, and keeps it awake until it is closed.
   *
   * @throws exit 4 with the udev rule that grants access
   */
  static open(sys: Sys, info: UsbDeviceInfo, { journal }: UsbOpenOptions = {}): UsbDevice {
    const node = info.node ?? `/dev/bus/usb/${info.usb.bus}/${info.usb.device}`;
    return acquiring((cleanup) => {
      try {
        return new UsbDevice(sys, info, sys.open(node, { write: true }), cleanup, journal);
      } catch (error) {
        throw error instanceof SysError ? openFailed(info, error) : error;
      }
    });
  }

  /** The device as it was given to {@link open}, with what this object has changed since: configuration, settings, drivers. */
  get info(): UsbDeviceInfo {
    if (this.#isStale) this.#readAgain();
    return this.#info;
  }

  /** The abilities of this kernel and the host controller: USBDEVFS_CAP_ bits. */
  get capabilities(): number {
    this.#openFd;
    return this.#call(() => this.#queue.capabilities);
  }

  /** Finds an endpoint of the active configuration. @throws exit 3 where there is none now, 2 where it is of another kind */
  endpoint(address: number, request: EndpointRequest = {}): FoundEndpoint {
    return findEndpoint(this.info, address, request);
  }

  /**
   * Claims an interface; every transfer but those to the control endpoint needs it.
   *
   * @throws exit 5 where a driver or another process has it
   */
  claim(intf: number, { detach = false, alt }: ClaimOptions = {}): void {
    this.#openFd;
    if (this.#claims.claim(intf, { detach })) this.#isStale = true;
    if (alt !== undefined) this.setAlternate(intf, alt);
  }

  /** Selects an alternate setting of a claimed interface. @throws exit 3 where it has no such setting */
  setAlternate(intf: number, alt: number): void {
    this.#change(() => setAlternateSetting(this.#sys, this.#openFd, intf, alt), {
      EINVAL: {
        message: `interface ${intf} has no alternate setting ${alt}`,
        hint: `udrv usb show ${this.info.address}`,
        exit: Exit.notFound,
      },
      EPIPE: { message: `the device refuses alternate setting ${alt}`, exit: Exit.deviceError },
    });
  }

  /** Ends the halt of an endpoint whose interface is claimed, on both sides. */
  clearHalt(address: number): void {
    this.#call(() => clearHalt(this.#sys, this.#openFd, address), {
      EPIPE: { message: 'the device refuses', exit: Exit.deviceError },
    });
  }

  /** Sends a control request whose data comes from the device. Claims what the kernel wants claimed for it. */
  async controlIn(setup: ControlSetup, length: number, options: ControlOptions = {}): Promise<DataResult> {
    return this.#control({ ...setup, bmRequestType: setup.bmRequestType | 0x80 }, length, null, options);
  }

  /** Sends a control request whose data, if any, goes to the device. */
  async controlOut(setup: ControlSetup, data: Buffer, options: ControlOptions = {}): Promise<DataResult> {
    return this.#control({ ...setup, bmRequestType: setup.bmRequestType & 0x7f }, data.length, data, options);
  }

  /** Reads one transfer from a bulk or interrupt endpoint, whose interface is claimed if it is not yet. */
  async read(address: number, length: number, options: StreamOptions = {}): Promise<DataResult> {
    const stream = this.readStream(address, length, options);
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(Buffer.from(piece));
    const { status, requested, actual, errno } = stream;
    return { status, requested, actual, errno, data: Buffer.concat(pieces) };
  }

  /**
   * Reads one transfer in pieces, for what is too long to have in memory. A piece is good until the next; it may be in
   * memory that usbfs lends, which direct I/O (O_DIRECT) refuses with EFAULT.
   */
  readStream(address: number, length: number, options: StreamOptions = {}): InStream {
    return new InStream(this.#queue, this.#target(address, 'in'), length, options);
  }

  /** Reads the transfers of an interrupt or bulk endpoint as they come, each of `length` bytes at most. */
  messages(
    address: number,
    length: number,
    options: StreamOptions & { count?: number | undefined } = {},
  ): AsyncGenerator<Message> {
    return readMessages(this.#queue, this.#target(address, 'in'), length, options);
  }

  /** Writes one transfer to a bulk or interrupt endpoint, of any length. */
  async write(address: number, data: Source, options: WriteOptions = {}): Promise<TransferResult> {
    return writeStream(this.#queue, this.#target(address, 'out'), data, options);
  }

  /** The most that an isochronous endpoint moves in one packet of an URB, in bytes. */
  isoPacketSize(address: number): number {
    return isoPacketSize(this.endpoint(address));
  }

  /** Runs transfers of an isochronous endpoint; for OUT, with what `source` gives. */
  isochronous(address: number, options: IsoOptions = {}): AsyncGenerator<IsoTransfer> {
    this.#claimed(address, { types: ['isochronous'] });
    return isoTransfers(this.#queue, address, this.isoPacketSize(address), options);
  }

  /**
   * Keeps transfers of an endpoint in flight for some time, and measures them. For endpoint 0 it measures the round trip
   * of asking for the device descriptor.
   */
  async measure(address: number, options: MeasureOptions): Promise<Measurement> {
    if ((address & 0x7f) === 0) {
      wholeNumber('size', options.size, { least: 0, most: MOST_CONTROL });
      const prepare = ({ urb }: Transfer) => urb.prepareControl(GET_DEVICE_DESCRIPTOR, options.size);
      return measure(this.#queue, () => this.#acquireControl(options.size), prepare, { ...options, queue: 1 });
    }
    const target = this.#target(address, address & 0x80 ? 'in' : 'out');
    const acquire = () => this.#queue.acquire(options.size);
    return measure(this.#queue, acquire, bulkPreparer(target, options.size), options);
  }

  /**
   * Resets the port. All claims end, and their interfaces are in setting 0 again: usbfs knows nothing of resets, so the
   * kernel unbinds it (usb_reset_device(), usb_unbind_interface()). Drivers keep or take their interfaces again.
   *
   * @throws exit 8 where it came back as another device: it has to be found again by its address
   */
  reset(): void {
    this.#queue.close();
    this.#change(() => resetDevice(this.#sys, this.#openFd), {
      ENODEV: { message: 'the device came back as another device', hint: `udrv usb show ${this.info.address}` },
    });
    this.#claims.forget();
  }

  /** Takes an interface from its driver, without claiming it. @returns false where it had none */
  detachDriver(intf: number): boolean {
    const driver = this.driverOf(intf);
    if (driver === USBFS_DRIVER) throw claimedElsewhere(this.#sys, this.info, intf);
    return driver !== null && this.#change(() => disconnectDriver(this.#sys, this.#openFd, intf));
  }

  /** Has the kernel look for a driver. @returns whether one took the interface, or has it already */
  attachDriver(intf: number): boolean {
    const driver = this.driverOf(intf);
    if (driver === USBFS_DRIVER) throw claimedElsewhere(this.#sys, this.info, intf);
    return driver !== null || this.#change(() => connectDriver(this.#sys, this.#openFd, intf));
  }

  /** The driver of an interface now; `usbfs` stands for a process. */
  driverOf(intf: number): string | null {
    return this.#call(() => driverOf(this.#sys, this.#openFd, intf));
  }

  /**
   * Selects a configuration. The kernel looks for drivers of another one; the same one it only resets.
   *
   * @param value bConfigurationValue, 0 for none
   * @throws exit 4 where the device is not authorized, exit 5 while any interface has a driver or is claimed
   */
  setConfiguration(value: number, { detach = false }: ConfigurationOptions = {}): void {
    // The kernel would set none, and report success: usb_set_configuration(). It may have been authorized meanwhile.
    this.#isStale = true;
    if (value !== 0 && this.info.usb.authorized === false) throw notAuthorized(this.info);
    const isSame = this.info.usb.configuration === value;
    if (detach) this.#change(() => this.#claims.detachAll());
    this.#change(() => setConfiguration(this.#sys, this.#openFd, value), {
      EINVAL: {
        message: `has no configuration ${value}`,
        exit: Exit.notFound,
        hint: `udrv usb show ${this.info.address}`,
      },
    });
    if (!isSame) this.#claims.forget();
  }

  /**
   * Ends what is in flight, and gives everything back. A second close does nothing.
   *
   * @returns the interfaces whose drivers did not take them back; where it throws, the next close returns them
   */
  close(): NotGivenBack[] {
    this.#fd = undefined;
    this.#cleanup.close();
    return this.#notGivenBack.splice(0);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #openFd(): number {
    if (this.#fd === undefined) throw closedError(this.#info.address);
    return this.#fd;
  }

  #readAgain(): void {
    this.#isStale = false;
    const now = inspectUsb(this.#sys, NO_NAMES, this.#info.address);
    // A device that is gone, or has another one in its place, stays as it was known last.
    if (now?.usb.device === this.#info.usb.device) this.#info = { ...now, name: this.#info.name };
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

  /** Takes a transfer for a control request. @param length of the data that follows the setup packet */
  #acquireControl(length: number): Transfer {
    return this.#queue.acquire(setupPacket.size + Math.max(length, USUAL_CONTROL_LENGTH), { copied: true });
  }

  async #control(
    setup: ControlSetup,
    length: number,
    data: Buffer | null,
    { detach = false, timeoutMs, signal }: ControlOptions,
  ): Promise<DataResult> {
    wholeNumber('length', length, { least: 0, most: MOST_CONTROL });
    timeLimit(timeoutMs);
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

  /** Makes a call after which sysfs has to be read again, whether or not it succeeds. */
  #change<T>(call: () => T, advice?: Readonly<Record<string, Advice>>): T {
    this.#isStale = true;
    return this.#call(call, advice);
  }

  /** Makes a call, and turns its failure into the user's error. @param advice by errno */
  #call<T>(call: () => T, advice: Readonly<Record<string, Advice>> = {}): T {
    try {
      return call();
    } catch (error) {
      throw error instanceof SysError ? callFailed(this.info, error, advice) : error;
    }
  }
}

const GET_DEVICE_DESCRIPTOR: ControlSetup = { bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 };

/** The length of a control request's data has 16 bits. */
const MOST_CONTROL = 0xffff;

/** Enough for descriptors and most requests: one piece of memory does for all of them. */
const USUAL_CONTROL_LENGTH = 4096 - 8 - 64;

/**
 * Finds the interface that must be claimed for a control request: check_ctrlrecip() in drivers/usb/core/devio.c. Vendor
 * requests need none, and neither do requests to the device.
 */
export function interfaceOfRequest({ usb }: UsbDeviceInfo, { bmRequestType, wIndex }: ControlSetup): number | null {
  const [type, recipient, low] = [(bmRequestType >> 5) & 3, bmRequestType & 0x1f, wIndex & 0xff];
  if (type === VENDOR) return null;
  if (recipient === INTERFACE) return low;
  if (recipient !== ENDPOINT || (low & 0x7f) === 0) return null;
  const names = [low, low ^ 0x80].map(endpointName);
  // The kernel forgives a wrong direction, and refuses an endpoint that does not exist.
  for (const name of names) {
    const setting = usb.interfaces.find((i) => i.active && i.endpoints.some(({ address }) => address === name));
    if (setting !== undefined) return setting.number;
  }
  return null;
}

const [INTERFACE, ENDPOINT] = [1, 2];
const VENDOR = 2;
