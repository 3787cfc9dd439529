import { Cleanup, closing } from '../cleanup';
import { usageError } from '../errors';
import type { PollEvent, Sys } from './sys';

export type WaitResult = 'ready' | 'timeout' | 'aborted';

/** The longest time that setTimeout takes; a longer one it makes 1 ms. poll(2) takes no more either: 24 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Checks a bound on a wait, as it is given to the library.
 *
 * @param timeoutMs in milliseconds; undefined and Infinity are no bound
 * @returns the bound, Infinity where there is none
 * @throws usage for what is no time: NaN, less than nothing
 */
export function timeLimit(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
    throw usageError('timeoutMs', `${String(timeoutMs)} is no time in milliseconds`);
  return timeoutMs;
}

/** Calls back after a time of any length, once; never where it is undefined or infinite. @returns what ends it before */
export function after(timeoutMs: number | undefined, onEnd: () => void): () => void {
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return () => {};
  const end = performance.now() + timeoutMs;
  let timer: NodeJS.Timeout;
  const wait = (left: number) => {
    timer = setTimeout(
      () => {
        const more = end - performance.now();
        if (left <= LONGEST_TIMER_MS || more <= 0) onEnd();
        else wait(more);
      },
      Math.min(left, LONGEST_TIMER_MS),
    );
  };
  wait(timeoutMs);
  return () => clearTimeout(timer);
}

export interface ReadyOptions {
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Ends the wait as {@link signal} does: the descriptor is about to be closed. */
  closed?: AbortSignal | undefined;
  event?: PollEvent | undefined;
}

/** Waits in the event loop until a descriptor is ready or in error, so that signals are served meanwhile. */
export function ready(
  sys: Pick<Sys, 'watch'>,
  fd: number | readonly number[],
  { timeoutMs, signal, closed, event }: ReadyOptions = {},
): Promise<WaitResult> {
  return new Promise((resolve) => {
    if (signal?.aborted || closed?.aborted) {
      resolve('aborted');
      return;
    }
    const cleanup = new Cleanup();
    const finish = (result: WaitResult) => {
      cleanup.close();
      resolve(result);
    };
    try {
      for (const one of typeof fd === 'number' ? [fd] : fd) cleanup.own(sys.watch(one, () => finish('ready'), event));
    } catch (error) {
      throw closing(cleanup, error);
    }
    cleanup.defer(after(timeoutMs, () => finish('timeout')));
    const onAbort = () => finish('aborted');
    for (const one of [signal, closed]) {
      one?.addEventListener('abort', onAbort, { once: true });
      cleanup.defer(() => one?.removeEventListener('abort', onAbort));
    }
  });
}

/** Waits for nothing but the time, while other work is done. */
export function pause(timeoutMs: number, signal?: AbortSignal): Promise<'timeout' | 'aborted'> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve('aborted');
      return;
    }
    const finish = (result: 'timeout' | 'aborted') => {
      stop();
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onAbort = () => finish('aborted');
    const stop = after(Math.max(0, timeoutMs), () => finish('timeout'));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The longest time that a loop of measurements or interrupts blocks the event loop, apart from one wait. */
export const SERVE_SIGNALS_MS = 20;
export const SERVE_SIGNALS_NS = BigInt(SERVE_SIGNALS_MS) * 1_000_000n;

/** Lets the event loop turn once, so that signals are served. */
export function serveSignals(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
