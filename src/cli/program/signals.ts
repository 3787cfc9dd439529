import { constants } from 'node:os';
import { pause, serveSignals } from '../../sys/wait';
import { OutputStream, takeWrites } from '../output/stream';
import { Backlog } from './backlog';

/**
 * The signals that end a program which does not handle them, as far as Node can. SIGUSR1 would have Node open a port for
 * a debugger.
 */
export const SIGNALS = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGALRM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGXCPU',
  'SIGVTALRM',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
] as const satisfies readonly NodeJS.Signals[];

type EndSignal = (typeof SIGNALS)[number];

/** Time that readers of the output have after a signal to take what was written before it. */
const GRACE_MS = 300;

/** Output that nobody has read yet, while something is changed, and the signal that ends the wait for it. */
let unread: { backlog: Backlog; signal: AbortSignal } | undefined;

/**
 * Runs work that opens a device or changes something and gives it back, all within `work`. A signal aborts the work
 * instead of killing the process, and is answered once the work has ended. A second one is answered by a line, a third
 * one kills; those that come at once, before the work could see the first, are one. None cuts off what runs without
 * waiting, such as closing a device.
 *
 * Output does not wait for a reader meanwhile: what is written without end awaits {@link caughtUp}. The rest of it is
 * written once all is given back; after a signal, as far as somebody reads it.
 *
 * @returns the exit code for the signal (128 + its number), undefined where none came
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void> | void): Promise<number | undefined> {
  const controller = new AbortController();
  const { signal } = controller;
  const signals = new Signals(() => controller.abort());
  const mine = new Backlog();
  const [outer, outerTaker] = [unread, takeWrites(mine)];
  unread = { backlog: mine, signal };
  let isDone = false;
  try {
    await work(signal);
    await serveSignals();
    isDone = true;
  } finally {
    try {
      await written(mine, signal);
    } catch (error) {
      // The error that ended the work says more.
      // biome-ignore lint/correctness/noUnsafeFinally: the work is done where this throws
      if (isDone) throw error;
    } finally {
      unread = outer;
      // After a signal the process ends: nothing that is still printed may wait, and no second signal cuts it off.
      if (!signal.aborted) {
        mine.close();
        takeWrites(outerTaker);
        signals.close();
      }
    }
  }
  return signals.exit;
}

/** Waits until all output is written; after a signal, no longer than readers have then. */
async function written(output: Backlog, signal: AbortSignal): Promise<void> {
  await output.written(signal);
  if (output.isEmpty) return;
  const over = new AbortController();
  void pause(GRACE_MS).then(() => over.abort());
  await output.written(over.signal);
}

/**
 * Waits until the readers of the output have taken all of it, or a signal comes: for work that writes without end.
 *
 * @returns undefined where they have
 */
export function caughtUp(): Promise<void> | undefined {
  return unread === undefined || unread.backlog.isEmpty ? undefined : unread.backlog.written(unread.signal);
}

/** The handlers of signals, from now on until it is closed. */
class Signals {
  #exit: number | undefined;
  #count = 0;
  #isNew = true;
  readonly #onFirst: () => void;
  readonly #handlers: { name: EndSignal; handler: () => void }[];

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    this.#handlers = SIGNALS.map((name) => ({ name, handler: () => this.#take(name) }));
    for (const { name, handler } of this.#handlers) process.on(name, handler);
  }

  /** The exit code of the first, undefined where none came. */
  get exit(): number | undefined {
    return this.#exit;
  }

  close(): void {
    for (const { name, handler } of this.#handlers) process.off(name, handler);
  }

  #take(name: EndSignal): void {
    if (!this.#isNew) return;
    this.#isNew = false;
    // Those that have piled up are served one after another, and the work comes after them.
    setImmediate(() => {
      this.#isNew = true;
    });
    this.#count++;
    if (this.#count === 1) {
      this.#exit = 128 + constants.signals[name];
      this.#onFirst();
    } else if (this.#count === 2) answer();
    else {
      this.close();
      process.kill(process.pid, name);
    }
  }
}

function answer(): void {
  try {
    OutputStream.ofErrors?.write('udrv: putting back what was changed; one more signal ends it without\n');
  } catch {
    // An answer that cannot be shown is no reason to stop.
  }
}

/** Interval in which work that never waits looks for signals. */
const LOOK_MS = 50;

/**
 * Makes a check, for work that never waits, whether a signal has come. It lets signals in every 50 ms, and lets the
 * readers of the output catch up.
 */
export function signalCheck(signal: AbortSignal): () => Promise<boolean> {
  let next = performance.now() + LOOK_MS;
  return async () => {
    await caughtUp();
    if (performance.now() >= next) {
      await serveSignals();
      next = performance.now() + LOOK_MS;
    }
    return signal.aborted;
  };
}
