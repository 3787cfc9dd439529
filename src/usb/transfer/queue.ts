import { acquiring, Cleanup } from '../../cleanup';
import { SysError } from '../../errors';
import type { Memory, Sys, Watch } from '../../sys/sys';
import { after, pause, timeLimit } from '../../sys/wait';
import { USBDEVFS_CAP_BULK_CONTINUATION, USBDEVFS_CAP_MMAP } from '../../uapi/usbdevfs';
import { capabilities, discardUrb, urbReaper, urbSubmitter } from '../usbfs';
import { ENODEV, ENOENT, statusOf, type TransferStatus } from './status';
import { Urb } from './urb';

export type StopReason = 'timeout' | 'cancelled';

export interface TransferWaitOptions {
  /** Longest wait for one transfer, from the moment its turn has come. Without it there is no bound. */
  timeoutMs?: number | undefined;
  /** Ends the transfer: the status is `cancelled`. */
  signal?: AbortSignal | undefined;
}

/** Memory that is kept for URBs to come. */
const KEPT_BYTES = 2 * 1024 * 1024;

/** Least length for which memory of usbfs is worth its while: copying less takes no time. */
const LENT_BYTES = 16 * 1024;

/** Longest wait for the kernel to give back what was discarded. */
const DISCARD_MS = 1000;

/** Time in which a device that is being unplugged yields bus errors before it is gone. */
const UNPLUG_MS = 300;

/** Interval of looking where the node cannot be watched. */
const LOOK_MS = 1;

const NONE: readonly string[] = [];

/** An URB on its way through the kernel, again and again. */
export class Transfer {
  readonly urb: Urb;
  /** Submits the URB: one ioctl, prepared. */
  readonly submitUrb: () => number;
  /** Whether the kernel has it: its memory must stay as it is. */
  pending = false;
  /** Number of its last submit among all. */
  turn = 0;
  /** The reason why it was discarded; null: it was not. */
  stopped: StopReason | null = null;
  /** Whether it ended with a bus error because the device was being unplugged. */
  unplugged = false;
  /** Called when it is reaped, or with the reason why it cannot be. */
  onDone: ((error?: unknown) => void) | null = null;
  /** Whether it was given back while the kernel had it: it is freed when it is reaped. */
  orphaned = false;

  constructor(urb: Urb, submitUrb: () => number) {
    this.urb = urb;
    this.submitUrb = submitUrb;
  }

  get status(): TransferStatus {
    return this.unplugged ? 'gone' : statusOf(this.urb.status, this.stopped);
  }
}

/**
 * The URBs of one open node: their memory, submitting, reaping and ending. An URB's memory stays until it is reaped,
 * whatever happens. Transfers of one endpoint are ended the last first, so that none slips ahead of those before it.
 *
 * A wait keeps the event loop alive; an open device that nobody waits for does not.
 */
export class TransferQueue {
  readonly #sys: Sys;
  readonly #fd: number;
  /** All transfers that have memory, by address. The pending ones are not kept apart: each transfer would cost two changes. */
  readonly #transfers = new Map<number, Transfer>();
  #inFlight = 0;
  #turns = 0;
  readonly #idle: Transfer[] = [];
  #idleBytes = 0;
  readonly #reap: () => number;
  #watch: Watch | null = null;
  #settling = false;
  #gone = false;
  #freed = false;
  #capabilities: number | undefined;
  readonly #explain: (error: SysError, urb?: Urb) => Error;

  /** @param explain makes the user's error of a call that failed, of an URB that was refused */
  constructor(sys: Sys, fd: number, explain: (error: SysError, urb?: Urb) => Error) {
    this.#sys = sys;
    this.#fd = fd;
    this.#reap = urbReaper(sys, fd);
    this.#explain = explain;
  }

  /** Whether the device was unplugged, and all that it left is reaped. */
  get gone(): boolean {
    return this.#gone;
  }

  /** USBDEVFS_CAP_ bits. @throws SysError */
  get capabilities(): number {
    // A kernel that does not tell has the abilities of the oldest; libusb assumes the same.
    this.#capabilities ??= capabilities(this.#sys, this.#fd) ?? USBDEVFS_CAP_BULK_CONTINUATION;
    return this.#capabilities;
  }

  /**
   * Takes a transfer with room for `capacity` bytes; {@link recycle} gives it back.
   *
   * @param copied has the kernel copy the data, however long: a control request's data must not reach the host controller
   * in two pieces, and the copy begins at a boundary of its length, rounded up
   */
  acquire(capacity: number, { packets = 0, copied = false }: { packets?: number; copied?: boolean } = {}): Transfer {
    const fits = ({ urb }: Transfer) =>
      urb.data.length >= capacity && urb.maxPackets >= packets && !(copied && urb.isLent);
    const found = this.#idle.findIndex(fits);
    if (found < 0) {
      return acquiring((cleanup) => {
        const urb = cleanup.own(new Urb(this.#sys, capacity, packets, copied ? null : this.#lent(capacity)));
        const made = new Transfer(urb, urbSubmitter(this.#sys, this.#fd, urb.header));
        this.#transfers.set(urb.address, made);
        return made;
      });
    }
    const [transfer] = this.#idle.splice(found, 1) as [Transfer];
    this.#idleBytes -= transfer.urb.data.length;
    return transfer;
  }

  /** Borrows memory that the host controller reaches itself, so that nothing is copied. @returns null: the kernel copies */
  #lent(length: number): Memory | null {
    if (length < LENT_BYTES || this.#freed) return null;
    for (;;) {
      try {
        return (this.capabilities & USBDEVFS_CAP_MMAP) !== 0 ? this.#sys.allocateDma(this.#fd, length) : null;
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        if (error.code === 'ENOMEM' && this.#giveIdleBack()) continue;
        // No such piece, or usbfs_memory_mb leaves none: a copy is scattered, and may still do. That the device is gone
        // is for the submit to tell.
        return null;
      }
    }
  }

  /** Takes a transfer back from who acquired it, also while the kernel has it. */
  recycle(transfer: Transfer): void {
    transfer.onDone = null;
    if (transfer.pending) {
      transfer.orphaned = true;
      return;
    }
    const { length } = transfer.urb.data;
    if (this.#freed || this.#idleBytes + length > KEPT_BYTES) this.#drop(transfer);
    else {
      this.#idle.push(transfer);
      this.#idleBytes += length;
    }
  }

  #drop(transfer: Transfer): void {
    this.#transfers.delete(transfer.urb.address);
    transfer.urb.close();
  }

  /** Frees idle lent memory, which usbfs counts as in flight as long as it is there. @returns whether there was any */
  #giveIdleBack(): boolean {
    const lent = this.#idle.filter(({ urb }) => urb.isLent);
    for (const transfer of lent) {
      this.#idle.splice(this.#idle.indexOf(transfer), 1);
      this.#idleBytes -= transfer.urb.data.length;
      this.#drop(transfer);
    }
    return lent.length > 0;
  }

  /**
   * Gives a prepared URB to the kernel. Where the device is gone, it comes back at once as `gone`; where the device was
   * closed, as `cancelled`.
   *
   * @param tolerated errnos that the caller deals with
   * @returns null, or the tolerated errno with which it was refused
   */
  submit(transfer: Transfer, tolerated: readonly string[] = NONE): string | null {
    if (transfer.pending) throw new RangeError('the URB is pending');
    transfer.stopped = null;
    transfer.unplugged = false;
    if (this.#freed) {
      transfer.urb.settle(-ENOENT);
      return null;
    }
    // Set before the kernel has it: it may complete at once.
    transfer.pending = true;
    transfer.turn = this.#turns++;
    this.#inFlight++;
    try {
      this.#submit(transfer);
      return null;
    } catch (error) {
      const code = error instanceof SysError ? error.code : '';
      const gone = code === 'ENODEV' || code === 'ESHUTDOWN';
      this.#finish(transfer, gone ? -ENODEV : 0);
      if (gone) return null;
      if (tolerated.includes(code)) return code;
      throw error instanceof SysError ? this.#explain(error, transfer.urb) : error;
    }
  }

  #submit(transfer: Transfer): void {
    try {
      transfer.submitUrb();
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'ENOMEM' || !this.#giveIdleBack()) throw error;
      transfer.submitUrb();
    }
  }

  /**
   * Waits until a transfer is reaped.
   *
   * @throws (the promise) the error with which the kernel refuses to give URBs back; they stay its own
   * @param group the transfers that end together with it when time is up, in the order they were submitted
   */
  wait(transfer: Transfer, { timeoutMs, signal }: TransferWaitOptions, group: readonly Transfer[]): Promise<void> {
    if (!transfer.pending) return Promise.resolve();
    timeLimit(timeoutMs);
    this.#startWatch();
    return new Promise((resolve, reject) => {
      const stop = (why: StopReason) => {
        try {
          this.stop(group, why);
        } catch (error) {
          transfer.onDone?.(error);
        }
      };
      const onAbort = () => stop('cancelled');
      const stopTimer = after(timeoutMs, () => stop('timeout'));
      transfer.onDone = (error) => {
        transfer.onDone = null;
        stopTimer();
        signal?.removeEventListener('abort', onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Waits in a blocking poll(2), for measurements.
   *
   * @param spinMs time to ask again and again before it sleeps: waking up takes longer than a short transfer
   * @returns false where a signal came first: the event loop has to run
   */
  waitBlocking(transfer: Transfer, timeoutMs: number, spinMs: number): boolean {
    let sleepMs = spinMs > 0 ? 0 : timeoutMs;
    let start = 0;
    while (transfer.pending) {
      // Asked before sleeping: of several in flight the next has often completed meanwhile.
      if (this.#reapOne()) continue;
      if (sleepMs > 0) {
        const outcome = this.#sys.poll(this.#fd, sleepMs, 'writable');
        if (outcome === 'ready') continue;
        if (outcome === 'interrupted') return false;
      }
      // The clock is read from the second time on only, which most transfers never see.
      const now = performance.now();
      if (start === 0) start = now - sleepMs;
      const elapsed = now - start;
      if (elapsed >= timeoutMs) this.stop([transfer], 'timeout');
      else sleepMs = elapsed < spinMs ? 0 : Math.ceil(timeoutMs - elapsed);
    }
    return true;
  }

  /** Ends the pending ones among the transfers, the last first, and reaps them. */
  stop(transfers: readonly Transfer[], why: StopReason): void {
    for (const transfer of [...transfers].reverse()) {
      if (!transfer.pending) continue;
      transfer.stopped ??= why;
      try {
        discardUrb(this.#sys, this.#fd, transfer.urb.address);
      } catch (error) {
        // The device is gone: reaping tells the rest.
        if (!(error instanceof SysError)) throw error;
        if (error.code !== 'ENODEV') throw this.#explain(error, transfer.urb);
      }
    }
    const deadline = performance.now() + DISCARD_MS;
    // The kernel kills an URB before DISCARDURB returns (drivers/usb/core/devio.c): they have completed by now.
    this.reap();
    while (transfers.some(({ pending }) => pending) && performance.now() < deadline) {
      this.#sys.poll(this.#fd, LOOK_MS, 'writable');
      this.reap();
    }
  }

  /** Takes all URBs that have completed. */
  reap(): void {
    while (this.#inFlight > 0 && this.#reapOne());
  }

  /** Finds out whether a bus error was the first sign of an unplug. Other transfers may go on meanwhile. */
  async explainError(transfer: Transfer): Promise<void> {
    if (transfer.status !== 'error') return;
    const deadline = performance.now() + UNPLUG_MS;
    do {
      if (this.#freed) return;
      this.#reapOne();
      if (this.#gone) {
        transfer.unplugged = true;
        return;
      }
      await pause(10);
    } while (performance.now() < deadline);
  }

  /** Ends everything. After this the node is closed, and then the memory freed: {@link free}. */
  close(): void {
    try {
      this.stop(this.#pending(), 'cancelled');
    } finally {
      this.#endWatch();
    }
  }

  /**
   * Frees the memory once the node is closed: then the kernel has none of it any more, and the descriptor's number may be
   * another device's. A transfer that is not given back yet is freed by {@link recycle}. The kernel keeps the node open
   * until the last of what usbfs lent is freed.
   */
  free(): void {
    this.#freed = true;
    for (const transfer of this.#pending()) this.#finish(transfer, -ENOENT);
    const cleanup = new Cleanup();
    for (const { urb } of this.#idle.splice(0)) cleanup.own(urb);
    this.#transfers.clear();
    cleanup.close();
  }

  /** The pending transfers, in the order they were submitted. */
  #pending(): Transfer[] {
    return [...this.#transfers.values()].filter(({ pending }) => pending).sort((a, b) => a.turn - b.turn);
  }

  /** Takes one URB that has completed. @returns whether there may be more */
  #reapOne(): boolean {
    try {
      const address = this.#reap();
      const transfer = this.#transfers.get(address);
      // This queue alone submits on the descriptor: an unknown address is not ours to touch.
      if (transfer?.pending) this.#finish(transfer);
      return address !== 0;
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code !== 'ENODEV') throw this.#explain(error);
      this.#lost();
      return false;
    }
  }

  #finish(transfer: Transfer, settled = 0): void {
    transfer.pending = false;
    this.#inFlight--;
    if (settled !== 0) transfer.urb.settle(settled);
    const { onDone } = transfer;
    transfer.onDone = null;
    onDone?.();
    if (transfer.orphaned) this.#drop(transfer);
    if (this.#watch !== null && this.#inFlight === 0) this.#settle();
  }

  /** Settles what is pending: the device is disconnected, and nothing is left to reap. */
  #lost(): void {
    this.#gone = true;
    for (const transfer of this.#pending()) this.#finish(transfer, -ENODEV);
    // From now on the node is in error, which would call back without end.
    this.#endWatch();
  }

  /** Has those who wait know of an error that came up in the event loop, where nobody else would. */
  #failed(error: unknown): void {
    // The node stays ready: it would call back without end.
    this.#endWatch();
    for (const transfer of this.#pending()) transfer.onDone?.(error);
  }

  #startWatch(): void {
    if (this.#watch !== null || this.#gone) return;
    const onReady = () => {
      try {
        this.reap();
      } catch (error) {
        this.#failed(error);
      }
    };
    try {
      this.#watch = this.#sys.watch(this.#fd, onReady, 'writable');
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'EPERM') throw error;
      // umockdev's node is a file, which epoll does not take.
      const timer = setInterval(onReady, LOOK_MS);
      this.#watch = { close: () => clearInterval(timer) };
    }
  }

  /** Leaves the watch to the next transfer if that comes at once: starting one costs several system calls. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      if (this.#inFlight === 0) this.#endWatch();
    });
  }

  #endWatch(): void {
    this.#watch?.close();
    this.#watch = null;
  }
}
