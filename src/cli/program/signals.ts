import { constants } from 'node:os';
import { serveSignals } from '../../sys/wait';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A person who presses Ctrl-C twice at once wants it to end, and not to be cut off while it puts things back. */
const PATIENCE_MS = 1000;

/**
 * Runs work that opens a device or changes something and gives it back, all within `work`. A signal aborts the work
 * instead of killing the process, and is answered once the work has ended; another one kills where the work does not
 * end within a second. None cuts off what runs without waiting, such as closing a device.
 *
 * @returns the exit code for the signal (128 + its number), undefined where none came
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void> | void): Promise<number | undefined> {
  const controller = new AbortController();
  let received: { exit: number; at: number } | undefined;
  const handlers = SIGNALS.map((name) => {
    const handler = () => {
      const now = performance.now();
      received ??= { exit: 128 + constants.signals[name], at: now };
      controller.abort();
      if (now - received.at < PATIENCE_MS) return;
      stopListening();
      process.kill(process.pid, name);
    };
    process.on(name, handler);
    return { name, handler };
  });
  function stopListening(): void {
    for (const { name, handler } of handlers) process.off(name, handler);
  }
  try {
    await work(controller.signal);
    await serveSignals();
  } finally {
    stopListening();
  }
  return received?.exit;
}

/** Interval in which work that never waits looks for signals. */
const LOOK_MS = 50;

/** Makes a check, for work that never waits, whether a signal has come. It lets signals in every 50 ms. */
export function signalCheck(signal: AbortSignal): () => Promise<boolean> {
  let next = performance.now() + LOOK_MS;
  return async () => {
    if (performance.now() >= next) {
      await serveSignals();
      next = performance.now() + LOOK_MS;
    }
    return signal.aborted;
  };
}
