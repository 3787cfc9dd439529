import { StringDecoder } from 'node:string_decoder';
import { LabError } from './error';

export type OutputName = 'stdout' | 'stderr';

export interface Exit {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The requests that a process can make of the agent. */
export interface AgentPort {
  stdin(data: Buffer): void;
  closeStdin(): void;
  kill(signal: NodeJS.Signals): void;
  explain(): void;
}

/** More than this of one output is a mistake in the test; keeping it all would take this process with it. */
const MAX_OUTPUT = 64 * 1024 * 1024;
/** Of each output, in an error: the stacks of a process and the last messages of the kernel fit. */
const MAX_TOLD = 8000;
/** For the answer of a guest that does something, to where a process of it waits. */
const EXPLAIN_MS = 2000;
/** A message to the agent stays small, so that others can pass between. */
const STDIN_CHUNK = 48 * 1024;

class Output {
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new StringDecoder('utf8');
  size = 0;
  text = '';

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.size += chunk.length;
    this.text += this.#decoder.write(chunk);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** A process that runs in the guest. */
export class GuestProcess {
  /** When it has ended and its output is complete. Rejects if it could not be started, or the lab went away. */
  readonly exit: Promise<Exit>;

  readonly #title: string;
  readonly #port: AgentPort;
  readonly #onOutput: ((name: OutputName, chunk: Buffer) => void) | undefined;
  readonly #outputs = { stdout: new Output(), stderr: new Output() };
  readonly #watchers = new Set<() => void>();
  #settle: { resolve: (exit: Exit) => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} };
  #ended = false;

  /** `title` names it in messages; with `onOutput`, output goes there instead of being kept. */
  constructor(title: string, port: AgentPort, onOutput?: (name: OutputName, chunk: Buffer) => void) {
    this.#title = title;
    this.#port = port;
    this.#onOutput = onOutput;
    this.exit = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.exit.catch(() => {}); // whoever is interested awaits it; nobody has to
  }

  /** Its output so far. */
  get stdout(): string {
    return this.#outputs.stdout.text;
  }

  get stderr(): string {
    return this.#outputs.stderr.text;
  }

  get stdoutBytes(): Buffer {
    return this.#outputs.stdout.bytes;
  }

  /** Waits until what it has written, on either output, matches. */
  waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (match) finish(() => resolve(match));
        else if (this.#ended) finish(() => reject(this.#error(`ended without writing ${pattern}`)));
      };
      const finish = (report: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        report();
      };
      const timer = setTimeout(
        () => finish(() => reject(this.#error(`did not write ${pattern} within ${timeoutMs} ms`))),
        timeoutMs,
      );
      this.#watchers.add(look);
      look();
    });
  }

  /** The end, or a `LabError` with what it wrote until then and where it waited; it is killed first. */
  async exitWithin(timeoutMs: number): Promise<Exit> {
    let timer = setTimeout(() => {
      this.explain();
      timer = setTimeout(() => {
        this.kill('SIGKILL');
        this.fail(this.#error(`still ran after ${timeoutMs} ms`));
      }, EXPLAIN_MS);
    }, timeoutMs);
    try {
      return await this.exit;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal to it and the processes it started, as the terminal does with Ctrl-C. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#port.kill(signal);
  }

  /** Asks where it waits; the answer comes as its stderr. */
  explain(): void {
    this.#port.explain();
  }

  write(data: Buffer | string): void {
    const bytes = Buffer.from(data as string);
    for (let start = 0; start < bytes.length; start += STDIN_CHUNK) {
      this.#port.stdin(bytes.subarray(start, start + STDIN_CHUNK));
    }
  }

  closeStdin(): void {
    this.#port.closeStdin();
  }

  /** For the agent's side: output has come. */
  push(name: OutputName, chunk: Buffer): void {
    if (this.#onOutput) {
      this.#onOutput(name, chunk);
      return;
    }
    const output = this.#outputs[name];
    if (output.size + chunk.length > MAX_OUTPUT) {
      this.kill('SIGKILL');
      this.fail(this.#error(`wrote more than ${MAX_OUTPUT / 1024 / 1024} MiB to ${name}`));
      return;
    }
    output.push(chunk);
    this.#notify();
  }

  /** For the agent's side: it has ended. */
  end(exit: Exit): void {
    this.#ended = true;
    this.#settle.resolve(exit);
    this.#notify();
  }

  /** For the agent's side: nothing more will be heard of it. */
  fail(error: Error): void {
    this.#ended = true;
    this.#settle.reject(error);
    this.#notify();
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }

  #error(what: string): LabError {
    const outputs = (['stdout', 'stderr'] as const).map((name) => `${name}: ${tail(this.#outputs[name].text)}`);
    return new LabError([`${this.#title}: ${what}`, ...outputs].join('\n'));
  }
}

function tail(text: string): string {
  return text.length > MAX_TOLD ? `...${text.slice(-MAX_TOLD)}` : text;
}
