import { Cleanup } from '../cleanup';
import { Exit, SysError, UdrvError } from '../errors';
import { OneWait } from '../interrupts/one-wait';
import type { InterruptEvent, InterruptSource, InterruptWaitOptions } from '../interrupts/source';
import type { UioDeviceInfo } from '../model/device';
import type { PollResult, Sys } from '../sys/sys';
import { ready, timeLimit } from '../sys/wait';
import { noInterruptLine } from './errors';
import type { EventCount } from './event-count';
import { UIO_CLASS } from './inspect';
import { InterruptControl, type RearmMode } from './rearm';

/** Interrupts of an open UIO device: each read of the node takes one. */
export class UioInterrupts implements InterruptSource {
  readonly #sys: Sys;
  readonly #info: UioDeviceInfo;
  readonly #fd: number;
  readonly #events: EventCount;
  readonly #control: InterruptControl;
  readonly #cleanup = new Cleanup();
  readonly #waiting = new OneWait();
  /** An interrupt that came before the watch, and waits to be delivered. */
  #earlier: InterruptEvent | null = null;

  /** @param onClose called once, when it is closed */
  constructor(sys: Sys, info: UioDeviceInfo, fd: number, events: EventCount, rearm: RearmMode, onClose: () => void) {
    this.#sys = sys;
    this.#info = info;
    this.#fd = fd;
    this.#events = events;
    this.#cleanup.defer(onClose);
    this.#control = this.#cleanup.own(new InterruptControl(sys, info, fd, rearm));
    this.#cleanup.defer(() => this.#control.restore());
  }

  get device(): string {
    return this.#info.address;
  }

  /** An interrupt that came already is delivered, and served, before the next is let through. */
  arm(earlier: 'deliver' | 'drop'): void {
    const event = explained(this.#sys, this.#info, () => this.#take());
    if (earlier === 'deliver') this.#earlier = event;
    if (this.#earlier === null) explained(this.#sys, this.#info, () => this.#control.set(true));
  }

  async next({ timeoutMs, signal }: InterruptWaitOptions): Promise<InterruptEvent | null> {
    const deadline = performance.now() + timeLimit(timeoutMs);
    return this.#waiting.run(this.device, async (closed) => {
      const earlier = this.#earlier;
      this.#earlier = null;
      if (earlier !== null) return earlier;
      for (;;) {
        const left = Math.max(0, deadline - performance.now());
        const outcome = await ready(this.#sys, this.#fd, { timeoutMs: left, signal, closed });
        if (closed.aborted) return null;
        // Taken also where the signal came with it: nobody would serve it then, and the device go on asserting its line.
        const event = this.#take();
        if (event !== null || outcome !== 'ready') return event;
      }
    });
  }

  get closed(): boolean {
    return this.#waiting.closed;
  }

  wait(timeoutMs: number): PollResult {
    return this.#events.wait(timeoutMs);
  }

  asserted(): boolean {
    return this.#control.asserted();
  }

  rearm(): void {
    this.#control.set(true);
  }

  close(): void {
    this.#waiting.close();
    this.#cleanup.close();
  }

  #take(): InterruptEvent | null {
    const { last } = this.#events;
    const count = this.#events.read();
    if (count === null) return null;
    // One may have come between the open and the look at what it began with.
    return { count: count >>> 0, missed: Math.max(0, ((count - last) | 0) - 1) };
  }
}

/** Runs the first call on the interrupt: EIO there means that the driver registered none. */
export function explained<T>(sys: Sys, info: UioDeviceInfo, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const gone = error instanceof UdrvError && error.exit === Exit.gone;
    const eio = gone || (error instanceof SysError && error.code === 'EIO');
    if (!eio || sys.access(`${UIO_CLASS}/${info.address}`) === null) throw error;
    throw noInterruptLine(info);
  }
}
