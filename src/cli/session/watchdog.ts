import { Worker } from 'node:worker_threads';

/**
 * Ends a loop of the main thread that never waits, so that its timers run again. It asks V8 from another thread, as a
 * debugger does (Runtime.terminateExecution of the inspector): nothing in the script can catch that.
 */
const CODE = `
const { Session } = require('node:inspector');
const { workerData: { afterMs, served } } = require('node:worker_threads');
setInterval(() => {
  if (Atomics.load(served, 0) !== 0) return;
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution', () => session.disconnect());
}, afterMs);
`;

/** Time that the main thread has to serve its own timer. */
const GRACE_MS = 300;

/** Guards a bound on the time of a script: ends what keeps the main thread from serving it. */
export class Watchdog {
  readonly #served = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  constructor(timeoutMs: number) {
    this.#worker = new Worker(CODE, {
      eval: true,
      workerData: { afterMs: timeoutMs + GRACE_MS, served: this.#served },
      stderr: true,
    });
    this.#worker.unref();
  }

  /** Tells it that the main thread serves its timers. */
  serve(): void {
    Atomics.store(this.#served, 0, 1);
  }

  close(): void {
    this.serve();
    void this.#worker.terminate();
  }
}
