import type { Interface } from 'node:readline';
import { Exit, UdrvError } from '../../errors';
import { openBlocks } from '../../session/grammar';
import type { Session } from '../../session/session';
import type { Context } from '../program/context';
import { failuresIn, report } from '../program/report';
import { helpText } from './help';
import { printFaults, printStep } from './print';

/** Interval in which a prompt that waits looks for faults: a device may go on by itself. */
const LOOK_MS = 200;

/** Reads steps from a terminal and runs them, each line when the one before is done. */
export class Prompt {
  readonly #context: Context;
  readonly #session: Session;
  readonly #terminal: Interface;
  readonly #lines: string[] = [];
  /** Text of a block that is not closed yet. */
  #text = '';
  /** Ends the step that runs. */
  #running: AbortController | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(context: Context, session: Session, terminal: Interface) {
    this.#context = context;
    this.#session = session;
    this.#terminal = terminal;
    terminal.on('line', (line) => {
      this.#lines.push(line);
      this.#wake?.();
    });
    terminal.on('SIGINT', () => this.#interrupt());
    terminal.on('close', () => this.end());
  }

  /** Ends the session once the lines that were typed are done. */
  end(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /**
   * Serves the terminal until its end.
   *
   * @param signal ends the session, and the step that runs
   * @throws UdrvError where the device is gone
   */
  async serve(signal: AbortSignal): Promise<void> {
    const { ended } = this.#session;
    const onEnd = () => {
      this.#running?.abort();
      this.end();
    };
    signal.addEventListener('abort', onEnd);
    ended.addEventListener('abort', onEnd);
    const timer = setInterval(() => void this.#lookForFaults(), LOOK_MS);
    try {
      for (let line = await this.#next(); line !== undefined; line = await this.#next()) {
        if (/^\s*(?:exit|quit)\s*$/.test(line)) return;
        await this.#take(line);
        if (signal.aborted || ended.aborted) break;
      }
      if (ended.reason instanceof UdrvError) throw ended.reason;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onEnd);
      ended.removeEventListener('abort', onEnd);
    }
  }

  async #next(): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#isClosed) {
      this.#prompt();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return this.#lines.shift();
  }

  #prompt(): void {
    this.#terminal.setPrompt(this.#text === '' ? `${this.#session.device.info.address}> ` : '... ');
    this.#terminal.prompt(true);
  }

  async #take(line: string): Promise<void> {
    const text = `${this.#text}${line}\n`;
    this.#text = '';
    try {
      if (openBlocks(text) > 0) {
        this.#text = text;
        return;
      }
      const [, isHelp, name] = /^\s*(help|\?)(?:\s+(\S+))?\s*$/.exec(line) ?? [];
      if (isHelp !== undefined) this.#context.stdout.write(helpText(this.#session.scope(), name));
      else await this.#run(text);
    } catch (error) {
      this.#report(error);
    }
  }

  async #run(text: string): Promise<void> {
    this.#running = new AbortController();
    const { address } = this.#session.device.info;
    try {
      await this.#session.do(text, {
        signal: this.#running.signal,
        places: 'none',
        onStep: (done) => printStep(this.#context, done),
        onFaults: (faults) => printFaults(this.#context, faults, address),
      });
    } finally {
      this.#running = undefined;
    }
  }

  /** Shows the error of a step; one that means the end of the device ends the session. */
  #report(error: unknown): void {
    const [first, ...later] = failuresIn(error);
    if (!(first instanceof UdrvError) || first.exit === Exit.gone) throw error;
    const { options, stderr } = this.#context;
    report(first, later, stderr, {
      asJson: options.json === true,
      debug: process.env['UDRV_DEBUG'] === '1',
      machine: options,
    });
  }

  /** Ends the step that runs; without one, drops what was typed. */
  #interrupt(): void {
    this.#context.stderr.write('^C\n');
    if (this.#running !== undefined) {
      this.#running.abort();
      return;
    }
    this.#text = '';
    // Takes the line away as Ctrl-U does.
    this.#terminal.write(null, { ctrl: true, name: 'e' });
    this.#terminal.write(null, { ctrl: true, name: 'u' });
    this.#prompt();
  }

  async #lookForFaults(): Promise<void> {
    if (this.#running !== undefined || this.#isClosed) return;
    const faults = await this.#session.newFaults();
    if (faults.length === 0) return;
    // In the place of the prompt, which comes again below.
    if (this.#context.stderr.isTTY) this.#context.stderr.write('\r\x1b[K');
    printFaults(this.#context, faults, this.#session.device.info.address);
    this.#terminal.prompt(true);
  }
}
