import type { Line } from './dump';
import type { Sink } from './file';

/** Characters that are put together before they are written. */
const PIECE = 64 * 1024;

/**
 * Writes the lines of a dump. On a terminal, a line that repeats the one before is folded into one `*`, as hexdump does,
 * and each line is written at once: the next access may be the last (SIGBUS).
 */
export class LineWriter {
  readonly #out: Sink;
  #text = '';
  #last: Line | undefined;
  #folded = false;

  constructor(out: Sink) {
    this.#out = out;
  }

  write(line: Line): void {
    const repeated = this.#out.isTTY && line.content === this.#last?.content;
    if (!repeated) this.#put(`${line.offset}  ${line.content}\n`);
    else if (!this.#folded) this.#put('*\n');
    this.#folded = repeated;
    this.#last = line;
  }

  /** Writes all that is held back. */
  end(): void {
    // The last line shows where the repetition ends.
    if (this.#folded && this.#last !== undefined) this.#put(`${this.#last.offset}  ${this.#last.content}\n`);
    this.#folded = false;
    this.flush();
  }

  flush(): void {
    if (this.#text !== '') this.#out.write(this.#text);
    this.#text = '';
  }

  #put(text: string): void {
    this.#text += text;
    if (this.#out.isTTY || this.#text.length >= PIECE) this.flush();
  }
}
