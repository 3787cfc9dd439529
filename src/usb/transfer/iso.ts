import { wholeNumber } from './numbers';
import { Pump } from './pump';
import type { Transfer, TransferQueue, TransferWaitOptions } from './queue';
import { errnoName, statusOf, type TransferStatus } from './status';
import { Pieces, type Source } from './streams';

export interface IsoOptions extends TransferWaitOptions {
  /** Packets in one transfer: 1 to 128. */
  packets?: number | undefined;
  /** Transfers in flight at a time. With fewer than 2, packets are lost between them. */
  queue?: number | undefined;
  /** Number of transfers; without it they go on until the consumer stops or the source ends. */
  count?: number | undefined;
  /** Data for an OUT endpoint. */
  source?: Source | undefined;
}

export interface IsoPacket {
  status: TransferStatus;
  /** `EPROTO`, where the status is not `ok`. */
  errno: string | null;
  requested: number;
  actual: number;
  /** Data that arrived or, of an OUT endpoint, was sent. */
  data: Buffer;
}

export interface IsoTransfer {
  /** The end of the transfer as a whole: it can be `ok` although packets are not. */
  status: TransferStatus;
  errno: string | null;
  packets: IsoPacket[];
}

/** The limit of one URB: drivers/usb/core/devio.c. */
export const MAX_ISO_PACKETS = 128;
export const DEFAULT_ISO_PACKETS = 32;
const DEFAULT_ISO_QUEUE = 4;

/** Runs isochronous transfers. @param packetSize the most that the endpoint moves in one interval, in bytes */
export async function* isoTransfers(
  queue: TransferQueue,
  endpoint: number,
  packetSize: number,
  { packets = DEFAULT_ISO_PACKETS, queue: depth = DEFAULT_ISO_QUEUE, count, source, timeoutMs, signal }: IsoOptions,
): AsyncGenerator<IsoTransfer> {
  wholeNumber('packets', packets, { least: 1, most: MAX_ISO_PACKETS });
  wholeNumber('queue', depth, { least: 1 });
  if (count !== undefined && count !== Number.POSITIVE_INFINITY) wholeNumber('count', count, { least: 0 });
  let left = count ?? Number.POSITIVE_INFINITY;
  const pieces = source === undefined ? null : new Pieces(source);
  const prepareLength = ({ urb }: Transfer, length: number) => {
    // A source that waits for more ends with the signal too, in the middle of a packet.
    if (length === 0 || signal?.aborted) return false;
    const full = Math.floor(length / packetSize);
    const rest = length % packetSize;
    urb.prepareIso(endpoint, [...new Array<number>(full).fill(packetSize), ...(rest > 0 ? [rest] : [])]);
    return true;
  };
  const prepare = (transfer: Transfer): boolean | Promise<boolean> => {
    if (left-- <= 0) return false;
    if (pieces === null) return prepareLength(transfer, packets * packetSize);
    const length = pieces.fill(transfer.urb.data.subarray(0, packets * packetSize));
    return typeof length === 'number'
      ? prepareLength(transfer, length)
      : length.then((filled) => prepareLength(transfer, filled));
  };
  const pump = new Pump(queue, { timeoutMs, signal, depth, packets, capacity: packets * packetSize, prepare });
  try {
    for await (const transfer of pump) yield isoTransfer(transfer);
  } finally {
    pieces?.close();
  }
}

function isoTransfer({ urb, status, stopped }: Transfer): IsoTransfer {
  const described = urb.isoPackets();
  const end = Math.max(0, ...described.map(({ offset, length }) => offset + length));
  // The consumer's own: the URB's memory is for the next transfer.
  const data = Buffer.from(urb.data.subarray(0, end));
  const packets = described.map((packet) => ({
    status: statusOf(packet.status, stopped),
    errno: errnoName(packet.status),
    requested: packet.length,
    actual: packet.actualLength,
    data: data.subarray(packet.offset, packet.offset + packet.actualLength),
  }));
  return { status, errno: errnoName(urb.status), packets };
}
