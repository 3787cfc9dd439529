import { alreadyWaiting } from './errors';

/** The wait of one source: only one at a time, and the close of the source ends it. */
export class OneWait {
  readonly #closing = new AbortController();
  #isWaiting = false;

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Runs a wait.
   *
   * @param device its address
   * @param wait ends once its argument aborts
   * @throws exit 5 while another one runs
   */
  async run<T>(device: string, wait: (closed: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#isWaiting) throw alreadyWaiting(device);
    this.#isWaiting = true;
    try {
      return await wait(this.#closing.signal);
    } finally {
      this.#isWaiting = false;
    }
  }

  close(): void {
    this.#closing.abort();
  }
}
