import type { UsbEndpoint } from '../../model/device';
import {
  USBDEVFS_CAP_BULK_CONTINUATION,
  USBDEVFS_CAP_BULK_SCATTER_GATHER,
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_INTERRUPT,
} from '../../uapi/usbdevfs';
import { readTwice } from '../errors';
import { wholeNumber } from './numbers';
import { Pump } from './pump';
import type { Transfer, TransferQueue, TransferWaitOptions } from './queue';
import { errnoName, type TransferResult, type TransferStatus } from './status';

export interface StreamOptions extends TransferWaitOptions {
  /** Transfers in flight at a time. */
  queue?: number | undefined;
  /** Bytes in each, a multiple of the endpoint's packet size. */
  chunk?: number | undefined;
}

/** The facts about an endpoint that streams need. */
export interface StreamTarget {
  address: number;
  type: UsbEndpoint['type'];
  maxPacketSize: number;
  /** USBDEVFS_CAP_ bits. */
  capabilities: number;
}

export const DEFAULT_QUEUE = 4;

/** The kernel's number for the length of an URB has 31 bits: drivers/usb/core/devio.c. */
export const LONGEST_URB = 2 ** 31 - 1;

/** A contiguous piece of kernel memory that is nearly always to be had; libusb splits at this too. */
const CONTIGUOUS_CHUNK = 16 * 1024;
/** A length that the kernel takes lent in one piece or scattered. It keeps a disk busy, and is little of usbfs_memory_mb. */
const SCATTERED_CHUNK = 256 * 1024;

/** The length of one URB unless the caller says otherwise: whole packets. */
export function defaultChunk({ capabilities, maxPacketSize }: StreamTarget): number {
  const most = capabilities & USBDEVFS_CAP_BULK_SCATTER_GATHER ? SCATTERED_CHUNK : CONTIGUOUS_CHUNK;
  return Math.max(1, Math.floor(most / Math.max(1, maxPacketSize))) * Math.max(1, maxPacketSize);
}

const urbType = ({ type }: StreamTarget) =>
  type === 'interrupt' ? USBDEVFS_URB_TYPE_INTERRUPT : USBDEVFS_URB_TYPE_BULK;

/** The state of a stream, and at its end its result. */
abstract class Stream implements TransferResult {
  status: TransferStatus = 'ok';
  requested = 0;
  actual = 0;
  errno: string | null = null;

  /** Counts a transfer in. The first that fails decides how the stream ends. */
  protected took({ status, urb }: Transfer): void {
    this.actual += urb.actualLength;
    if (this.status !== 'ok' || status === 'ok') return;
    this.status = status;
    this.errno = errnoName(urb.status);
  }
}

/**
 * One transfer from an IN endpoint, of any length, in pieces as they arrive. It ends with the length that was asked for,
 * with a short packet, or with a status that is not `ok`. It is read by one loop, once. A piece is good until the next is
 * asked for or the loop is left: then its memory is used again. Once the device is closed, it is empty.
 *
 * @example
 * const stream = device.readStream(0x81, 1 << 20);
 * for await (const piece of stream) file.write(piece);
 * if (stream.status === 'timeout') console.error(`${stream.actual} bytes came`);
 */
export class InStream extends Stream {
  readonly #pump: Pump;
  readonly #target: StreamTarget;
  #isRead = false;

  /** @throws usage for a queue, a chunk or a length that is none */
  constructor(queue: TransferQueue, target: StreamTarget, length: number, options: StreamOptions = {}) {
    super();
    this.#target = target;
    const { queue: depth = DEFAULT_QUEUE, chunk = defaultChunk(target), ...wait } = options;
    wholeNumber('queue', depth, { least: 1 });
    wholeNumber('chunk', chunk, { least: 1, most: LONGEST_URB });
    if (length !== Number.POSITIVE_INFINITY) wholeNumber('length', length, { least: 0 });
    // A chain of URBs ends with the first short packet, so that none behind it takes what belongs to the next transfer.
    // Host controllers whose rings cannot stop there (xHCI) do not have chains.
    const chained = target.type === 'bulk' && (target.capabilities & USBDEVFS_CAP_BULK_CONTINUATION) !== 0;
    this.requested = length;
    let asked = 0;
    const prepare = ({ urb }: Transfer) => {
      const size = Math.min(chunk, length - asked);
      if (size <= 0) return false;
      const first = asked === 0;
      asked += size;
      const flags = chained
        ? (first ? 0 : USBDEVFS_URB_BULK_CONTINUATION) | (asked < length ? USBDEVFS_URB_SHORT_NOT_OK : 0)
        : 0;
      urb.prepare(urbType(target), target.address, size, flags);
      return true;
    };
    const most = Math.max(1, Math.ceil(length / chunk));
    this.#pump = new Pump(queue, { ...wait, depth: Math.min(depth, most), capacity: Math.min(chunk, length), prepare });
  }

  /** @throws exit 5 where it is read, or was: the pieces would be shared out between two loops */
  [Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    if (this.#isRead) throw readTwice(this.#target.address);
    this.#isRead = true;
    return this.#pieces();
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    let ended = false;
    for await (const transfer of this.#pump) {
      const { urb } = transfer;
      const { actualLength } = urb;
      // Data that the transfers behind the end got meanwhile is kept: it cannot be given back to the device.
      if (ended) this.actual += actualLength;
      else this.took(transfer);
      if (!ended && actualLength < urb.bufferLength) {
        ended = true;
        this.#pump.stop();
      }
      if (actualLength > 0) yield urb.data.subarray(0, actualLength);
    }
  }
}

/** One transfer of an interrupt IN endpoint. */
export interface Message extends TransferResult {
  data: Buffer;
}

/** Reads transfers of an IN endpoint one after another, each of its own length, as an interrupt endpoint reports. */
export async function* readMessages(
  queue: TransferQueue,
  target: StreamTarget,
  length: number,
  { count, queue: depth = DEFAULT_QUEUE, timeoutMs, signal }: StreamOptions & { count?: number | undefined },
): AsyncGenerator<Message> {
  if (count !== undefined && count !== Number.POSITIVE_INFINITY) wholeNumber('count', count, { least: 0 });
  wholeNumber('length', length, { least: 0, most: LONGEST_URB });
  let left = count ?? Number.POSITIVE_INFINITY;
  const prepare = ({ urb }: Transfer) => {
    if (left-- <= 0) return false;
    urb.prepare(urbType(target), target.address, length);
    return true;
  };
  const pump = new Pump(queue, { timeoutMs, signal, depth, capacity: length, prepare });
  for await (const { urb, status } of pump) {
    const { actualLength: actual } = urb;
    yield {
      status,
      requested: length,
      actual,
      errno: errnoName(urb.status),
      data: Buffer.from(urb.data.subarray(0, actual)),
    };
    if (status !== 'ok') return;
  }
}

/** Data to send: pieces of any length. */
export type Source = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface WriteOptions extends StreamOptions {
  /** Sends a packet of no length behind data of whole packets, by which the device knows that it is over. */
  zlp?: boolean | undefined;
  /** Called with the sum of what has been sent. */
  onProgress?: ((bytes: number) => void) | undefined;
}

/** Sends everything that `source` gives as one transfer. Data that is empty is one packet of no length. */
export async function writeStream(
  queue: TransferQueue,
  target: StreamTarget,
  source: Source,
  options: WriteOptions = {},
): Promise<TransferResult> {
  return new OutStream(target).send(queue, source, options);
}

class OutStream extends Stream {
  readonly #target: StreamTarget;

  constructor(target: StreamTarget) {
    super();
    this.#target = target;
  }

  async send(queue: TransferQueue, source: Source, options: WriteOptions): Promise<TransferResult> {
    const { queue: depth = DEFAULT_QUEUE, chunk = defaultChunk(this.#target), zlp = false, onProgress } = options;
    const { timeoutMs, signal } = options;
    wholeNumber('queue', depth, { least: 1 });
    wholeNumber('chunk', chunk, { least: 1, most: LONGEST_URB });
    const pieces = new Pieces(source);
    let over = false;
    const submit = ({ urb }: Transfer, length: number) => {
      // A source that waits for more ends with the signal too: this is not the end of the data.
      if (signal?.aborted) {
        this.status = 'cancelled';
        return false;
      }
      over = length < chunk;
      // The source ended where the last URB was full: nothing is left to send but a packet of no length, if asked for.
      if (length === 0 && this.requested > 0 && !(zlp && this.requested % this.#target.maxPacketSize === 0))
        return false;
      this.requested += length;
      if (over && length > 0 && zlp && this.requested % this.#target.maxPacketSize === 0) over = false;
      urb.prepare(urbType(this.#target), this.#target.address, length);
      return true;
    };
    const prepare = (transfer: Transfer): boolean | Promise<boolean> => {
      if (over) return false;
      const length = pieces.fill(transfer.urb.data.subarray(0, chunk));
      return typeof length === 'number' ? submit(transfer, length) : length.then((n) => submit(transfer, n));
    };
    try {
      for await (const transfer of new Pump(queue, { timeoutMs, signal, depth, capacity: chunk, prepare })) {
        this.took(transfer);
        onProgress?.(this.actual);
      }
    } finally {
      pieces.close();
    }
    const { status, requested, actual, errno } = this;
    return { status, requested, actual, errno };
  }
}

/** Cuts pieces of any length into pieces of the length that is wanted. */
export class Pieces {
  readonly #source: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #done = false;

  constructor(source: Source) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Fills the buffer, less only at the end of the source. Returns at once where the source does. */
  fill(buffer: Buffer, from = 0): number | Promise<number> {
    let filled = from;
    for (;;) {
      const taken = Math.min(this.#rest.length, buffer.length - filled);
      buffer.set(this.#rest.subarray(0, taken), filled);
      this.#rest = this.#rest.subarray(taken);
      filled += taken;
      if (filled === buffer.length || this.#done) return filled;
      const next = this.#source.next();
      if (next instanceof Promise)
        return next.then((result) => {
          this.#took(result);
          return this.fill(buffer, filled);
        });
      this.#took(next);
    }
  }

  /** Tells the source that no more is wanted. Does not wait for it: it may itself be waiting for data. */
  close(): void {
    if (this.#done) return;
    this.#done = true;
    const returned = this.#source.return?.();
    if (returned instanceof Promise) returned.catch(() => {});
  }

  #took({ done, value }: IteratorResult<Uint8Array>): void {
    if (done) this.#done = true;
    else this.#rest = value;
  }
}
