import type { Memory, PollEvent } from '../../sys/sys';
import {
  connectInfo,
  disconnectClaim,
  getDriver,
  isoPacket,
  urb as layout,
  setInterface,
  setupPacket,
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
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_NO_INTERRUPT,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_INTERRUPT,
  USBDEVFS_URB_TYPE_ISO,
  USBDEVFS_URB_ZERO_PACKET,
  wrappedIoctl,
} from '../../uapi/usbdevfs';
import type { Driver } from '../kernel/bus';
import { Blocked, Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { UsbBus } from './bus';
import type { SimEndpoint } from './descriptors';
import type { SimUsbDevice, SimUsbInterface, UsbfsOpener } from './device';
import { DIR_IN, RECIP_MASK, type SetupPacket, TYPE_MASK } from './function';
import { type SimIsoPacket, type SimTransfer, Status } from './pipes';

/** An URB that a process has submitted: struct async. */
interface Async {
  /** Of the process's struct usbdevfs_urb. */
  readonly address: bigint;
  readonly transfer: SimTransfer;
  /** -1 for a control URB. */
  readonly interface: number;
  readonly memory: number;
  /** Where what has come in goes; null for what goes out. */
  readonly to: bigint | null;
  /**
   * Its memory, where usbfs lent that: what comes in is there as soon as the device has sent it, and has a place even if
   * the process has unmapped it meanwhile.
   */
  readonly lent: Buffer | null;
  /** Of a bulk endpoint; null for others, and where it no longer matters. */
  bulk: number | null;
  readonly isContinuation: boolean;
  status: number;
}

/** Bits in an unsigned long: what an interface's number must be below. */
const MAX_INTERFACES = 64;
const XFER_MAX = 0xffff_ffff / 2 - 1_000_000;
const MAX_PACKETS = 128;
const MAX_PACKET = 98_304;
/** kmalloc() gives no more in one piece; larger bulk URBs are scattered over pieces of this size. */
const KMALLOC_MAX = 4 * 1024 * 1024;
const SG_PIECE = 16_384;
/** Of struct async with struct urb, of a setup packet, of a piece, of a packet, of struct usb_memory: about. */
const SIZEOF = { urb: 344, setup: 8, piece: 32, packet: 16, lent: 80 };
const SPEEDS = new Map([
  [1.5, 1],
  [12, 2],
  [480, 3],
  [5000, 5],
  [10_000, 6],
]);
/**
 * As on xHCI, without what is not simulated here: dropping privileges, suspend. It does not stop an endpoint at a
 * short packet, so that continuations are of no use.
 */
const CAPABILITIES =
  USBDEVFS_CAP_ZERO_PACKET |
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
  USBDEVFS_CAP_BULK_SCATTER_GATHER |
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT |
  USBDEVFS_CAP_MMAP;
/** USBDEVFS_URB_NO_FSBR means nothing any more, but may be set. */
const FLAGS =
  USBDEVFS_URB_SHORT_NOT_OK |
  USBDEVFS_URB_BULK_CONTINUATION |
  0x20 |
  USBDEVFS_URB_ZERO_PACKET |
  USBDEVFS_URB_NO_INTERRUPT;

/** An open usbfs node: drivers/usb/core/devio.c, struct usb_dev_state. Checks are in its order. */
export class UsbfsFile implements OpenFile, UsbfsOpener {
  readonly #kernel: Kernel;
  readonly #bus: UsbBus;
  readonly #device: SimUsbDevice;
  readonly #write: boolean;
  readonly #claims = new Map<number, SimUsbInterface>();
  readonly #lent = new Set<Memory>();
  readonly #pending = new Set<Async>();
  readonly #completed: Async[] = [];
  /** Bulk endpoints whose continuations are refused until a new transfer begins. */
  readonly #disabled = new Set<number>();
  #isConnected = true;
  #position = 0;

  constructor(kernel: Kernel, bus: UsbBus, device: SimUsbDevice, write: boolean) {
    this.#kernel = kernel;
    this.#bus = bus;
    this.#device = device;
    this.#write = write;
    device.files.add(this);
  }

  /** The descriptors: of the device, then of each configuration. */
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
    return call(argument) ?? 0;
  }

  /** usbdev_mmap(): memory in one piece, which counts from now on and not once more with each URB. */
  lend(length: number, onClose: () => void): Memory {
    const amount = length + SIZEOF.lent;
    this.#mustFit(amount);
    if (length > KMALLOC_MAX) throw new Errno('ENOMEM');
    this.#bus.memory.used += amount;
    const memory = this.#kernel.memory.allocate(length, () => {
      this.#bus.memory.used -= amount;
      this.#lent.delete(memory);
      onClose();
    });
    this.#lent.add(memory);
    return memory;
  }

  /** Something to reap is writable; the rest is POLLHUP and POLLERR, which end every wait. */
  ready(event: PollEvent): boolean {
    return !this.#isConnected || (event === 'writable' && this.#write && this.#completed.length > 0);
  }

  close(): void {
    for (const intf of this.#claims.values()) this.#bus.interfaces.release(intf, { quiet: true });
    this.#kill(() => true);
    for (const async of this.#completed.splice(0)) this.#free(async);
    this.#device.files.delete(this);
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#kill(() => true);
  }

  readonly #calls: Readonly<Record<number, (argument: Buffer | number) => number | undefined>> = {
    [USBDEVFS_CLAIMINTERFACE]: (argument) => this.#claim(this.#word(argument)),
    [USBDEVFS_RELEASEINTERFACE]: (argument) => this.#release(this.#word(argument)),
    [USBDEVFS_GETDRIVER]: (argument) => this.#getDriver(this.#memory(argument, getDriver.size)),
    [USBDEVFS_IOCTL]: (argument) => this.#wrapped(this.#memory(argument, wrappedIoctl.size)),
    [USBDEVFS_DISCONNECT_CLAIM]: (argument) => this.#disconnectClaim(this.#memory(argument, disconnectClaim.size)),
    [USBDEVFS_SUBMITURB]: (argument) => this.#submit(this.#address(argument)),
    [USBDEVFS_DISCARDURB]: (argument) => this.#discard(this.#address(argument)),
    [USBDEVFS_SETINTERFACE]: (argument) => this.#setInterface(this.#memory(argument, setInterface.size)),
    [USBDEVFS_SETCONFIGURATION]: (argument) => this.#setConfiguration(this.#memory(argument, 4).readInt32LE()),
    [USBDEVFS_CLEAR_HALT]: (argument) => this.#clearHalt(this.#word(argument)),
    // Only the host's data toggle, which is not simulated.
    [USBDEVFS_RESETEP]: (argument) => this.#check(this.#interfaceWith(this.#word(argument))),
    [USBDEVFS_RESET]: () => this.#reset(),
    [USBDEVFS_GET_CAPABILITIES]: (argument) => this.#capabilities(this.#memory(argument, 4)),
    [USBDEVFS_GET_SPEED]: () => SPEEDS.get(this.#device.speed) ?? 0,
    [USBDEVFS_CONNECTINFO]: (argument) => this.#connectInfo(this.#memory(argument, connectInfo.size)),
    [USBDEVFS_ALLOC_STREAMS]: (argument) => this.#streams(this.#memory(argument, 9), true),
    [USBDEVFS_FREE_STREAMS]: (argument) => this.#streams(this.#memory(argument, 9), false),
  };

  // What an ioctl's argument points to

  #memory(argument: Buffer | number, size: number): Buffer {
    const memory = typeof argument === 'number' ? this.#kernel.memory.find(BigInt(argument), size) : argument;
    if (memory === undefined || memory.length < size) throw new Errno('EFAULT');
    return memory;
  }

  #word(argument: Buffer | number): number {
    return this.#memory(argument, 4).readUInt32LE();
  }

  /** Of memory that the kernel keeps the address of: it must be where it can be found again. */
  #address(argument: Buffer | number): bigint {
    const address = typeof argument === 'number' ? BigInt(argument) : this.#kernel.memory.addressOf(argument);
    if (address === undefined) throw new Errno('EFAULT');
    return address;
  }

  #at(address: bigint, length: number): Buffer {
    const memory = this.#kernel.memory.find(address, length);
    if (memory === undefined) throw new Errno('EFAULT');
    return memory;
  }

  // Interfaces

  /** claimintf() */
  #claim(number: number): undefined {
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

  /** driver_disconnect(): it was released, taken by somebody, or is gone. */
  #lost(number: number, intf: SimUsbInterface): void {
    this.#claims.delete(number);
    // usb_unbind_interface(): its endpoints are disabled, and it is left in setting 0.
    this.#kill((async) => async.interface === number, Status.gone);
    if (this.#device.isConnected && intf.alt !== 0) this.#bus.select(intf, 0);
  }

  #release(number: number): undefined {
    if (number >= MAX_INTERFACES) throw new Errno('EINVAL');
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('ENOENT');
    if (!this.#claims.has(number)) throw new Errno('EINVAL');
    this.#bus.interfaces.release(intf, { quiet: true });
  }

  /** checkintf(): what is used without a claim is claimed. */
  #check(number: number): undefined {
    if (this.#device.configuration === null) throw new Errno('EHOSTUNREACH');
    this.#claim(number);
  }

  /** findintfep(): in any setting. */
  #interfaceWith(endpoint: number): number {
    if (endpoint & ~(DIR_IN | 0xf)) throw new Errno('EINVAL');
    if (this.#device.configuration === null) throw new Errno('ESRCH');
    const settings = this.#device.interfaces.flatMap((intf) => intf.settings);
    const found = settings.find(({ endpoints }) => endpoints.some(({ address }) => address === endpoint));
    if (found === undefined) throw new Errno('ENOENT');
    return found.number;
  }

  #getDriver(memory: Buffer): undefined {
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

  #disconnectClaim(memory: Buffer): undefined {
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
    this.#claim(number);
  }

  #setInterface(memory: Buffer): undefined {
    const number = memory.readUInt32LE(setInterface.interface);
    this.#check(number);
    this.#kill((async) => async.interface === number);
    const intf = this.#device.interface(number);
    if (intf === undefined) throw new Errno('EINVAL');
    this.#bus.select(intf, memory.readUInt32LE(setInterface.alternateSetting));
  }

  #setConfiguration(value: number): undefined {
    if (this.#device.interfaces.some((intf) => this.#bus.interfaces.hasDriver(intf))) throw new Errno('EBUSY');
    if (this.#device.configuration?.value === value) this.#bus.resetConfiguration(this.#device);
    else this.#bus.configure(this.#device, value);
  }

  #clearHalt(endpoint: number): undefined {
    this.#check(this.#interfaceWith(endpoint));
    if (!this.#device.request({ bmRequestType: 2, bRequest: 1, wValue: 0, wIndex: endpoint })) throw new Errno('EPIPE');
  }

  #reset(): undefined {
    this.#bus.reset(this.#device);
  }

  #capabilities(memory: Buffer): undefined {
    memory.writeUInt32LE(CAPABILITIES);
  }

  #connectInfo(memory: Buffer): undefined {
    memory.writeUInt32LE(this.#device.number, connectInfo.deviceNumber);
    memory.writeUInt8(this.#device.speed === 1.5 ? 1 : 0, connectInfo.slow);
  }

  /** parse_usbdevfs_streams(), for one endpoint: none of the devices here is fast enough to have streams. */
  #streams(memory: Buffer, allocates: boolean): undefined {
    const [streams, count, endpoint] = [memory.readUInt32LE(0), memory.readUInt32LE(4), memory.readUInt8(8)];
    if (count < 1 || count > 30) throw new Errno('EINVAL');
    if (allocates && (streams < 2 || streams > 65_536)) throw new Errno('EINVAL');
    if (this.#endpoint(endpoint) === undefined) throw new Errno('EINVAL');
    this.#check(this.#interfaceWith(endpoint));
    throw new Errno('EINVAL');
  }

  // URBs

  #endpoint(address: number): SimEndpoint | undefined {
    const isControl = (address & ~DIR_IN) === 0;
    return isControl ? CONTROL_ENDPOINT : this.#device.endpoint(address);
  }

  /** proc_do_submiturb() */
  #submit(address: bigint): undefined {
    const urb = this.#at(address, layout.size);
    const type = urb.readUInt8(layout.type);
    const flags = urb.readUInt32LE(layout.flags);
    const length = urb.readUInt32LE(layout.bufferLength);
    const buffer = urb.readBigUInt64LE(layout.buffer);
    const number = urb.readUInt8(layout.endpoint);
    if (flags & ~(type === USBDEVFS_URB_TYPE_ISO ? FLAGS | USBDEVFS_URB_ISO_ASAP : FLAGS)) throw new Errno('EINVAL');
    if (length >= XFER_MAX || (length > 0 && buffer === 0n)) throw new Errno('EINVAL');
    let intf = -1;
    if (type !== USBDEVFS_URB_TYPE_CONTROL || (number & ~DIR_IN) !== 0) {
      intf = this.#interfaceWith(number);
      this.#check(intf);
    }
    const endpoint = this.#endpoint(number);
    if (endpoint === undefined) throw new Errno('ENOENT');
    if (type === USBDEVFS_URB_TYPE_CONTROL) this.#submitControl(address, endpoint, buffer, length, flags);
    else if (type === USBDEVFS_URB_TYPE_ISO) this.#submitIso(address, endpoint, intf, buffer, flags);
    else this.#submitData(address, endpoint, intf, type, buffer, length, flags);
  }

  #submitControl(address: bigint, endpoint: SimEndpoint, buffer: bigint, length: number, flags: number): void {
    if (endpoint.type !== 'control' || length < setupPacket.size) throw new Errno('EINVAL');
    const bytes = this.#at(buffer, setupPacket.size);
    const setup: SetupPacket = {
      bmRequestType: bytes.readUInt8(setupPacket.bmRequestType),
      bRequest: bytes.readUInt8(setupPacket.bRequest),
      wValue: bytes.readUInt16LE(setupPacket.wValue),
      wIndex: bytes.readUInt16LE(setupPacket.wIndex),
      wLength: bytes.readUInt16LE(setupPacket.wLength),
    };
    if (length < setup.wLength + setupPacket.size) throw new Errno('EINVAL');
    this.#checkRecipient(setup);
    const isIn = (setup.bmRequestType & DIR_IN) !== 0 && setup.wLength > 0;
    this.#start(address, {
      endpoint: isIn ? DIR_IN : 0,
      type: 'control',
      setup,
      buffer: buffer + BigInt(setupPacket.size),
      length: setup.wLength,
      flags,
      memory: SIZEOF.setup,
    });
  }

  /** check_ctrlrecip() */
  #checkRecipient({ bmRequestType, wIndex }: SetupPacket): void {
    if ((bmRequestType & TYPE_MASK) === 0x40) return;
    const index = wIndex & 0xff;
    const recipient = bmRequestType & RECIP_MASK;
    if (recipient === 1) this.#check(index);
    if (recipient !== 2 || (index & ~DIR_IN) === 0) return;
    let intf: number;
    try {
      intf = this.#interfaceWith(index);
    } catch {
      // Some programs give the endpoint the wrong direction.
      intf = this.#interfaceWith(index ^ DIR_IN);
    }
    this.#check(intf);
  }

  #submitData(
    address: bigint,
    endpoint: SimEndpoint,
    intf: number,
    type: number,
    buffer: bigint,
    length: number,
    flags: number,
  ): void {
    // A bulk URB will do for an interrupt endpoint.
    const fits =
      (type === USBDEVFS_URB_TYPE_BULK && (endpoint.type === 'bulk' || endpoint.type === 'interrupt')) ||
      (type === USBDEVFS_URB_TYPE_INTERRUPT && endpoint.type === 'interrupt');
    if (!fits) throw new Errno('EINVAL');
    const pieces = endpoint.type === 'bulk' && length > SG_PIECE ? Math.ceil(length / SG_PIECE) : 0;
    this.#start(address, {
      endpoint: endpoint.address,
      type: endpoint.type,
      intf,
      buffer,
      length,
      flags,
      memory: pieces * SIZEOF.piece,
      scattered: pieces > 0,
    });
  }

  #submitIso(address: bigint, endpoint: SimEndpoint, intf: number, buffer: bigint, flags: number): void {
    const count = this.#at(address, layout.size).readInt32LE(layout.numberOfPackets);
    if (count < 1 || count > MAX_PACKETS || endpoint.type !== 'isochronous') throw new Errno('EINVAL');
    const header = this.#at(address, layout.size + count * isoPacket.size);
    const packets: SimIsoPacket[] = [];
    for (let i = 0; i < count; i++) {
      const length = header.readUInt32LE(layout.packets + i * isoPacket.size + isoPacket.length);
      if (length > MAX_PACKET) throw new Errno('EINVAL');
      packets.push({ length, status: Status.ok, actual: 0 });
    }
    const length = packets.reduce((sum, packet) => sum + packet.length, 0);
    const memory = count * SIZEOF.packet;
    this.#start(address, {
      endpoint: endpoint.address,
      type: 'isochronous',
      intf,
      buffer,
      length,
      flags,
      memory,
      packets,
    });
  }

  /** From alloc_async() on. */
  #start(
    address: bigint,
    {
      endpoint,
      type,
      setup = null,
      intf = -1,
      buffer,
      length,
      flags,
      memory,
      packets = [],
      scattered = false,
    }: {
      endpoint: number;
      type: SimEndpoint['type'];
      setup?: SetupPacket | null;
      intf?: number;
      buffer: bigint;
      length: number;
      flags: number;
      memory: number;
      packets?: SimIsoPacket[];
      scattered?: boolean;
    },
  ): void {
    const isLent = this.#isLent(buffer, length);
    // Lent memory is paid for, and is not scattered.
    const amount = SIZEOF.urb + (isLent ? 0 : length) + (isLent && scattered ? 0 : memory);
    this.#mustFit(amount);
    if (!isLent && !scattered && length > KMALLOC_MAX) throw new Errno('ENOMEM');
    const isIn = (endpoint & DIR_IN) !== 0;
    const data = Buffer.alloc(length);
    if (!isIn && length > 0) this.#at(buffer, length).copy(data);
    const limitOf = packets.length > 0 ? (this.#device.endpoint(endpoint)?.packetSize ?? 0) : 0;
    const async: Async = {
      address,
      interface: intf,
      memory: amount,
      to: isIn && length > 0 ? buffer : null,
      lent: isLent ? this.#at(buffer, length) : null,
      bulk: type === 'bulk' ? endpoint : null,
      isContinuation: type === 'bulk' && (flags & USBDEVFS_URB_BULK_CONTINUATION) !== 0,
      status: Status.ok,
      transfer: {
        endpoint,
        type,
        setup,
        data,
        packets,
        shortNotOk: isIn && (flags & USBDEVFS_URB_SHORT_NOT_OK) !== 0,
        zeroPacket: !isIn && setup === null && (flags & USBDEVFS_URB_ZERO_PACKET) !== 0,
        actual: 0,
        complete: (status) => this.#ended(async, status),
      },
    };
    if (type === 'bulk') {
      if (!async.isContinuation) this.#disabled.delete(endpoint);
      if (this.#disabled.has(endpoint)) throw new Errno('EREMOTEIO');
    }
    // usb_submit_urb()
    if (packets.some((packet) => packet.length > limitOf)) throw new Errno('EMSGSIZE');
    this.#bus.memory.used += amount;
    this.#pending.add(async);
    this.#device.pipes.submit(async.transfer);
  }

  /** usbfs_increase_memory_usage() */
  #mustFit(amount: number): void {
    const limit = this.#bus.memory.limit();
    if (limit > 0 && this.#bus.memory.used + amount > limit) throw new Errno('ENOMEM');
  }

  /** find_memory_area() */
  #isLent(buffer: bigint, length: number): boolean {
    for (const { address, bytes } of this.#lent) {
      const offset = buffer - address;
      if (offset < 0n || offset >= BigInt(bytes.length)) continue;
      if (length > bytes.length - Number(offset)) throw new Errno('EINVAL');
      return true;
    }
    return false;
  }

  /** async_completed() */
  #ended(async: Async, status: number): void {
    async.status = status;
    if (async.lent !== null) this.#fill(async);
    this.#pending.delete(async);
    this.#completed.push(async);
    const { bulk } = async;
    if (bulk !== null && status < 0 && status !== Status.unlinked && status !== Status.cancelled)
      this.#cancelContinuations(bulk);
    this.#kernel.wake();
  }

  /** cancel_bulk_urbs(): the rest of a transfer that has ended early, up to where the next begins. */
  #cancelContinuations(endpoint: number): void {
    const rest: Async[] = [];
    let isNext = false;
    for (const async of this.#pending) {
      if (async.bulk !== endpoint) continue;
      if (!async.isContinuation) {
        isNext = true;
        break;
      }
      async.bulk = null;
      rest.push(async);
    }
    if (!isNext) this.#disabled.add(endpoint);
    for (const async of rest.reverse()) this.#device.pipes.cancel(async.transfer, Status.unlinked);
  }

  #discard(address: bigint): undefined {
    const async = [...this.#pending].find((one) => one.address === address);
    if (async === undefined) throw new Errno('EINVAL');
    this.#device.pipes.cancel(async.transfer, Status.cancelled);
  }

  #kill(wanted: (async: Async) => boolean, status: number = Status.cancelled): void {
    for (const async of [...this.#pending].filter(wanted).reverse()) this.#device.pipes.cancel(async.transfer, status);
  }

  #reap(argument: Buffer | number, waits: boolean): number {
    const async = this.#completed.shift();
    if (async === undefined) {
      if (!this.#isConnected) throw new Errno('ENODEV');
      if (waits) throw new Blocked();
      throw new Errno('EAGAIN');
    }
    this.#free(async);
    this.#give(async);
    this.#memory(argument, 8).writeBigUInt64LE(async.address);
    return 0;
  }

  /** processcompl(): only now does the process get what came in. */
  #give(async: Async): void {
    const { address, transfer, status } = async;
    const { packets, actual } = transfer;
    if (async.lent === null) this.#fill(async);
    const urb = this.#at(address, layout.size + packets.length * isoPacket.size);
    urb.writeInt32LE(status, layout.status);
    urb.writeInt32LE(actual, layout.actualLength);
    urb.writeInt32LE(packets.filter((packet) => packet.status !== Status.ok).length, layout.errorCount);
    for (const [i, packet] of packets.entries()) {
      const at = layout.packets + i * isoPacket.size;
      urb.writeUInt32LE(packet.actual, at + isoPacket.actualLength);
      urb.writeInt32LE(packet.status, at + isoPacket.status);
    }
  }

  #fill({ to, lent, transfer: { data, packets, actual } }: Async): void {
    // What isochronous packets brought is where each begins.
    const length = packets.length > 0 ? data.length : actual;
    if (to !== null && actual > 0) data.copy(lent ?? this.#at(to, length), 0, 0, length);
  }

  #free({ memory }: Async): void {
    this.#bus.memory.used -= memory;
  }
}

const CONTROL_ENDPOINT: SimEndpoint = {
  address: 0,
  type: 'control',
  packetSize: 64,
  interval: 0,
  bytes: Buffer.alloc(7),
};
