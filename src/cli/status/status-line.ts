import type { OutputStream } from '../output/stream';
import { columnsOf } from '../output/terminal';

/** Goes to the first column, and erases the line. */
const ERASE = '\r\x1b[K';

/** The time without output after which a command says that it waits, or how far it is. */
export const QUIET_MS = 1000;

/**
 * The last line of the terminal behind standard error, for a text that changes in place. It is taken away before either
 * stream writes anything else there. Where it is not wanted, or there is no terminal, nothing is shown.
 */
export class StatusLine {
  readonly isOn: boolean;
  /** Called whenever a stream writes, and for each {@link touch}. */
  onActivity: (() => void) | undefined;
  readonly #stderr: OutputStream;
  readonly #env: NodeJS.ProcessEnv;
  #shown = '';
  #broken = false;

  constructor(stdout: OutputStream, stderr: OutputStream, env: NodeJS.ProcessEnv, wanted: boolean) {
    this.#stderr = stderr;
    this.#env = env;
    this.isOn = wanted && stderr.isTTY;
    if (!this.isOn) return;
    for (const stream of [stdout, stderr])
      if (stream.isTTY)
        stream.beforeWrite = () => {
          this.hide();
          this.touch();
        };
  }

  /** The width that a text may have. The last column stays free: some terminals wrap behind it. */
  get columns(): number {
    return columnsOf(this.#stderr, this.#env) - 1;
  }

  /** Shows a text in place of the one before, cut to the width. Its characters have one column each. */
  show(text: string): void {
    if (!this.isOn) return;
    const cut = [...text].slice(0, this.columns).join('');
    if (cut === this.#shown) return;
    this.#write(`${ERASE}${cut}`);
    this.#shown = cut;
  }

  /** Takes the text away. */
  hide(): void {
    if (this.#shown === '') return;
    this.#shown = '';
    this.#write(ERASE);
  }

  /** Tells that something happened: whoever waits for quiet starts anew. */
  touch(): void {
    this.onActivity?.();
  }

  #write(text: string): void {
    if (this.#broken) return;
    const { beforeWrite } = this.#stderr;
    this.#stderr.beforeWrite = undefined;
    try {
      this.#stderr.write(text);
    } catch {
      // A line that cannot be shown is no reason to stop.
      this.#broken = true;
    } finally {
      this.#stderr.beforeWrite = beforeWrite;
    }
  }
}
