import type { Memory } from '../../sys/sys';
import {
  isoPacket,
  urb as layout,
  setupPacket,
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_NO_INTERRUPT,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_INTERRUPT,
  USBDEVFS_URB_TYPE_ISO,
  USBDEVFS_URB_ZERO_PACKET,
} from '../../uapi/usbdevfs';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import type { UsbBus } from './bus';
import type { SimEndpoint } from './descriptors';
import type { SimUsbDevice } from './device';
import { DIR_IN, RECIP_MASK, type SetupPacket, TYPE_MASK } from './function';
import { type SimIsoPacket, type SimTransfer, Status } from './pipes';
import type { UsbfsClaims } from './usbfs-claims';

/** An URB that a process has submitted: struct async. */
interface Async {
  /** The address of the process's struct usbdevfs_urb. */
  readonly address: bigint;
  readonly transfer: SimTransfer;
  /** -1 for a control URB. */
  readonly interface: number;
  readonly memory: number;
  /** The place in the process for data that comes in; null for data that goes out. */
  readonly to: bigint | null;
  /**
   * Its memory, if usbfs lent that: data is there as soon as the device has sent it, even if the process has unmapped
   * the memory meanwhile.
   */
  readonly lent: Buffer | null;
  /** Its bulk endpoint; null for others, and where it no longer matters. */
  bulk: number | null;
  readonly isContinuation: boolean;
  status: number;
}

const XFER_MAX = 0xffff_ffff / 2 - 1_000_000;
const MAX_PACKETS = 128;
const MAX_PACKET = 98_304;
/** kmalloc() gives no more in one piece; larger bulk URBs are scattered over pieces of this size. */
const KMALLOC_MAX = 4 * 1024 * 1024;
const SG_PIECE = 16_384;
/** About the sizes of struct async with struct urb, a setup packet, a piece, a packet, struct usb_memory. */
const SIZEOF = { urb: 344, setup: 8, piece: 32, packet: 16, lent: 80 };
/** USBDEVFS_URB_NO_FSBR means nothing any more, but may be set. */
const FLAGS =
  USBDEVFS_URB_SHORT_NOT_OK |
  USBDEVFS_URB_BULK_CONTINUATION |
  0x20 |
  USBDEVFS_URB_ZERO_PACKET |
  USBDEVFS_URB_NO_INTERRUPT;

/** The URBs of one open node, and the memory that it was lent for them: drivers/usb/core/devio.c. */
export class UsbfsUrbs {
  readonly #kernel: Kernel;
  readonly #bus: UsbBus;
  readonly #device: SimUsbDevice;
  readonly #claims: UsbfsClaims;
  readonly #lent = new Set<Memory>();
  readonly #pending = new Set<Async>();
  readonly #completed: Async[] = [];
  /** Bulk endpoints whose continuations are refused until a new transfer begins. */
  readonly #disabled = new Set<number>();

  constructor(kernel: Kernel, bus: UsbBus, device: SimUsbDevice, claims: UsbfsClaims) {
    this.#kernel = kernel;
    this.#bus = bus;
    this.#device = device;
    this.#claims = claims;
  }

  /** usbdev_mmap(): lends memory in one piece, which counts from now on and not once more with each URB. */
  lend(length: number, onClose: () => void): Memory {
    const amount = length + SIZEOF.lent;
    this.#bus.memory.check(amount);
    if (length > KMALLOC_MAX) throw new Errno('ENOMEM');
    this.#bus.memory.take(amount);
    const memory = this.#kernel.memory.allocate(length, () => {
      this.#bus.memory.giveBack(amount);
      this.#lent.delete(memory);
      onClose();
    });
    this.#lent.add(memory);
    return memory;
  }

  endpoint(address: number): SimEndpoint | undefined {
    const isControl = (address & ~DIR_IN) === 0;
    return isControl ? CONTROL_ENDPOINT : this.#device.endpoint(address);
  }

  /** proc_do_submiturb() */
  submit(address: bigint): void {
    const urb = this.#kernel.memory.at(address, layout.size);
    const type = urb.readUInt8(layout.type);
    const flags = urb.readUInt32LE(layout.flags);
    const length = urb.readUInt32LE(layout.bufferLength);
    const buffer = urb.readBigUInt64LE(layout.buffer);
    const number = urb.readUInt8(layout.endpoint);
    if (flags & ~(type === USBDEVFS_URB_TYPE_ISO ? FLAGS | USBDEVFS_URB_ISO_ASAP : FLAGS)) throw new Errno('EINVAL');
    if (length >= XFER_MAX || (length > 0 && buffer === 0n)) throw new Errno('EINVAL');
    let intf = -1;
    if (type !== USBDEVFS_URB_TYPE_CONTROL || (number & ~DIR_IN) !== 0) {
      intf = this.#claims.interfaceWith(number);
      this.#claims.check(intf);
    }
    const endpoint = this.endpoint(number);
    if (endpoint === undefined) throw new Errno('ENOENT');
    if (type === USBDEVFS_URB_TYPE_CONTROL) this.#submitControl(address, endpoint, buffer, length, flags);
    else if (type === USBDEVFS_URB_TYPE_ISO) this.#submitIso(address, endpoint, intf, buffer, flags);
    else this.#submitData(address, endpoint, intf, type, buffer, length, flags);
  }

  #submitControl(address: bigint, endpoint: SimEndpoint, buffer: bigint, length: number, flags: number): void {
    if (endpoint.type !== 'control' || length < setupPacket.size) throw new Errno('EINVAL');
    const bytes = this.#kernel.memory.at(buffer, setupPacket.size);
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
    if (recipient === 1) this.#claims.check(index);
    if (recipient !== 2 || (index & ~DIR_IN) === 0) return;
    let intf: number;
    try {
      intf = this.#claims.interfaceWith(index);
    } catch {
      // Some programs give the endpoint the wrong direction.
      intf = this.#claims.interfaceWith(index ^ DIR_IN);
    }
    this.#claims.check(intf);
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
    const count = this.#kernel.memory.at(address, layout.size).readInt32LE(layout.numberOfPackets);
    if (count < 1 || count > MAX_PACKETS || endpoint.type !== 'isochronous') throw new Errno('EINVAL');
    const header = this.#kernel.memory.at(address, layout.size + count * isoPacket.size);
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

  /** The second part of proc_do_submiturb(), from alloc_async() on. */
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
    // Lent memory is counted already, and is not scattered.
    const amount = SIZEOF.urb + (isLent ? 0 : length) + (isLent && scattered ? 0 : memory);
    this.#bus.memory.check(amount);
    if (!isLent && !scattered && length > KMALLOC_MAX) throw new Errno('ENOMEM');
    const isIn = (endpoint & DIR_IN) !== 0;
    const data = Buffer.alloc(length);
    if (!isIn && length > 0) this.#kernel.memory.at(buffer, length).copy(data);
    const limitOf = packets.length > 0 ? (this.#device.endpoint(endpoint)?.packetSize ?? 0) : 0;
    const async: Async = {
      address,
      interface: intf,
      memory: amount,
      to: isIn && length > 0 ? buffer : null,
      lent: isLent ? this.#kernel.memory.at(buffer, length) : null,
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
    this.#bus.memory.take(amount);
    this.#pending.add(async);
    this.#device.pipes.submit(async.transfer);
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

  /** cancel_bulk_urbs(): ends the rest of a transfer that has ended early, up to the start of the next. */
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

  discard(address: bigint): void {
    const async = [...this.#pending].find((one) => one.address === address);
    if (async === undefined) throw new Errno('EINVAL');
    this.#device.pipes.cancel(async.transfer, Status.cancelled);
  }

  kill(wanted: (async: Async) => boolean, status: number = Status.cancelled): void {
    for (const async of [...this.#pending].filter(wanted).reverse()) this.#device.pipes.cancel(async.transfer, status);
  }

  /**
   * Takes what has completed first, and gives the process what came in.
   *
   * @returns the address of its struct usbdevfs_urb; undefined where nothing has completed
   */
  reap(): bigint | undefined {
    const async = this.#completed.shift();
    if (async === undefined) return undefined;
    this.#free(async);
    this.#give(async);
    return async.address;
  }

  get hasCompleted(): boolean {
    return this.#completed.length > 0;
  }

  /** Ends all that is in flight, and frees what nobody will reap. */
  close(): void {
    this.kill(() => true);
    for (const async of this.#completed.splice(0)) this.#free(async);
  }

  /** processcompl(): copies the data that came in to the process, now that it is reaped. */
  #give(async: Async): void {
    const { address, transfer, status } = async;
    const { packets, actual } = transfer;
    if (async.lent === null) this.#fill(async);
    const urb = this.#kernel.memory.at(address, layout.size + packets.length * isoPacket.size);
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
    // Isochronous packets leave gaps: each has its data at its own start.
    const length = packets.length > 0 ? data.length : actual;
    if (to !== null && actual > 0) data.copy(lent ?? this.#kernel.memory.at(to, length), 0, 0, length);
  }

  #free({ memory }: Async): void {
    this.#bus.memory.giveBack(memory);
  }
}

const CONTROL_ENDPOINT: SimEndpoint = {
  address: 0,
  type: 'control',
  packetSize: 64,
  interval: 0,
  bytes: Buffer.alloc(7),
};
