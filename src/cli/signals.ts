import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work that changes something and must put it back: a signal aborts it instead of killing the process, and is
 * answered once the work has ended. A second one kills.
 *
 * @returns the exit code for the signal (128 + its number), undefined where none came
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<number | undefined> {
  const controller = new AbortController();
  let received: number | undefined;
  const handlers = SIGNALS.map((name) => {
    const handler = () => {
      received = 128 + constants.signals[name];
      controller.abort();
    };
    process.once(name, handler);
    return { name, handler };
  });
  try {
    await work(controller.signal);
  } finally {
    for (const { name, handler } of handlers) process.off(name, handler);
  }
  return received;
}
