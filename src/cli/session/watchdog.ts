import { Worker } from 'node:worker_threads';

/** Time in which the main thread has to beat once, after the bound. */
const CHECK_MS = 1000;

/** Time between two beats. */
const BEAT_MS = 100;

/**
 * Ends loops of the main thread that never wait, so that its timers run again. It asks V8 from another thread, as a
 * debugger does (Runtime.terminateExecution of the inspector): nothing in the script can catch that.
 */
const CODE = `
const { Session } = require('node:inspector');
const { workerData: { afterMs, checkMs, beats } } = require('node:worker_threads');
let last = 0;
function check() {
  const now = Atomics.load(beats, 0);
  if (now === last) {
    const session = new Session();
    Atomics.store(beats, 1, 1);
    session.connectToMainThread();
    session.post('Runtime.terminateExecution', () => {
      session.disconnect();
      Atomics.store(beats, 1, 0);
    });
  }
  last = now;
}
setTimeout(() => {
  check();
  setInterval(check, checkMs);
}, afterMs);
`;

/**
 * Guards a bound on the time of a script: ends what keeps the main thread from serving its timers, from the bound on and
 * until it is closed. A script may also begin its loop after the bound, where the machine is slow.
 */
export class Watchdog {
  /** The count of beats, and whether the other thread is connected as a debugger. */
  readonly #beats = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;
  #beating: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#worker = new Worker(CODE, {
      eval: true,
      workerData: { afterMs: timeoutMs + CHECK_MS, checkMs: CHECK_MS, beats: this.#beats },
      stderr: true,
    });
    this.#worker.unref();
  }

  /** Tells it that the main thread serves its timers, from now on again and again. */
  serve(): void {
    const beat = () => void Atomics.add(this.#beats, 0, 1);
    beat();
    this.#beating ??= setInterval(beat, BEAT_MS);
  }

  /** Waits until no debugger is connected: at its exit, Node would say on standard error that it waits for one. */
  async settled(): Promise<void> {
    const end = performance.now() + CHECK_MS;
    while (Atomics.load(this.#beats, 1) === 1 && performance.now() < end)
      await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Ends the guard, before anything runs that must not be ended. A second close does nothing. */
  close(): void {
    clearInterval(this.#beating);
    void this.#worker.terminate();
  }
}
