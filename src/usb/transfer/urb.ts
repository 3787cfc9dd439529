import type { Memory, Sys } from '../../sys/sys';
import {
  isoPacket,
  urb as layout,
  setupPacket,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_ISO,
} from '../../uapi/usbdevfs';

/** A control request, in the specification's words (USB 2.0, section 9.3) but for wLength, which is the data's. */
export interface ControlSetup {
  bmRequestType: number;
  bRequest: number;
  wValue: number;
  wIndex: number;
}

const ALIGNMENT = 64;

/** Bits 0 to 4 of bmRequestType. */
const ENDPOINT_RECIPIENT = 2;

/**
 * An URB and its buffer, in memory that does not move: struct usbdevfs_urb, its isochronous packets, and, behind them or
 * in memory of its own, the data. The kernel keeps the addresses of all this from SUBMITURB on and writes there at REAPURB
 * (to memory that it lent, before that), so that it is one object for both.
 */
export class Urb {
  /** What DISCARDURB takes and REAPURB gives. Below 2^47, so that a number holds it. */
  readonly address: number;
  /** For SUBMITURB. */
  readonly header: Buffer;
  /** All there is room for; an isochronous URB's packets lie one behind the other. */
  readonly data: Buffer;
  readonly maxPackets: number;
  readonly #memory: Memory;
  readonly #lent: Memory | null;
  readonly #dataAddress: bigint;

  /**
   * @param capacity in bytes; a control URB needs 8 more than its data
   * @param lent memory for the data, which is closed with the URB
   */
  constructor(sys: Sys, capacity: number, maxPackets = 0, lent: Memory | null = null) {
    const headerSize = Math.ceil((layout.size + maxPackets * isoPacket.size) / ALIGNMENT) * ALIGNMENT;
    this.#memory = sys.allocate(headerSize + (lent === null ? capacity : 0));
    this.#lent = lent;
    this.#dataAddress = lent === null ? this.#memory.address + BigInt(headerSize) : lent.address;
    this.address = Number(this.#memory.address);
    this.header = this.#memory.bytes.subarray(0, headerSize);
    // To the end of the last page: it is there in any case, and the next user may want it.
    this.data = lent === null ? this.#memory.bytes.subarray(headerSize) : lent.bytes;
    this.maxPackets = maxPackets;
  }

  /** @param endpoint with its direction in bit 7 */
  prepare(type: number, endpoint: number, length: number, flags = 0): void {
    if (length > this.data.length) throw new RangeError(`${length} bytes do not fit an URB of ${this.data.length}`);
    const { header } = this;
    header.writeUInt8(type, layout.type);
    header.writeUInt8(endpoint, layout.endpoint);
    header.writeInt32LE(0, layout.status);
    header.writeUInt32LE(flags, layout.flags);
    header.writeBigUInt64LE(this.#dataAddress, layout.buffer);
    header.writeInt32LE(length, layout.bufferLength);
    header.writeInt32LE(0, layout.actualLength);
    header.writeInt32LE(0, layout.startFrame);
    header.writeInt32LE(0, layout.numberOfPackets);
    header.writeInt32LE(0, layout.errorCount);
    header.writeUInt32LE(0, layout.signr);
    // Its own address: whoever looks at the calls (--trace) can tell which URB is reaped.
    header.writeUInt32LE(this.address % 2 ** 32, layout.userContext);
    header.writeUInt32LE(Math.floor(this.address / 2 ** 32), layout.userContext + 4);
  }

  /** The data of an OUT request is at {@link controlData} by now, or is put there before the submit. */
  prepareControl({ bmRequestType, bRequest, wValue, wIndex }: ControlSetup, length: number): void {
    this.prepare(USBDEVFS_URB_TYPE_CONTROL, bmRequestType & 0x80, setupPacket.size + length);
    this.data.writeUInt8(bmRequestType, setupPacket.bmRequestType);
    this.data.writeUInt8(bRequest, setupPacket.bRequest);
    this.data.writeUInt16LE(wValue, setupPacket.wValue);
    this.data.writeUInt16LE(wIndex, setupPacket.wIndex);
    this.data.writeUInt16LE(length, setupPacket.wLength);
  }

  /** The endpoint that a refusal is about: of a control request to an endpoint that one, else where it goes through. */
  get endpoint(): number {
    const isControl = this.header.readUInt8(layout.type) === USBDEVFS_URB_TYPE_CONTROL;
    if (isControl && (this.data.readUInt8(setupPacket.bmRequestType) & 0x1f) === ENDPOINT_RECIPIENT)
      return this.data.readUInt8(setupPacket.wIndex);
    return this.header.readUInt8(layout.endpoint);
  }

  /** What follows the setup packet. */
  get controlData(): Buffer {
    return this.data.subarray(setupPacket.size);
  }

  /** @param packets the length of each in bytes, as few as there may be */
  prepareIso(endpoint: number, packets: readonly number[]): void {
    const total = packets.reduce((sum, length) => sum + length, 0);
    if (packets.length > this.maxPackets) throw new RangeError(`${packets.length} packets do not fit the URB`);
    this.prepare(USBDEVFS_URB_TYPE_ISO, endpoint, total, USBDEVFS_URB_ISO_ASAP);
    this.header.writeInt32LE(packets.length, layout.numberOfPackets);
    for (const [index, length] of packets.entries()) {
      const at = layout.packets + index * isoPacket.size;
      this.header.writeUInt32LE(length, at + isoPacket.length);
      this.header.writeUInt32LE(0, at + isoPacket.actualLength);
      this.header.writeUInt32LE(0, at + isoPacket.status);
    }
  }

  /** Becomes what another was prepared for, one with no more room, and gets its data. */
  prepareAs(other: Urb): void {
    const from = other.header;
    const flags = from.readUInt32LE(layout.flags);
    this.prepare(from.readUInt8(layout.type), from.readUInt8(layout.endpoint), other.bufferLength, flags);
    from.copy(this.header, layout.numberOfPackets, layout.numberOfPackets, layout.numberOfPackets + 4);
    from.copy(this.header, layout.packets, layout.packets);
    other.data.copy(this.data, 0, 0, other.bufferLength);
  }

  /** 0, or an errno, negative. */
  get status(): number {
    return this.header.readInt32LE(layout.status);
  }

  /** Without a control URB's setup packet; of an isochronous one, the sum of its packets. */
  get actualLength(): number {
    // What a kernel says of memory is believed within the memory.
    return Math.max(0, Math.min(this.header.readInt32LE(layout.actualLength), this.data.length));
  }

  /** What was asked for. */
  get bufferLength(): number {
    return this.header.readInt32LE(layout.bufferLength);
  }

  get errorCount(): number {
    return this.header.readInt32LE(layout.errorCount);
  }

  /** The packets of a reaped isochronous URB: status as {@link status}, and where in `data` each lies. */
  isoPackets(): { status: number; offset: number; length: number; actualLength: number }[] {
    const count = Math.min(this.header.readInt32LE(layout.numberOfPackets), this.maxPackets);
    const packets = [];
    let offset = 0;
    for (let index = 0; index < count; index++) {
      const at = layout.packets + index * isoPacket.size;
      const length = this.header.readUInt32LE(at + isoPacket.length);
      const actualLength = Math.min(length, this.header.readUInt32LE(at + isoPacket.actualLength));
      packets.push({ status: this.header.readInt32LE(at + isoPacket.status), offset, length, actualLength });
      offset += length;
    }
    return packets;
  }

  /** Ends it without the kernel: it was refused, or the kernel will never give it back. @param status an errno, negative */
  settle(status: number): void {
    this.header.writeInt32LE(status, layout.status);
    this.header.writeInt32LE(0, layout.actualLength);
  }

  /** Whether its data is in memory that usbfs lends. */
  get isLent(): boolean {
    return this.#lent !== null;
  }

  /** Not while the kernel has it. */
  close(): void {
    this.#lent?.close();
    this.#memory.close();
  }
}
