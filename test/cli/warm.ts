/** Processes that have run udrv before, and run it again: warm.cjs. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../support/environment';
import { canRunWarm } from '../support/warm-words';

interface Line {
  readonly words: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | NodeJS.Signals | null;
}

/** They wait for each other rather than for a processor. */
const MOST_PROCESSES = 3;

interface Process {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
}

/** Those of one test file. */
export class WarmProcesses {
  readonly #idle: Process[] = [];
  readonly #waiting: ((free: Process) => void)[] = [];
  readonly #seen = new Set<string>();
  #count = 0;
  #started = 0;
  #folder: string | undefined;

  /**
   * Tells whether a line may run in a process that has run others. The first of each verb has one of its own: it shows
   * that the command needs nothing that another has loaded or left, and ends by itself.
   */
  takes(words: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
    if (!canRunWarm(words, env)) return false;
    const verb = words
      .filter((word) => /^[a-z][a-z-]*$/.test(word))
      .slice(0, 2)
      .join(' ');
    const isNew = !this.#seen.has(verb);
    this.#seen.add(verb);
    return !isNew;
  }

  /** Runs a line to its end; rejects where it leaves a file open. */
  async run({ words, env, cwd }: Line): Promise<Outcome> {
    const process = await this.#take();
    const { child, stdout, stderr } = process;
    const printed = () => ({ stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') });
    return new Promise((resolve, reject) => {
      const killed = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#count--;
        resolve({ ...printed(), exit: code ?? signal });
        const next = this.#waiting.shift();
        if (next !== undefined) next(this.#start());
      };
      child.once('exit', killed);
      child.once('message', ({ code, left }: { code: number; left: readonly string[] }) => {
        child.off('exit', killed);
        if (left.length > 0) reject(new Error(`udrv ${words.join(' ')} left open: ${left.join(', ')}`));
        else resolve({ ...printed(), exit: code });
        this.#give(process);
      });
      child.send({ argv: words, env, cwd, stdout, stderr });
    });
  }

  /** Ends them. */
  close(): void {
    for (const { child } of this.#idle.splice(0)) child.kill('SIGKILL');
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }

  async #take(): Promise<Process> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#count < MOST_PROCESSES) return this.#start();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(process: Process): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(process);
    else next(process);
  }

  #start(): Process {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'udrv-warm-'));
    const [stdout = '', stderr = ''] = ['stdout', 'stderr'].map((name) => {
      const file = join(this.#folder ?? '', `${this.#started}.${name}`);
      writeFileSync(file, '');
      return file;
    });
    this.#count++;
    this.#started++;
    const child = fork(join(__dirname, '../support/warm.cjs'), {
      env: environment(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    return { child, stdout, stderr };
  }
}
