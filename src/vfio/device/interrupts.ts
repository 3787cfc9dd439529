import { Exit, SysError, UdrvError } from '../../errors';
import { type Interrupt, noInterrupt, stillAsserted } from '../../model/interrupt';
import type { PollResult, Sys } from '../../sys/sys';
import { SERVE_SIGNALS_MS, SERVE_SIGNALS_NS, serveSignals } from '../../sys/wait';
import { PCI_STATUS, PCI_STATUS_INTERRUPT } from '../../uapi/pci-regs';
import type { VfioDevice } from './device';
import type { IrqName } from './irq-set';

/** How often a device that nobody acknowledges is asked whether its line is quiet. */
const QUIET_POLL_MS = 10;

/** An eventfd's counter: a u64. */
const COUNTER_SIZE = 8;

/** One wake-up by an interrupt of a VFIO device. Its `count` is that of its vector, since the watch began. */
export interface VfioInterrupt extends Interrupt {
  irq: IrqName;
  vector: number;
}

/** From `first` to `last`, which is one of them. */
export interface Vectors {
  first: number;
  last: number;
}

/** An interrupt that was taken from its eventfd. */
export interface LineEvent {
  irq: IrqName;
  vector: number;
  /** How often it was raised since it was last taken. */
  count: number;
}

interface Line {
  irq: IrqName;
  vector: number;
  fd: number;
}

/**
 * Some vectors of one of a device's interrupts, switched on, each with an eventfd of its own so that it is known which
 * fired; and REQ beside them, by which the kernel asks for the device. MSI and MSI-X are writes by the device, so bus
 * mastering is switched on for them. {@link close} puts everything back.
 */
export class InterruptLines {
  readonly irq: IrqName;
  readonly #sys: Sys;
  readonly #device: VfioDevice;
  readonly #lines: readonly Line[];
  readonly #automasked: boolean;
  readonly #counter = Buffer.alloc(COUNTER_SIZE);
  /** When the event loop last had its turn. */
  #served = performance.now();
  readonly #undo: (() => void)[] = [];

  /**
   * @throws exit 9 where the device has no such interrupt, exit 3 where it has not all of these vectors
   */
  constructor(sys: Sys, device: VfioDevice, irq: IrqName, { first, last }: Vectors, { busMaster = true } = {}) {
    this.#sys = sys;
    this.#device = device;
    this.irq = irq;
    device.irq(irq).mustHave(first, last - first + 1);
    this.#automasked = device.irq(irq).info.automasked;
    const lines: Line[] = [];
    this.#lines = lines;
    try {
      for (let vector = first; vector <= last; vector++) lines.push(this.#line(irq, vector));
      if (busMaster && (irq === 'msi' || irq === 'msix')) this.#switchBusMasterOn();
      this.#enable(irq, first);
      if (irq !== 'req' && device.irq('req').info.count > 0) {
        lines.push(this.#line('req', 0));
        this.#enable('req', 0);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The first that fired and was not taken yet, null where none did. */
  take(): LineEvent | null {
    for (const { irq, vector, fd } of this.#lines) {
      const count = this.#count(fd);
      if (count > 0) return { irq, vector, count };
    }
    return null;
  }

  /** Waits for an interrupt in the event loop. @returns null where none came in time, or once the signal aborts */
  async next({ timeoutMs, signal }: WaitOptions = {}): Promise<LineEvent | null> {
    const deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    // Interrupts that come so fast that there is never one to wait for must not keep signals out.
    if (performance.now() - this.#served > SERVE_SIGNALS_MS) await this.#serve();
    for (;;) {
      const event = this.take();
      if (event !== null) return event;
      const left = deadline - performance.now();
      if (left <= 0 || signal?.aborted) return null;
      await this.#anyReady(Number.isFinite(left) ? left : undefined, signal);
      this.#served = performance.now();
    }
  }

  async #serve(): Promise<void> {
    await serveSignals();
    this.#served = performance.now();
  }

  /** Waits for the first vector in a system call, which blocks the thread, and takes what it has. */
  wait(timeoutMs: number): PollResult {
    return this.#sys.readWithin(this.#first.fd, this.#counter, timeoutMs);
  }

  /** Has the kernel raise a vector, without the device. */
  trigger(vector: number): void {
    this.#device.irq(this.irq).trigger(vector);
  }

  /** Whether the kernel masked the interrupt when it came, so that {@link unmask} has to let the next through. */
  get automasked(): boolean {
    return this.#automasked;
  }

  unmask(): void {
    this.#device.irq(this.irq).unmask(this.#first.vector);
  }

  /** Whether the device asserts INTx now: Interrupt Status, which it shows whether the line is masked or not. */
  asserted(): boolean {
    return (Number(this.#device.region('config').read(PCI_STATUS, 2)) & PCI_STATUS_INTERRUPT) !== 0;
  }

  /** Switches the interrupts off again, and bus mastering, if it was off. A second close does nothing. */
  close(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #first(): Line {
    const [first] = this.#lines;
    if (first === undefined) throw new RangeError('no vectors');
    return first;
  }

  #line(irq: IrqName, vector: number): Line {
    const fd = this.#sys.eventfd();
    this.#undo.push(() => this.#sys.close(fd));
    return { irq, vector, fd };
  }

  #enable(name: IrqName, start: number): void {
    const irq = this.#device.irq(name);
    irq.enable(
      start,
      this.#lines.filter((line) => line.irq === name).map(({ fd }) => fd),
    );
    this.#undo.push(() => irq.disable());
  }

  #switchBusMasterOn(): void {
    if (this.#device.busMaster) return;
    this.#device.setBusMaster(true);
    this.#undo.push(() => this.#device.setBusMaster(false));
  }

  /** Takes a counter, which then is 0. */
  #count(fd: number): number {
    try {
      this.#sys.read(fd, this.#counter);
    } catch (error) {
      if (error instanceof SysError && error.code === 'EAGAIN') return 0;
      throw error;
    }
    return Number(this.#counter.readBigUInt64LE());
  }

  #anyReady(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        for (const watch of watches) watch.close();
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const watches = this.#lines.map(({ fd }) => this.#sys.watch(fd, finish));
      const timer = timeoutMs === undefined ? undefined : setTimeout(finish, timeoutMs);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }
}

interface WaitOptions {
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface VfioWatchOptions extends WaitOptions {
  irq: IrqName;
  vectors: Vectors;
  /** Runs before each wait: what makes the device raise its interrupt, where nothing else does. */
  beforeWait?: (() => void) | undefined;
  /** Runs after each interrupt, before it is let through again: what silences the device. */
  acknowledge?: (() => void) | undefined;
  /** Before each wait the kernel raises the next vector, in turns: the way from it to here, without the device. */
  loopback?: boolean | undefined;
}

/**
 * A device's interrupts as they happen. Ends when `signal` aborts or the consumer stops, and then puts back what it
 * changed: the interrupts and bus mastering.
 *
 * @throws exit 6 where `timeoutMs` passes without an interrupt, 8 where the kernel asks for the device, 9 where it has
 *   no such interrupt
 */
export async function* watchInterrupts(
  sys: Sys,
  device: VfioDevice,
  { irq, vectors, beforeWait, acknowledge, loopback = false, timeoutMs, signal }: VfioWatchOptions,
): AsyncGenerator<VfioInterrupt> {
  using lines = new InterruptLines(sys, device, irq, vectors, { busMaster: !loopback });
  const counts = new Map<number, number>();
  let last: number | null = null;
  let masked = false;
  for (let index = 1; ; index++) {
    if (loopback) lines.trigger(vectors.first + ((index - 1) % (vectors.last - vectors.first + 1)));
    beforeWait?.();
    const event = await nextEvent(lines, masked, timeoutMs, signal);
    if (signal?.aborted) return;
    if (event === null) throw noInterrupt(device.info.address, timeoutMs);
    if (event.irq !== irq) throw wanted(device);
    const now = performance.now();
    acknowledge?.();
    masked = lines.automasked;
    if (masked && (acknowledge !== undefined || !lines.asserted())) {
      lines.unmask();
      masked = false;
    }
    const { vector } = event;
    const count = (counts.get(vector) ?? 0) + event.count;
    counts.set(vector, count);
    yield {
      irq,
      vector,
      index,
      count,
      missed: event.count - 1,
      deltaUs: last === null ? null : (now - last) * 1000,
      time: new Date(),
    };
    last = now;
    // It stays asked for until it is given back.
    if (irq === 'req' && !loopback) throw wanted(device);
  }
}

/**
 * @param masked set where the interrupt is still masked because nobody acknowledged the device: letting it through
 *   while the device asserts its line would only bring it again, so that waits until the line is quiet
 */
async function nextEvent(
  lines: InterruptLines,
  masked: boolean,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<LineEvent | null> {
  const deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  let waiting = masked;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const slice = waiting ? Math.min(left, QUIET_POLL_MS) : left;
    const event = await lines.next({ timeoutMs: Number.isFinite(slice) ? slice : undefined, signal });
    if (event !== null || signal?.aborted || performance.now() >= deadline) return event;
    if (waiting && !lines.asserted()) {
      lines.unmask();
      waiting = false;
    }
  }
}

export interface VfioLatencyOptions extends WaitOptions {
  irq: IrqName;
  vector: number;
  /** Makes the device raise its interrupt. */
  trigger: () => void;
  acknowledge?: (() => void) | undefined;
  /** Gets each as it is measured, in microseconds, between two interrupts. */
  onLatency: (microseconds: number) => void;
  count: number;
}

/**
 * Measures from trigger to wake-up, `count` times, or until `signal` aborts. Waits in a blocking system call, as
 * a latency-minded driver does; signals are served between the measurements.
 *
 * @throws as {@link watchInterrupts}; and exit 1 where the device goes on asserting INTx, for want of an acknowledge
 */
export async function measureLatencies(
  sys: Sys,
  device: VfioDevice,
  { irq, vector, trigger, acknowledge, onLatency, count, timeoutMs, signal }: VfioLatencyOptions,
): Promise<void> {
  using lines = new InterruptLines(sys, device, irq, { first: vector, last: vector });
  let done = 0;
  // Of Node's clocks the one that costs least to read: its cost is in each figure.
  const now = process.hrtime.bigint;
  let served = now();
  while (done < count && !signal?.aborted) {
    const start = now();
    trigger();
    const outcome = lines.wait(timeoutMs ?? -1);
    const end = now();
    // Where the kernel asks for the device, that is why none came.
    if (outcome === 'timeout')
      throw lines.take()?.irq === 'req' && irq !== 'req' ? wanted(device) : noInterrupt(device.info.address, timeoutMs);
    if (outcome === 'ready') {
      onLatency(Number(end - start) / 1000);
      done++;
      acknowledge?.();
      if (lines.automasked) {
        if (acknowledge === undefined && lines.asserted()) throw stillAsserted(device.info.address);
        lines.unmask();
      }
    }
    if (outcome === 'interrupted' || end - served > SERVE_SIGNALS_NS) {
      await serveSignals();
      served = now();
    }
  }
}

function wanted(device: VfioDevice): UdrvError {
  const { address } = device.info;
  return new UdrvError('the kernel asks for the device: somebody unbinds or removes it', {
    code: 'ENODEV',
    exit: Exit.gone,
    subject: address,
    device: address,
  });
}
