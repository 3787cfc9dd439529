import { pause as wait } from '../../sys/wait';

/** Pauses while the event loop goes on. Throws once `signal` aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, signal);
  signal?.throwIfAborted();
}

/**
 * Checks a condition until it holds, with pauses between.
 *
 * @returns false if it does not hold within `timeoutMs`
 */
export async function until(
  condition: () => boolean,
  { timeoutMs, everyMs, signal }: { timeoutMs: number; everyMs: number; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await pause(everyMs, signal);
  }
  return true;
}
