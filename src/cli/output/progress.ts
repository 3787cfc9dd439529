import type { OutputStream } from './stream';

/** Time before the line appears: work that is done sooner needs none. */
const FIRST_MS = 1000;
const EVERY_MS = 200;

/** A line on a terminal that tells how far a long transfer is. */
export class Progress implements Disposable {
  readonly #stderr: OutputStream;
  readonly #total: number | undefined;
  readonly #start = performance.now();
  #next = this.#start + FIRST_MS;
  #shown = false;

  /** @param total in bytes, undefined where it is not known */
  constructor(stderr: OutputStream, total: number | undefined, { wanted }: { wanted: boolean }) {
    this.#stderr = stderr;
    this.#total = total;
    if (!wanted || !stderr.isTTY) this.#next = Number.POSITIVE_INFINITY;
  }

  update(bytes: number): void {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + EVERY_MS;
    const rate = bytes / ((now - this.#start) / 1000);
    const of = this.#total === undefined ? '' : ` of ${mebibytes(this.#total)}`;
    this.#write(`\r\x1b[K${mebibytes(bytes)}${of}, ${mebibytes(rate)}/s`);
    this.#shown = true;
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#shown) this.#write('\r\x1b[K');
    this.#shown = false;
  }

  #write(text: string): void {
    try {
      this.#stderr.write(text);
    } catch {
      // A line that cannot be shown is no reason to stop.
      this.#next = Number.POSITIVE_INFINITY;
    }
  }
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
