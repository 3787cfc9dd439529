import { Cleanup, closing } from '../cleanup';
import type { PollResult } from '../sys/sys';
import { SERVE_SIGNALS_MS, SERVE_SIGNALS_NS, serveSignals, timeLimit } from '../sys/wait';
import { noInterrupt, stillAsserted } from './errors';
import type { InterruptSource, InterruptWaitOptions } from './source';

/** The time after which an interrupt that is waited for is late. */
const LATE_MS = 1000;

/** Time in which a line that is still asserted brings its interrupt again, once that is let through. */
const SETTLE_MS = 1;

export interface LatencyOptions extends InterruptWaitOptions {
  /** Makes the device raise its interrupt. */
  trigger: () => void;
  /** Runs after each interrupt, before re-arming: silences the device. */
  acknowledge?: (() => void) | undefined;
  /** Gets each latency as it is measured, in microseconds, between two interrupts. */
  onLatency: (microseconds: number) => void;
  /** Runs between two measurements, where signals are served; what it returns is awaited. */
  onServed?: ((done: number) => unknown) | undefined;
  /** Runs where an interrupt is a second late, before the wait for it goes on. */
  onLate?: ((done: number) => void) | undefined;
  count: number;
}

/**
 * Measures from trigger to wake-up, `count` times, or until `signal` aborts, and then closes the source. Waits in a
 * blocking system call, as a latency-minded driver does; signals are served between the measurements, and while an
 * interrupt takes longer than 20 ms, in the event loop.
 *
 * @throws exit 6 where `timeoutMs` passes without an interrupt, exit 1 where the device goes on asserting its interrupt,
 *   for want of an acknowledge or of the right one
 */
export async function measureLatencies(
  source: InterruptSource,
  { trigger, acknowledge, onLatency, onServed, onLate, count, timeoutMs: bound, signal }: LatencyOptions,
): Promise<void> {
  using cleanup = new Cleanup();
  cleanup.own(source);
  try {
    const timeoutMs = timeLimit(bound);
    source.arm('drop');
    mustBeQuiet(source, acknowledge);
    let done = 0;
    // The clock of Node's that costs least to read, a quarter of performance.now(): its cost is in each figure.
    const now = process.hrtime.bigint;
    let served = now();
    while (done < count && !signal?.aborted && !source.closed) {
      const start = now();
      trigger();
      let outcome = source.wait(Math.min(timeoutMs, SERVE_SIGNALS_MS));
      if (outcome === 'timeout' && timeoutMs > SERVE_SIGNALS_MS)
        outcome = await waitFurther(source, { timeoutMs, signal, onLate: () => onLate?.(done) });
      const end = now();
      if (outcome === 'timeout') throw noInterrupt(source.device, timeoutMs);
      if (outcome === 'ready') {
        onLatency(Number(end - start) / 1000);
        done++;
        acknowledge?.();
        if (acknowledge === undefined && source.asserted()) throw stillAsserted(source.device);
        source.rearm();
        if (done === 1) mustBeQuiet(source, acknowledge);
      }
      if (outcome === 'interrupted' || end - served > SERVE_SIGNALS_NS) {
        await serveSignals();
        await onServed?.(done);
        served = now();
      }
    }
    // The last one was raised, and the signal came before it was served.
    if (signal?.aborted && !source.closed && source.asserted()) acknowledge?.();
  } catch (error) {
    throw closing(cleanup, error);
  }
}

/** Waits in the event loop, after the first blocking wait. @returns `interrupted` where a signal has come */
async function waitFurther(
  source: InterruptSource,
  { timeoutMs, signal, onLate }: { timeoutMs: number; signal: AbortSignal | undefined; onLate: () => void },
): Promise<PollResult> {
  let waited = SERVE_SIGNALS_MS;
  for (const until of [Math.min(timeoutMs, LATE_MS), timeoutMs]) {
    if (until <= waited) continue;
    if (waited === LATE_MS) onLate();
    const event = await source.next({ timeoutMs: Number.isFinite(until) ? until - waited : undefined, signal });
    if (event !== null) return 'ready';
    if (signal?.aborted || source.closed) return 'interrupted';
    waited = until;
  }
  return 'timeout';
}

/**
 * Makes sure that no interrupt comes without a trigger: a level that is still asserted brings one after another, and
 * those would be measured. One that comes by itself may do so once.
 *
 * @throws exit 1
 */
function mustBeQuiet(source: InterruptSource, acknowledge: (() => void) | undefined): void {
  for (let served = 0; source.asserted() || source.wait(SETTLE_MS) === 'ready'; served++) {
    if (served === 2) throw stillAsserted(source.device);
    acknowledge?.();
    source.rearm();
  }
}
