import { Cleanup, closing } from '../cleanup';
import type { Interrupt } from '../model/interrupt';
import { timeLimit } from '../sys/wait';
import { noInterrupt } from './errors';
import type { InterruptEvent, InterruptSource, InterruptWaitOptions } from './source';

/** Pause between two looks at whether a device that nobody acknowledges has quieted its line. */
const QUIET_POLL_MS = 10;

/** Helps where nothing has come, and nothing was done to bring it. */
const UNTRIGGERED = '--trigger REGION:OFFSET=VALUE makes a device interrupt that does not by itself';

export interface WatchOptions extends InterruptWaitOptions {
  /** Runs before each wait: makes the device raise its interrupt, where nothing else does. */
  beforeWait?: (() => void) | undefined;
  /** Runs after each interrupt, before re-arming: silences the device. */
  acknowledge?: (() => void) | undefined;
}

/**
 * Yields interrupts as they happen: arms, then waits, acknowledges and re-arms, one after another. Ends when `signal`
 * aborts, the source is closed or the consumer stops, and then closes the source.
 *
 * @throws exit 6 where `timeoutMs` passes without an interrupt
 */
export async function* watchInterrupts<Event extends InterruptEvent>(
  source: InterruptSource<Event>,
  { beforeWait, acknowledge, timeoutMs: bound, signal }: WatchOptions,
): AsyncGenerator<Event & Interrupt> {
  using cleanup = new Cleanup();
  cleanup.own(source);
  try {
    const timeoutMs = timeLimit(bound);
    source.arm('deliver');
    let armed = true;
    let last: number | null = null;
    for (let index = 1; !signal?.aborted && !source.closed; index++) {
      beforeWait?.();
      const event = await nextEvent(source, armed, timeoutMs, signal);
      if (source.closed) return;
      // One that was taken is served, also where the signal came with it: else the device would go on asserting its line.
      if (event === null && signal?.aborted) {
        // It was raised for this watch alone.
        if (beforeWait && source.asserted()) acknowledge?.();
        return;
      }
      if (event === null)
        throw noInterrupt(source.device, timeoutMs, last === null && !beforeWait ? UNTRIGGERED : undefined);
      const now = performance.now();
      acknowledge?.();
      armed = acknowledge !== undefined || !source.asserted();
      if (armed) source.rearm();
      yield { ...event, index, deltaUs: last === null ? null : (now - last) * 1000, time: new Date() };
      last = now;
    }
  } catch (error) {
    throw closing(cleanup, error);
  }
}

/**
 * @param armed false where the interrupt is still masked because nobody acknowledged the device: re-arming while it
 *   asserts its line would only bring the interrupt again, and waits until the line is quiet
 */
async function nextEvent<Event extends InterruptEvent>(
  source: InterruptSource<Event>,
  armed: boolean,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Event | null> {
  const deadline = performance.now() + timeoutMs;
  let masked = !armed;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const slice = masked ? Math.min(left, QUIET_POLL_MS) : left;
    const event = await source.next({ timeoutMs: slice, signal });
    if (event !== null || signal?.aborted || source.closed || performance.now() >= deadline) return event;
    if (masked && !source.asserted()) {
      source.rearm();
      masked = false;
    }
  }
}
