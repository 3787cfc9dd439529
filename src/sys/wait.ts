import type { Sys } from './sys';

export type WaitResult = 'ready' | 'timeout' | 'aborted';

/** Waits in the event loop until a descriptor is readable or in error, so that signals are served meanwhile. */
export function readable(
  sys: Sys,
  fd: number,
  { timeoutMs, signal }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined } = {},
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
    const watch = sys.watch(fd, () => finish('ready'));
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => finish('timeout'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
