import { Cleanup, closing } from '../../cleanup';
import { timeLimit } from '../../sys/wait';
import { wholeNumber } from './numbers';
import type { Transfer, TransferQueue, TransferWaitOptions } from './queue';

export interface PumpOptions extends TransferWaitOptions {
  /** Transfers in flight at a time. */
  depth: number;
  /** Room in each, in bytes. */
  capacity: number;
  /** Isochronous packets in each. */
  packets?: number | undefined;
  /** Prepares the next URB. Gives false where there is no more. */
  prepare: (transfer: Transfer) => boolean | Promise<boolean>;
}

/**
 * Keeps a number of transfers of one endpoint in flight, and yields each in order when it is done. The first that fails
 * ends the others, the last first; these are yielded too, with what they had received.
 */
export class Pump {
  readonly #queue: TransferQueue;
  readonly #options: PumpOptions;
  /** Transfers that the kernel has, in the order they were submitted. */
  readonly #flight: Transfer[] = [];
  readonly #spare: Transfer[] = [];
  /** All transfers that the queue gave, until it gets them back. */
  readonly #acquired = new Set<Transfer>();
  /** The transfer that is being prepared: its memory is in other hands meanwhile. */
  #filling: Transfer | null = null;
  /** The transfer that was prepared and refused for want of memory: it goes next. */
  #held: Transfer | null = null;
  #depth: number;
  #more = true;
  #ended = false;

  /** @throws usage for a number of transfers, or a room, that is none */
  constructor(queue: TransferQueue, options: PumpOptions) {
    wholeNumber('queue', options.depth, { least: 1 });
    wholeNumber('packets', options.packets ?? 0, { least: 0 });
    timeLimit(options.timeoutMs);
    this.#queue = queue;
    this.#options = options;
    this.#depth = options.depth;
  }

  /** Submits no more, and ends what is in flight. */
  stop(): void {
    this.#more = false;
    this.#queue.stop(this.#flight, 'cancelled');
  }

  /** A transfer is the caller's until the next one is asked for, or the loop is left. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Transfer> {
    let filling: Promise<void> | null = null;
    let waiting: Promise<void> | null = null;
    let failure: unknown;
    using cleanup = new Cleanup();
    cleanup.defer(() => this.#end());
    try {
      for (;;) {
        while (filling === null && this.#more && this.#flight.length < this.#depth) {
          if (this.#held !== null) {
            this.#submit(this.#roomFor(this.#held), true);
            continue;
          }
          const transfer = this.#spare.pop() ?? this.#acquire();
          const prepared = this.#options.prepare(transfer);
          if (typeof prepared === 'boolean') {
            this.#submit(transfer, prepared);
            continue;
          }
          this.#filling = transfer;
          filling = prepared.then(
            (more) => {
              filling = null;
              if (this.#filled(transfer)) this.#submit(transfer, more);
            },
            (error) => {
              filling = null;
              failure = error;
              this.#more = false;
              this.#filled(transfer);
            },
          );
        }
        const [head] = this.#flight;
        if (head === undefined) {
          if (filling === null) break;
          await filling;
          if (failure !== undefined) throw failure;
          continue;
        }
        waiting ??= this.#queue.wait(head, this.#options, this.#flight);
        // Looks after what is in flight also while the next data is slow to come.
        await (filling === null ? waiting : Promise.race([filling, waiting]));
        if (failure !== undefined) throw failure;
        if (head.pending) continue;
        waiting = null;
        this.#flight.shift();
        if (head.status !== 'ok') {
          this.stop();
          await this.#queue.explainError(head);
        }
        yield head;
        this.#spare.push(head);
      }
    } catch (error) {
      throw closing(cleanup, error);
    }
  }

  /** Ends what is in flight and gives the transfers back. */
  #end(): void {
    this.#ended = true;
    const cleanup = new Cleanup();
    for (const transfer of this.#acquired)
      if (transfer !== this.#filling) cleanup.defer(() => this.#queue.recycle(transfer));
    cleanup.defer(() => this.stop());
    cleanup.close();
  }

  #acquire(): Transfer {
    const transfer = this.#queue.acquire(this.#options.capacity, { packets: this.#options.packets ?? 0 });
    this.#acquired.add(transfer);
    return transfer;
  }

  /** Ends the filling. @returns whether it is still wanted; where data comes too late, the transfer is given back here */
  #filled(transfer: Transfer): boolean {
    this.#filling = null;
    if (this.#ended) this.#queue.recycle(transfer);
    return !this.#ended;
  }

  #submit(transfer: Transfer, prepared: boolean): void {
    if (!prepared || !this.#more) {
      this.#more = false;
      this.#spare.push(transfer);
    } else {
      this.#held = transfer;
      if (this.#accepted(transfer)) this.#flight.push(transfer);
      else if (this.#more) return;
      else this.#spare.push(transfer);
      this.#held = null;
    }
  }

  /**
   * Moves a refused transfer into lent memory that is spare: usbfs counts what it lends until it is given back, so that
   * the refused one may lack just that. One that has lent memory of its own needs no other.
   */
  #roomFor(held: Transfer): Transfer {
    const found = held.urb.isLent ? -1 : this.#spare.findIndex(({ urb }) => urb.isLent);
    const [spare] = found < 0 ? [] : this.#spare.splice(found, 1);
    if (spare === undefined) return held;
    spare.urb.prepareAs(held.urb);
    this.#acquired.delete(held);
    this.#queue.recycle(held);
    return spare;
  }

  #accepted(transfer: Transfer): boolean {
    const refused = this.#queue.submit(transfer, this.#flight.length > 0 ? ['EREMOTEIO', 'ENOMEM'] : ['EREMOTEIO']);
    if (refused === null) return true;
    // usbfs_memory_mb limits what all processes have in flight or were lent: go on with as many as there was room for.
    if (refused === 'ENOMEM') this.#depth = this.#flight.length;
    // The chain that this one would continue has ended early, with a short packet: drivers/usb/core/devio.c.
    else this.#more = false;
    return false;
  }
}
