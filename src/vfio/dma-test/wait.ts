import { setTimeout } from 'node:timers/promises';

/** A pause that other work is done in. Throws once `signal` aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal === undefined ? {} : { signal });
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
