import type { PollEvent, Sys } from './sys';

export type WaitResult = 'ready' | 'timeout' | 'aborted';

/** Waits in the event loop until a descriptor is ready or in error, so that signals are served meanwhile. */
export function ready(
  sys: Pick<Sys, 'watch'>,
  fd: number,
  {
    timeoutMs,
    signal,
    event,
  }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined; event?: PollEvent | undefined } = {},
): Promise<WaitResult> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve('aborted');
      return;
    }
    const finish = (result: WaitResult) => {
      watch.close();
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onAbort = () => finish('aborted');
    const watch = sys.watch(fd, () => finish('ready'), event);
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => finish('timeout'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
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
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onAbort = () => finish('aborted');
    const timer = setTimeout(() => finish('timeout'), Math.max(0, timeoutMs));
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
