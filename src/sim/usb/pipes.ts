import type { Scheduled, Timeline } from '../hardware/timeline';
import type { EndpointType, SimEndpoint } from './descriptors';
import { DIR_IN, type SetupPacket, type UsbFunction } from './function';

/** The status of a transfer that has ended, as an errno: Documentation/driver-api/usb/error-codes.rst. */
export const Status = {
  ok: 0,
  cancelled: -2,
  stall: -32,
  protocol: -71,
  babble: -75,
  unlinked: -104,
  gone: -108,
  short: -121,
} as const;

export interface SimIsoPacket {
  readonly length: number;
  status: number;
  actual: number;
}

/** A transfer that a driver gives to the host controller: struct urb. */
export interface SimTransfer {
  /** Its address, with the direction in bit 7. */
  readonly endpoint: number;
  readonly type: EndpointType;
  readonly setup: SetupPacket | null;
  /** The data that is sent, or the place for data that is received. */
  readonly data: Buffer;
  /** Makes it an error that a transfer in brings less than was asked for. */
  readonly shortNotOk: boolean;
  /** Adds an empty packet to a transfer out that fills its last packet. */
  readonly zeroPacket: boolean;
  readonly packets: readonly SimIsoPacket[];
  /** The bytes transferred so far. */
  actual: number;
  /** Called once, when the transfer has ended in whichever way. */
  complete(status: number): void;
}

interface Queue {
  readonly transfers: SimTransfer[];
  /** The end of the first of them, which is due. */
  ending: Scheduled | null;
}

/** Times at high speed, in milliseconds: of a transfer beside its bytes, and of a microframe. */
const OVERHEAD_MS = 0.02;
const BYTES_PER_MS = 50_000;
const MICROFRAME_MS = 0.125;

/**
 * The host controller's side of one device: for each endpoint, transfers in the order in which they were given. A
 * transfer takes a little time, and waits without bound for a device that has no data.
 */
export class Pipes {
  /** Transfers so far: urbnum of struct usb_device. */
  submitted = 0;
  readonly #timeline: Timeline;
  readonly #function: UsbFunction;
  /** Finds an endpoint among the settings that are chosen. */
  readonly #endpointAt: (address: number) => SimEndpoint | undefined;
  /** Keyed by address; 0 is the control endpoint of both directions. */
  readonly #queues = new Map<number, Queue>();
  /** Endpoints that answer no more, and those whose next packet is too long. */
  readonly #hung = new Set<number>();
  readonly #babbling = new Set<number>();

  constructor(timeline: Timeline, fn: UsbFunction, endpointAt: (address: number) => SimEndpoint | undefined) {
    this.#timeline = timeline;
    this.#function = fn;
    this.#endpointAt = endpointAt;
    // The timeline calls later: one endpoint's packet may be the one that another waits for.
    fn.onReady = (endpoint) => void timeline.after(0, () => this.#advance(endpoint));
  }

  submit(transfer: SimTransfer): void {
    this.submitted++;
    const key = keyOf(transfer);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { transfers: [], ending: null };
      this.#queues.set(key, queue);
    }
    queue.transfers.push(transfer);
    this.#advance(key);
  }

  /** Ends a transfer that has not ended, with the data it has so far. */
  cancel(transfer: SimTransfer, status: number): void {
    const key = keyOf(transfer);
    const queue = this.#queues.get(key);
    const index = queue?.transfers.indexOf(transfer) ?? -1;
    if (queue === undefined || index < 0) return;
    queue.transfers.splice(index, 1);
    if (index === 0) {
      queue.ending?.cancel();
      queue.ending = null;
    }
    transfer.complete(status);
    this.#advance(key);
  }

  /** Ends all transfers of some endpoints, the last one first, so that none of them gets a turn meanwhile. */
  flush(status: number, wanted: (endpoint: number) => boolean = () => true): void {
    const transfers = [...this.#queues].filter(([key]) => wanted(key)).flatMap(([, queue]) => queue.transfers);
    for (const transfer of transfers.reverse()) this.cancel(transfer, status);
  }

  /** Makes an endpoint answer nothing from now on, or answer again. */
  hang(endpoint: number, hung: boolean): void {
    if (hung) this.#hung.add(endpoint);
    else this.#hung.delete(endpoint);
    this.#advance(endpoint);
  }

  /** Makes the next transfer from the endpoint get more than it asked for. */
  babble(endpoint: number): void {
    this.#babbling.add(endpoint);
    this.#advance(endpoint);
  }

  #advance(key: number): void {
    const queue = this.#queues.get(key);
    const transfer = queue?.transfers[0];
    if (queue === undefined || transfer === undefined || queue.ending !== null) return;
    const before = transfer.actual;
    const status = this.#run(transfer);
    if (status === null) return;
    queue.ending = this.#timeline.after(this.#duration(transfer, transfer.actual - before), () => {
      queue.ending = null;
      queue.transfers.shift();
      transfer.complete(status === Status.ok && isShort(transfer) ? Status.short : status);
      this.#advance(key);
    });
  }

  #duration({ endpoint, packets }: SimTransfer, bytes: number): number {
    if (packets.length === 0) return OVERHEAD_MS + bytes / BYTES_PER_MS;
    const interval = this.#endpointAt(endpoint)?.interval ?? 1;
    return packets.length * MICROFRAME_MS * 2 ** (interval - 1);
  }

  /**
   * Goes on with a transfer as far as the device lets it.
   *
   * @returns the status it ends with; null where it has not ended
   */
  #run(transfer: SimTransfer): number | null {
    const { endpoint, setup } = transfer;
    if (this.#hung.has(keyOf(transfer))) return null;
    if (setup !== null) return this.#control(transfer, setup);
    if (transfer.packets.length > 0) return this.#iso(transfer);
    if (this.#function.halted.has(endpoint)) return Status.stall;
    return endpoint & DIR_IN ? this.#in(transfer) : this.#out(transfer);
  }

  #control(transfer: SimTransfer, setup: SetupPacket): number {
    const isIn = (setup.bmRequestType & DIR_IN) !== 0;
    const answer = this.#function.control(setup, isIn ? Buffer.alloc(0) : transfer.data);
    if (answer === 'stall') return Status.stall;
    transfer.actual = isIn ? answer.copy(transfer.data) : transfer.data.length;
    return Status.ok;
  }

  #in(transfer: SimTransfer): number | null {
    const { endpoint, data } = transfer;
    const size = this.#packetSize(endpoint);
    if (this.#babbling.delete(endpoint)) {
      transfer.actual = data.length;
      return Status.babble;
    }
    do {
      const packet = this.#function.packetIn(endpoint, size);
      if (packet === 'nak') return null;
      if (packet === 'stall') return this.#halt(endpoint);
      const taken = packet.copy(data, transfer.actual);
      transfer.actual += taken;
      if (taken < packet.length) return Status.babble;
      if (packet.length < size) return Status.ok;
    } while (transfer.actual < data.length);
    return Status.ok;
  }

  #out(transfer: SimTransfer): number | null {
    const { endpoint, data } = transfer;
    const size = this.#packetSize(endpoint);
    const zero = transfer.zeroPacket && data.length % size === 0;
    for (;;) {
      const packet = data.subarray(transfer.actual, transfer.actual + size);
      const answer = this.#function.packetOut(endpoint, packet);
      if (answer === 'nak') return null;
      if (answer === 'stall') return this.#halt(endpoint);
      transfer.actual += packet.length;
      if (packet.length < size || (transfer.actual === data.length && !zero)) return Status.ok;
    }
  }

  /** Runs isochronous packets. There is no handshake: data that is not there is missing. */
  #iso(transfer: SimTransfer): number {
    const { endpoint, data, packets } = transfer;
    let offset = 0;
    for (const packet of packets) {
      const room = data.subarray(offset, offset + packet.length);
      offset += packet.length;
      if (endpoint & DIR_IN) {
        const got = this.#function.packetIn(endpoint, packet.length);
        packet.actual = typeof got === 'string' ? 0 : got.copy(room);
      } else {
        this.#function.packetOut(endpoint, room);
        packet.actual = room.length;
      }
      packet.status = Status.ok;
      transfer.actual += packet.actual;
    }
    return Status.ok;
  }

  #halt(endpoint: number): number {
    this.#function.halted.add(endpoint);
    return Status.stall;
  }

  #packetSize(endpoint: number): number {
    return Math.max(1, this.#endpointAt(endpoint)?.packetSize ?? 1);
  }
}

/** Control transfers of both directions share one queue. */
function keyOf({ endpoint }: SimTransfer): number {
  return (endpoint & 0xf) === 0 ? 0 : endpoint;
}

/** usb_hcd_giveback_urb() */
function isShort({ endpoint, packets, shortNotOk, actual, data }: SimTransfer): boolean {
  return shortNotOk && (endpoint & DIR_IN) !== 0 && packets.length === 0 && actual < data.length;
}
