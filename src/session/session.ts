import { closing } from '../cleanup';
import { fromSysError, SysError, UdrvError } from '../errors';
import type { Sys } from '../sys/sys';
import { pause, serveSignals } from '../sys/wait';
import { UioDevice } from '../uio/device';
import { UsbDevice, type UsbOpenOptions } from '../usb/device/device';
import { VfioDevice, type VfioOpenOptions } from '../vfio/device/device';
import { deviceRequested } from '../vfio/errors';
import type { SessionBuffer } from './buffer';
import { checkSteps, type Places, placeOf, type Ready, type ReadyStep } from './check';
import { located, parseSteps, type Statement } from './grammar';
import { type BlamedFault, DONE, type StepResult } from './result';
import type { NameSource, Scope, SessionDeviceInfo } from './scope';
import { type SessionDevice, SessionState } from './state';
import type { Running } from './steps/verb';

/** A step that has run. */
export interface StepDone {
  step: Statement;
  /** Time of the step in its `repeat`, from 1 on; undefined outside of one. */
  iteration: number | undefined;
  result: StepResult;
}

export interface DoOptions {
  /** Ends the step that waits, and runs no more. */
  signal?: AbortSignal | undefined;
  /** Takes each step as it is done; the next one waits for the promise, where it returns one. */
  onStep?: ((done: StepDone) => Promise<void> | void) | undefined;
  /** Takes the DMA faults that came up since the last ones, with the step that was the last then. */
  onFaults?: ((faults: readonly BlamedFault[], step: Statement | null) => void) | undefined;
  /** Names of the steps in errors; `number` if not given. */
  places?: Places | undefined;
}

export interface SessionOptions {
  /** Bound on each step that waits and has none of its own, in milliseconds; 5000 if not given. */
  timeoutMs?: number | undefined;
  /** Names of the device's registers, asked for when a step has one; none if not given. */
  names?: NameSource | undefined;
}

/** The longest time that steps run without a look at signals and faults. */
const TURN_MS = 20;
/** Short steps between two looks at the clock: in a VM a look can take longer than the step. */
const SHORT_STEPS = 16;
/** Wait for the report of a fault, which comes after the transfer. */
const SETTLE_MS = 40;

/**
 * A device that is held open, with buffers and interrupts that have names, and steps that work with it. {@link close}
 * (or `using`) puts back all that was changed.
 *
 * @example
 * using session = Session.open(sys, info);
 * await session.do('buf A 4K; write bar0:0x80 A');
 * const result = await session.do('read bar0:0x80');
 */
export class Session {
  readonly #state: SessionState;
  readonly #ended = new AbortController();
  #requested: UdrvError | undefined;

  /** @param device belongs to the session from here on, and is closed with it */
  constructor(sys: Sys, device: SessionDevice, options: SessionOptions = {}) {
    this.#state = new SessionState(sys, device, options);
    try {
      this.#state.listen();
      if (device instanceof VfioDevice) this.#watchRequest(device);
    } catch (error) {
      throw closing(this.#state, error);
    }
  }

  /** Opens a device for a session. @throws as the open of its framework does */
  static open(
    sys: Sys,
    info: SessionDeviceInfo,
    options: SessionOptions & VfioOpenOptions & UsbOpenOptions = {},
  ): Session {
    return new Session(sys, openDevice(sys, info, options), options);
  }

  /** The open device, for all that steps do not do. */
  get device(): SessionDevice {
    return this.#state.device;
  }

  /** Buffers by name. */
  get buffers(): ReadonlyMap<string, SessionBuffer> {
    return this.#state.buffers;
  }

  /** Interrupts that are on. */
  get irqs(): readonly string[] {
    return [...this.#state.irqs.keys()];
  }

  /** Aborts once the kernel requests the device back, with the error as its reason; the session has to be closed then. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Returns what steps are checked against now. */
  scope(): Scope {
    return this.#state.scope();
  }

  /**
   * Checks all steps of a text, then runs them.
   *
   * @returns the result of the last step
   * @throws UdrvError the first failure, with the step's place
   */
  async do(text: string, options: DoOptions = {}): Promise<StepResult> {
    const { places = 'number' } = options;
    const ready = checkSteps(parseSteps(text), this.scope(), places);
    const run = new Run(this.#state, this.#ended.signal, options);
    try {
      await run.all(ready);
    } finally {
      run.end();
    }
    if (this.#requested !== undefined) throw this.#requested;
    return run.last;
  }

  /**
   * Returns the DMA faults that came up since the last step or call.
   *
   * @param isLast waits a moment for the report of a fault that is under way
   */
  async newFaults({ isLast = false } = {}): Promise<readonly BlamedFault[]> {
    if (isLast && this.#state.buffers.size > 0) await pause(SETTLE_MS);
    return this.#state.newFaults();
  }

  /** Puts back what was changed and releases everything. A second close does nothing. */
  close(): void {
    this.#ended.abort();
    this.#state.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Watches for the kernel's request to give the device back, as an unplug makes it. */
  #watchRequest(device: VfioDevice): void {
    if (device.irq('req').info.count === 0) return;
    const source = device.eventfds('req');
    this.#state.onClose(() => source.close());
    void source.next({ signal: this.#ended.signal }).then(
      (event) => {
        if (event === null) return;
        this.#requested = deviceRequested(device.info.address);
        this.#ended.abort(this.#requested);
      },
      () => {},
    );
  }
}

/** Opens a device of any framework. */
function openDevice(sys: Sys, info: SessionDeviceInfo, options: VfioOpenOptions & UsbOpenOptions): SessionDevice {
  switch (info.framework) {
    case 'uio':
      return UioDevice.open(sys, info, { write: true, journal: options.journal });
    case 'vfio':
      return VfioDevice.open(sys, info, options);
    case 'usb':
      return UsbDevice.open(sys, info, { journal: options.journal });
  }
}

/** One run of steps. */
class Run {
  readonly #state: SessionState;
  readonly #options: DoOptions;
  readonly #running: Running;
  readonly #abort = new AbortController();
  readonly #signals: readonly AbortSignal[];
  readonly #onAbort = () => this.#abort.abort();
  #turn = performance.now() + TURN_MS;
  #short = 0;
  last: StepResult = DONE;

  constructor(state: SessionState, ended: AbortSignal, options: DoOptions) {
    this.#state = state;
    this.#options = options;
    this.#signals = [ended, ...(options.signal === undefined ? [] : [options.signal])];
    for (const signal of this.#signals) {
      if (signal.aborted) this.#abort.abort();
      signal.addEventListener('abort', this.#onAbort);
    }
    this.#running = { signal: this.#abort.signal };
  }

  end(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#onAbort);
  }

  /**
   * Runs steps until one fails or the signal aborts. Steps that do not wait follow each other without a promise between
   * them, which would cost more than the access of a register.
   *
   * @param times of a `repeat`; undefined outside of one
   */
  async all(steps: readonly Ready[], times?: number): Promise<void> {
    const { signal } = this.#abort;
    for (let i = 1; i <= (times ?? 1); i++)
      for (const ready of steps) {
        if (signal.aborted) return;
        const wait =
          'steps' in ready
            ? this.all(ready.steps, ready.step.count)
            : this.#one(ready, times === undefined ? undefined : i);
        if (wait !== undefined) await wait;
      }
  }

  /** Runs a step. Returns a promise where it waits, or where it is time to serve signals. */
  #one({ step, work, isShort }: ReadyStep, iteration: number | undefined): Promise<void> | undefined {
    try {
      const result = work(this.#state, this.#running);
      if (result instanceof Promise) return this.#waitFor(result, step, iteration);
      const taken = this.#done(step, iteration, result);
      if (taken !== undefined) return taken.then(() => this.#takeTurn(step));
    } catch (error) {
      throw this.#failed(error, step);
    }
    if (isShort && ++this.#short % SHORT_STEPS !== 0) return undefined;
    return performance.now() >= this.#turn ? this.#takeTurn(step) : undefined;
  }

  async #waitFor(work: Promise<StepResult>, step: Statement, iteration: number | undefined): Promise<void> {
    try {
      const result = await work;
      if (this.#abort.signal.aborted) return;
      await this.#done(step, iteration, result);
    } catch (error) {
      throw this.#failed(error, step);
    }
    if (performance.now() >= this.#turn) await this.#takeTurn(step);
    else this.#reportFaults(step);
  }

  #done(step: Statement, iteration: number | undefined, result: StepResult): Promise<void> | undefined {
    this.last = result;
    return this.#options.onStep?.({ step, iteration, result }) ?? undefined;
  }

  #failed(error: unknown, step: Statement): unknown {
    // The fault may be the reason of the failure.
    this.#reportFaults(step);
    return explained(error, this.#state.address, placeOf(step, this.#options.places ?? 'number'));
  }

  async #takeTurn(step: Statement): Promise<void> {
    this.#reportFaults(step);
    await serveSignals();
    this.#turn = performance.now() + TURN_MS;
  }

  #reportFaults(step: Statement): void {
    const faults = this.#state.newFaults();
    if (faults.length > 0) this.#options.onFaults?.(faults, step);
  }
}

/** Returns the error of a step that failed, for the user. */
function explained(error: unknown, device: string, place: string | null): unknown {
  if (error instanceof SysError) return located(fromSysError(error, { subject: device, device }), place);
  return error instanceof UdrvError ? located(error, place) : error;
}
