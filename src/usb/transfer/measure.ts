import { Cleanup } from '../../cleanup';
import { usageError } from '../../errors';
import { Samples } from '../../model/samples';
import type { Summary } from '../../model/statistics';
import { timeLimit } from '../../sys/wait';
import { USBDEVFS_URB_TYPE_BULK, USBDEVFS_URB_TYPE_INTERRUPT } from '../../uapi/usbdevfs';
import { wholeNumber } from './numbers';
import type { Transfer, TransferQueue } from './queue';
import { errnoName, type TransferResult } from './status';
import { LONGEST_URB, type StreamTarget } from './streams';

export interface MeasureOptions {
  /** Bytes in a transfer. */
  size: number;
  /** Transfers in flight at a time. */
  queue: number;
  seconds: number;
  /** Longest wait for one transfer. */
  timeoutMs: number;
  signal: AbortSignal;
  /**
   * Runs where signals are served, with the time that was measured so far in seconds. Returns whether that took time: the
   * transfers that are in flight meanwhile are then left out of the latencies.
   */
  onServed?: ((seconds: number) => boolean) | undefined;
}

/** The bytes moved, and the time of each transfer from its submit to its end. */
export interface Measurement extends TransferResult {
  queue: number;
  transfers: number;
  seconds: number;
  latencyUs: Summary;
}

/** Longest time that measuring blocks the event loop, waits aside. */
const SERVE_SIGNALS_MS = 50;

/** Time before what counts: by then the code is compiled, and the device has begun. */
const WARM_UP_MS = 500;

/** Below this, the wait for the next transfer spins instead of sleeping. */
const SHORT_MS = 1;

/**
 * Keeps transfers in flight for some time. Waits in a blocking poll(2), as a program that cares for latency does, and
 * serves signals in between. Allocates nothing while it measures.
 *
 * @param acquire takes a transfer from the queue
 * @param prepare fills its URB; its buffer is zeroed
 */
export async function measure(
  queue: TransferQueue,
  acquire: () => Transfer,
  prepare: (transfer: Transfer) => void,
  options: MeasureOptions,
): Promise<Measurement> {
  wholeNumber('queue', options.queue, { least: 1 });
  wholeNumber('size', options.size, { least: 0, most: LONGEST_URB });
  if (!(options.seconds > 0)) throw usageError('seconds', `${options.seconds} is no time to measure for`);
  timeLimit(options.timeoutMs);
  const transfers: Transfer[] = [];
  const cleanup = new Cleanup();
  try {
    while (transfers.length < options.queue) {
      const transfer = acquire();
      cleanup.defer(() => queue.recycle(transfer));
      transfers.push(transfer);
      transfer.urb.data.fill(0);
      prepare(transfer);
    }
    cleanup.defer(() => queue.stop(transfers, 'cancelled'));
    return await measurePrepared(queue, transfers, options);
  } finally {
    cleanup.close();
  }
}

async function measurePrepared(
  queue: TransferQueue,
  transfers: readonly Transfer[],
  { size, queue: depth, seconds, timeoutMs, signal, onServed }: MeasureOptions,
): Promise<Measurement> {
  const started = new Float64Array(depth);
  const result: TransferResult = { status: 'ok', requested: 0, actual: 0, errno: null };
  const latencies = new Samples();
  let count = 0;
  let inFlight = 0;
  let last = performance.now();
  let begin = last + Math.min(WARM_UP_MS, (seconds * 1000) / 4);
  let end = begin + seconds * 1000;
  let warm = false;
  let served = last;
  let spinMs = 0;
  /** Transfers to leave out of the latencies. */
  let disturbed = 0;
  for (const [i, transfer] of transfers.entries()) {
    started[i] = performance.now();
    queue.submit(transfer);
    inFlight++;
  }
  // Waits in turns: transfers of one endpoint end in the order they began.
  for (let i = 0; inFlight > 0; i = (i + 1) % depth) {
    const transfer = transfers[i] as Transfer;
    while (!queue.waitBlocking(transfer, timeoutMs, spinMs)) await turn();
    last = performance.now();
    const latencyMs = last - (started[i] ?? last);
    const { status, actualLength } = transfer.urb;
    inFlight--;
    // The time begins with the first transfer that ends after the warm-up, however late: one at least is measured.
    const begins = !warm && status === 0 && last >= begin;
    if (begins) {
      begin = last;
      end = begin + seconds * 1000;
    }
    // Submitted before anything else: a device with one transfer is idle until then.
    if (status === 0 && last < end && !signal.aborted) {
      started[i] = last;
      queue.submit(transfer);
      inFlight++;
    }
    spinMs = latencyMs < SHORT_MS ? SHORT_MS : 0;
    if (warm || status !== 0) {
      result.requested += size;
      result.actual += actualLength;
    }
    if (status !== 0) {
      queue.stop(transfers, 'cancelled');
      await queue.explainError(transfer);
      result.status = transfer.status;
      result.errno = errnoName(status);
      break;
    }
    if (warm) {
      if (disturbed === 0) latencies.add(latencyMs * 1000);
      count++;
    } else if (begins) warm = true;
    if (disturbed > 0) disturbed--;
    if (last - served > SERVE_SIGNALS_MS) {
      await turn();
      if (onServed?.(Math.max(0, last - begin) / 1000)) disturbed = inFlight;
      served = performance.now();
    }
  }
  const measured = Math.max(1e-3, (last - begin) / 1000);
  return { ...result, queue: depth, transfers: count, seconds: measured, latencyUs: latencies.summary() };
}

/** Makes what fills an URB for a bulk or interrupt transfer of `size` bytes. */
export function bulkPreparer({ type, address }: StreamTarget, size: number): (transfer: Transfer) => void {
  const urbType = type === 'interrupt' ? USBDEVFS_URB_TYPE_INTERRUPT : USBDEVFS_URB_TYPE_BULK;
  return ({ urb }) => urb.prepare(urbType, address, size);
}

/** Lets the event loop run once, without sleeping. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
