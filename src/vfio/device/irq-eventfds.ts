import { acquiring, type Cleanup } from '../../cleanup';
import { SysError, usageError } from '../../errors';
import { OneWait } from '../../interrupts/one-wait';
import type { InterruptEvent, InterruptSource, InterruptWaitOptions } from '../../interrupts/source';
import type { Registers } from '../../model/registers';
import type { PollResult, Sys } from '../../sys/sys';
import { ready, SERVE_SIGNALS_MS, serveSignals, timeLimit } from '../../sys/wait';
import { PCI_STATUS, PCI_STATUS_INTERRUPT } from '../../uapi/pci-regs';
import { deviceRequested } from '../errors';
import type { Irq, IrqName } from './irq-set';

/** Bytes of an eventfd's counter: a u64. */
const COUNTER_SIZE = 8;

/** A range of vectors; `last` is one of them. */
export interface Vectors {
  first: number;
  last: number;
}

/** An interrupt that was taken from its eventfd. Its `count` is that of its vector, since it was switched on. */
export interface VectorEvent extends InterruptEvent {
  irq: IrqName;
  vector: number;
}

/** The device, as far as its interrupts need it. */
export interface IrqHost {
  readonly info: { readonly address: string };
  readonly busMaster: boolean;
  irq(name: IrqName): Irq;
  setBusMaster(on: boolean): void;
  region(name: string): Registers;
}

export interface IrqOptions {
  /** The kernel raises the interrupts ({@link IrqEventfds.trigger}), without the device: bus mastering stays off. */
  loopback?: boolean | undefined;
  /** Watches REQ beside the interrupt; false where the caller does it. */
  watchRequest?: boolean | undefined;
}

interface Vector {
  irq: IrqName;
  vector: number;
  fd: number;
  /** Times that it was raised, of those that were taken. */
  count: number;
}

/**
 * Some vectors of one of a device's interrupts, switched on, each with an eventfd of its own so that it is known which
 * fired; and REQ beside them, by which the kernel requests the device back. MSI and MSI-X are writes by the device, so
 * bus mastering is switched on for them. {@link close} puts everything back.
 */
export class IrqEventfds implements InterruptSource<VectorEvent> {
  readonly irq: IrqName;
  readonly #sys: Sys;
  readonly #host: IrqHost;
  readonly #loopback: boolean;
  readonly #irq: Irq;
  readonly #vectors: Vector[] = [];
  readonly #first: Vector;
  readonly #counter = Buffer.alloc(COUNTER_SIZE);
  readonly #cleanup: Cleanup;
  /** Time at which the event loop last had its turn. */
  #served = performance.now();
  /** Set once REQ was taken, where that is what is watched. */
  #requested = false;
  readonly #waiting = new OneWait();

  /**
   * @param onClose called once, when it is closed, also where it could not be made
   * @throws exit 9 where the device has no such interrupt, exit 3 where it has not all of these vectors, exit 5 where it is
   *   on already
   */
  constructor(
    sys: Sys,
    host: IrqHost,
    irq: IrqName,
    { first, last }: Vectors,
    { loopback = false, watchRequest = true }: IrqOptions = {},
    onClose: (closed: IrqEventfds) => void = () => {},
  ) {
    if (!(first >= 0 && last >= first)) throw usageError('vectors', `there are none from ${first} to ${last}`);
    this.#sys = sys;
    this.#host = host;
    this.#loopback = loopback;
    this.irq = irq;
    this.#irq = host.irq(irq);
    this.#irq.mustHave(first, last - first + 1);
    this.#cleanup = acquiring((cleanup) => {
      cleanup.defer(() => onClose(this));
      for (let vector = first; vector <= last; vector++) this.#addEventfd(irq, vector, cleanup);
      if (!loopback && (irq === 'msi' || irq === 'msix')) this.#switchBusMasterOn(cleanup);
      this.#enable(irq, first, cleanup);
      // Another loop of this device, or the program, listens already where it is on.
      if (watchRequest && irq !== 'req' && host.irq('req').info.count > 0 && !host.irq('req').isOn) {
        this.#addEventfd('req', 0, cleanup);
        this.#enable('req', 0, cleanup);
      }
      return cleanup;
    });
    this.#first = this.#vectors[0] as Vector;
  }

  get device(): string {
    return this.#host.info.address;
  }

  /** Does nothing: an eventfd counts from when it was made. */
  arm(): void {}

  /**
   * Takes the first that fired and was not taken yet, null where none did.
   *
   * @throws exit 8 where the kernel requests the device back
   */
  take(): VectorEvent | null {
    // The numbers of the eventfds may be others' by now.
    if (this.closed) return null;
    for (const vector of this.#vectors) {
      const raised = this.#take(vector);
      if (raised === 0) continue;
      if (vector.irq !== this.irq) throw deviceRequested(this.device);
      this.#requested = vector.irq === 'req' && !this.#loopback;
      vector.count += raised;
      return { irq: vector.irq, vector: vector.vector, count: vector.count, missed: raised - 1 };
    }
    return null;
  }

  async next({ timeoutMs, signal }: InterruptWaitOptions = {}): Promise<VectorEvent | null> {
    // The request stands until the device is given back.
    if (this.#requested) throw deviceRequested(this.device);
    const deadline = performance.now() + timeLimit(timeoutMs);
    return this.#waiting.run(this.device, async (closed) => {
      // Interrupts that come so fast that there is never one to wait for must not keep signals out.
      if (performance.now() - this.#served > SERVE_SIGNALS_MS) await this.#serve();
      for (;;) {
        const event = this.take();
        if (event !== null) return event;
        const left = deadline - performance.now();
        if (left <= 0 || signal?.aborted || closed.aborted) return null;
        const eventfds = this.#vectors.map(({ fd }) => fd);
        await ready(this.#sys, eventfds, { timeoutMs: left, signal, closed });
        this.#served = performance.now();
      }
    });
  }

  get closed(): boolean {
    return this.#waiting.closed;
  }

  async #serve(): Promise<void> {
    await serveSignals();
    this.#served = performance.now();
  }

  /** Waits for the first vector alone. @throws exit 8 where none came because the kernel requests the device back */
  wait(timeoutMs: number): PollResult {
    const outcome = this.#sys.readWithin(this.#first.fd, this.#counter, timeoutMs);
    if (outcome === 'timeout') this.#mustNotBeRequested();
    return outcome;
  }

  #mustNotBeRequested(): void {
    const request = this.#vectors.find(({ irq }) => irq === 'req');
    if (this.irq !== 'req' && request !== undefined && this.#take(request) > 0) throw deviceRequested(this.device);
  }

  /** Has the kernel raise a vector, without the device. */
  trigger(vector: number): void {
    this.#irq.trigger(vector);
  }

  /** INTx alone is level-triggered; Interrupt Status shows it whether the line is masked or not. */
  asserted(): boolean {
    if (!this.#irq.info.automasked) return false;
    return (Number(this.#host.region('config').read(PCI_STATUS, 2)) & PCI_STATUS_INTERRUPT) !== 0;
  }

  /** Unmasks where the kernel masked the interrupt when it came. */
  rearm(): void {
    if (this.#irq.info.automasked) this.#irq.unmask(this.#first.vector);
  }

  /** Ends a wait, and switches the interrupts off again, and bus mastering, if it was off. */
  close(): void {
    this.#waiting.close();
    this.#cleanup.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #addEventfd(irq: IrqName, vector: number, cleanup: Cleanup): void {
    const fd = this.#sys.eventfd();
    cleanup.defer(() => this.#sys.close(fd));
    this.#vectors.push({ irq, vector, fd, count: 0 });
  }

  #enable(name: IrqName, start: number, cleanup: Cleanup): void {
    const irq = this.#host.irq(name);
    irq.enable(
      start,
      this.#vectors.filter((vector) => vector.irq === name).map(({ fd }) => fd),
    );
    cleanup.defer(() => irq.disable());
  }

  #switchBusMasterOn(cleanup: Cleanup): void {
    if (this.#host.busMaster) return;
    this.#host.setBusMaster(true);
    cleanup.defer(() => this.#host.setBusMaster(false));
  }

  /** Reads a counter, which then is 0. */
  #take({ fd }: Vector): number {
    try {
      this.#sys.read(fd, this.#counter);
    } catch (error) {
      if (error instanceof SysError && error.code === 'EAGAIN') return 0;
      throw error;
    }
    return Number(this.#counter.readBigUInt64LE());
  }
}
