import { Cleanup } from '../../cleanup';
import type { OutputStream } from '../output/stream';
import { columnsOf, rowsOf } from '../output/terminal';

// xterm's control sequences: the alternate screen and the cursor, home, to the end of the line and of the screen.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_LINE_END = '\x1b[K';
const TO_SCREEN_END = '\x1b[J';

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
const CTRL_BACKSLASH = '\x1c';

/**
 * A terminal whose screen is drawn anew, frame by frame, and whose keys come one by one. {@link leave} gives the terminal
 * back as it was; a second time it does nothing.
 */
export class Screen implements Disposable {
  readonly #stdout: OutputStream;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onKey: (key: string) => void;
  readonly #cleanup = new Cleanup();
  #isEntered = false;
  #last: readonly string[] = [];
  #kept = '';

  /** @param onKey gets each key but those that send signals */
  constructor(stdout: OutputStream, env: NodeJS.ProcessEnv, onKey: (key: string) => void) {
    this.#stdout = stdout;
    this.#env = env;
    this.#onKey = onKey;
    // Registered first: from here on all is undone on every way out, also where a step fails.
    this.#cleanup.defer(() => this.#restore());
    const resumed = () => {
      // The shell has set the terminal up for itself meanwhile.
      this.#isEntered = false;
      this.#enter();
      this.draw(this.#last);
    };
    process.on('SIGCONT', resumed);
    this.#cleanup.defer(() => process.off('SIGCONT', resumed));
    const resized = () => this.draw(this.#last);
    process.stdout.on('resize', resized);
    this.#cleanup.defer(() => process.stdout.off('resize', resized));
    if (process.stdin.isTTY) {
      const typed = (data: Buffer) => {
        for (const key of data.toString('latin1')) this.#typed(key);
      };
      process.stdin.on('data', typed);
      this.#cleanup.defer(() => process.stdin.off('data', typed).pause());
    }
    try {
      this.#enter();
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  get rows(): number {
    return rowsOf(this.#env);
  }

  /**
   * Draws a frame: lines that have a column for each character, cut to the size of the screen.
   *
   * @param kept the text that stays on the terminal when the screen is disposed of; that of the frame before if not given
   */
  draw(lines: readonly string[], kept: string = this.#kept): void {
    this.#last = lines;
    this.#kept = kept;
    if (!this.#isEntered) return;
    // The last column stays free: erasing behind it would erase what is in it.
    const columns = columnsOf(this.#stdout, this.#env) - 1;
    const shown = lines.slice(0, this.rows).map((line) => `${cut(line, columns)}${TO_LINE_END}`);
    this.#stdout.write(`${HOME}${shown.join('\n')}${TO_SCREEN_END}`);
  }

  /** Gives the terminal back. Does not fail, not even where it is gone. */
  leave(): void {
    this.#cleanup.close();
  }

  /** Gives the terminal back, and leaves on it what was to be kept. */
  [Symbol.dispose](): void {
    this.leave();
    if (this.#kept !== '') this.#stdout.write(this.#kept);
    this.#kept = '';
  }

  #enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    this.#stdout.write(ENTER);
  }

  #restore(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    try {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      this.#stdout.write(LEAVE);
    } catch {
      // A terminal that is gone needs nothing.
    }
  }

  /** Sends the signals that the terminal sends otherwise: without that, keys would not come one by one. */
  #typed(key: string): void {
    if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
    else if (key === CTRL_BACKSLASH || key === CTRL_Z) {
      this.#restore();
      process.kill(process.pid, key === CTRL_Z ? 'SIGTSTP' : 'SIGQUIT');
    } else this.#onKey(key);
  }
}

/** Cuts a line, in which `\x1b[1m` and its like take no column. */
function cut(line: string, columns: number): string {
  let left = columns;
  return line.replace(/(\x1b\[[\d;]*m)|./gsu, (match, style) => (style !== undefined || left-- > 0 ? match : ''));
}
