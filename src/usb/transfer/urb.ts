import { acquiring, type Cleanup } from '../../cleanup';
import type { Memory, Sys } from '../../sys/sys';
import {
  isoPacket,
  urb as layout,
  setupPacket,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_ISO,
} from '../../uapi/usbdevfs';

/** A control request, in the specification's words (USB 2.0, section 9.3); wLength is the length of the data. */
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
  /** The pointer that DISCARDURB takes and REAPURB gives. Below 2^47, so that a number holds it. */
  readonly address: number;
  /** Struct usbdevfs_urb and the packets, for SUBMITURB. */
  readonly header: Buffer;
  /** The whole room for data; an isochronous URB's packets lie one behind the other. */
  readonly data: Buffer;
  readonly maxPackets: number;
  /** Whether the data is in memory that usbfs lends. */
  readonly isLent: boolean;
  readonly #cleanup: Cleanup;
  readonly #dataAddress: bigint;

  /**
   * @param capacity in bytes; a control URB needs 8 more than its data
   * @param lent memory for the data; the URB's own from here on, also where this throws
   */
  constructor(sys: Sys, capacity: number, maxPackets = 0, lent: Memory | null = null) {
    const headerSize = Math.ceil((layout.size + maxPackets * isoPacket.size) / ALIGNMENT) * ALIGNMENT;
    const { cleanup, memory } = acquiring((cleanup) => {
      if (lent !== null) cleanup.own(lent);
      return { cleanup, memory: cleanup.own(sys.allocate(headerSize + (lent === null ? capacity : 0))) };
    });
    this.#cleanup = cleanup;
    this.isLent = lent !== null;
    this.#dataAddress = lent === null ? memory.address + BigInt(headerSize) : lent.address;
    this.address = Number(memory.address);
    this.header = memory.bytes.subarray(0, headerSize);
    // Up to the end of the last page, which is there in any case: the next user may want it.
    this.data = lent === null ? memory.bytes.subarray(headerSize) : lent.bytes;
    this.maxPackets = maxPackets;
  }

  /** Fills the struct for a transfer. @param endpoint with its direction in bit 7 */
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
    // Its own address, by which a trace of the calls tells the URBs apart.
    header.writeUInt32LE(this.address % 2 ** 32, layout.userContext);
    header.writeUInt32LE(Math.floor(this.address / 2 ** 32), layout.userContext + 4);
  }

  /** Fills the struct and the setup packet. The data of an OUT request goes to {@link controlData} before the submit. */
  prepareControl({ bmRequestType, bRequest, wValue, wIndex }: ControlSetup, length: number): void {
    this.prepare(USBDEVFS_URB_TYPE_CONTROL, bmRequestType & 0x80, setupPacket.size + length);
    this.data.writeUInt8(bmRequestType, setupPacket.bmRequestType);
    this.data.writeUInt8(bRequest, setupPacket.bRequest);
    this.data.writeUInt16LE(wValue, setupPacket.wValue);
    this.data.writeUInt16LE(wIndex, setupPacket.wIndex);
    this.data.writeUInt16LE(length, setupPacket.wLength);
  }

  /** The endpoint that a refusal is about: that which a control request names, else the one it goes through. */
  get endpoint(): number {
    const isControl = this.header.readUInt8(layout.type) === USBDEVFS_URB_TYPE_CONTROL;
    if (isControl && (this.data.readUInt8(setupPacket.bmRequestType) & 0x1f) === ENDPOINT_RECIPIENT)
      return this.data.readUInt8(setupPacket.wIndex);
    return this.header.readUInt8(layout.endpoint);
  }

  /** The room behind the setup packet. */
  get controlData(): Buffer {
    return this.data.subarray(setupPacket.size);
  }

  /** Fills the struct for isochronous packets. @param packets the length of each in bytes */
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

  /** Takes over the transfer that another URB with no more room was prepared for, with its data. */
  prepareAs(other: Urb): void {
    const from = other.header;
    const flags = from.readUInt32LE(layout.flags);
    this.prepare(from.readUInt8(layout.type), from.readUInt8(layout.endpoint), other.bufferLength, flags);
    from.copy(this.header, layout.numberOfPackets, layout.numberOfPackets, layout.numberOfPackets + 4);
    from.copy(this.header, layout.packets, layout.packets);
    other.data.copy(this.data, 0, 0, other.bufferLength);
  }

  /** The result: 0, or an errno, negative. */
  get status(): number {
    return this.header.readInt32LE(layout.status);
  }

  /** Bytes moved, without a control URB's setup packet; the sum of an isochronous URB's packets. */
  get actualLength(): number {
    // The kernel's number is not let out of the memory that is there.
    return Math.max(0, Math.min(this.header.readInt32LE(layout.actualLength), this.data.length));
  }

  /** Bytes asked for; a control URB's with its setup packet. */
  get bufferLength(): number {
    return this.header.readInt32LE(layout.bufferLength);
  }

  get errorCount(): number {
    return this.header.readInt32LE(layout.errorCount);
  }

  /** The packets of a reaped isochronous URB: the status as in {@link status}, and the place in `data` of each. */
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

  /** Sets the result of an URB that was refused, or that the kernel will never give back. @param status an errno, negative */
  settle(status: number): void {
    this.header.writeInt32LE(status, layout.status);
    this.header.writeInt32LE(0, layout.actualLength);
  }

  /** Frees the memory. Must not be called while the kernel has the URB. */
  close(): void {
    this.#cleanup.close();
  }
}
