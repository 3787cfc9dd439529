import { pause as wait } from '../../sys/wait';

/** Waits while other work is done. Throws once `signal` aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, signal);
  signal?.throwIfAborted();
}

/**
 * Asks until the answer is yes, with pauses between.
 *
 * @returns false where that took longer than `timeoutMs`
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
