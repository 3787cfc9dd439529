import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { UdrvError } from '../errors';
import { type Answer, AnswerReader } from './answers';
import { brokenOff, notStarted, tooMuch, tooSlow, wrongAnswer } from './errors';
import { serverScript } from './script';
import { listedBy, type Question } from './tree';

/** The way to a host. */
export interface Way {
  /** The program, found in PATH: OpenSSH's `ssh`. */
  ssh: string;
  /** Values of `-o`. */
  options: readonly string[];
  /** Runs the script by `sudo -n` there. */
  sudo: boolean;
  /** The time for everything, from the start of `ssh` on. */
  timeoutMs: number;
}

/** Limits of what one host may send, in bytes. */
export const REMOTE_LIMITS = {
  /** In all. A listing takes 100 KiB, a snapshot with 2000 + 2000 devices 10 MiB. */
  all: 32 * 1024 * 1024,
  /** Before the script runs: messages of the day, and what the user's shell prints. */
  greeting: 64 * 1024,
};

/** The end of what `ssh` says is kept. */
const ERROR_BYTES = 4096;

/** Paths in the arguments of one `ls`. */
const LISTED_AT_ONCE = 100;

/** The time in which the end of the output has to come behind the end of `ssh`. */
const DRAIN_MS = 200;

/** A connection to a host on which the server script runs. It is one process here, and a shell there. */
export class Connection implements Disposable {
  readonly #host: string;
  readonly #way: Way;
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  readonly #answers: AnswerReader;
  /** Takes the answers in their order. */
  #take: ((answer: Answer) => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;
  #failure: unknown;
  #isReady = false;
  #received = 0;
  #said = Buffer.alloc(0);

  /** @param host `[USER@]HOST` or `ssh://[USER@]HOST[:PORT]`; not an option */
  constructor(host: string, way: Way) {
    const mark = randomBytes(12).toString('hex');
    this.#host = host;
    this.#way = way;
    this.#answers = new AnswerReader(mark);
    // A process group of its own, so that a ProxyCommand ends with it. The user's options come before ours, and win.
    const options = ['BatchMode=yes', ...way.options, 'ConnectTimeout=10'].flatMap((option) => ['-o', option]);
    const command = way.sudo ? 'sudo -n sh -s' : 'sh -s';
    this.#child = spawn(way.ssh, ['-T', '-x', '-a', ...options, '--', host, command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdin, stdout, stderr } = this.#child;
    this.#child.on('error', (error) => this.#end(notStarted(host, way.ssh, error)));
    this.#child.on('exit', (code) => setTimeout(() => this.#end(this.#broken(code)), DRAIN_MS).unref());
    this.#child.on('close', (code) => this.#end(this.#broken(code)));
    // The answer tells, or its absence.
    stdin?.on('error', () => {});
    stdout?.on('data', (chunk: Buffer) => this.#receive(chunk));
    stderr?.on('data', (chunk: Buffer) => {
      this.#said = Buffer.concat([this.#said, chunk]).subarray(-ERROR_BYTES);
    });
    this.#timer = setTimeout(() => this.#end(tooSlow(host, way.timeoutMs, this.#isReady)), way.timeoutMs);
    // Questions wait until the script runs: a shell may read ahead, and take them for commands.
    stdin?.write(serverScript(mark));
  }

  /** Asks questions, and returns the answers to them. @throws UdrvError with the host as its subject */
  async ask(questions: readonly Question[]): Promise<Map<Question, Answer>> {
    const script = inGroups(questions);
    const answers = new Map<Question, Answer>();
    let next = 0;
    let later: Question[] = [];
    await this.#converse((answer) => {
      if (!this.#isReady) {
        if (answer.status !== 'READY') throw wrongAnswer(this.#host, this.#answers.waiting, answer.content);
        this.#isReady = true;
        this.#send(script);
        return script.length === 0;
      }
      const line = script[next++];
      if (line === '.' || line === ',') {
        for (const [question, late] of lateAnswers(`${answer.content}`, later)) answers.set(question, late);
        later = [];
      } else if (line !== undefined) {
        if (answer.status === 'LATER') later.push(line);
        else answers.set(line, answer);
      }
      return next >= script.length;
    }, script);
    return answers;
  }

  /** Ends the script there, which ends with its input, and the process here. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#failure ??= new Error('closed');
    this.#fail?.(this.#failure);
    this.#child.stdin?.end();
    // It may be there still: a shell that does not answer does not end either.
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, this.#isReady ? 'SIGTERM' : 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }

  /** @param take returns whether the answer was the last one */
  #converse(take: (answer: Answer) => boolean, script: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#fail = reject;
      this.#take = (answer) => {
        if (!take(answer)) return;
        this.#take = undefined;
        resolve();
      };
      if (this.#isReady) this.#send(script);
    });
  }

  #send(script: readonly string[]): void {
    this.#child.stdin?.write(script.map((line) => `${line}\n`).join(''));
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#received += chunk.length;
    this.#answers.add(chunk);
    try {
      while (this.#take !== undefined) {
        const answer = this.#answers.next();
        if (answer === null) break;
        this.#take(answer);
      }
      if (!this.#isReady && this.#received > REMOTE_LIMITS.greeting)
        throw wrongAnswer(this.#host, this.#received, chunk);
      if (this.#received > REMOTE_LIMITS.all) throw tooMuch(this.#host, REMOTE_LIMITS.all);
    } catch (error) {
      this.#end(error);
    }
  }

  /** Ends the conversation with an error; the first one counts. */
  #end(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this[Symbol.dispose]();
  }

  #broken(code: number | null): UdrvError {
    return brokenOff(this.#host, { code, isReady: this.#isReady, said: `${this.#said}`, sudo: this.#way.sudo });
  }
}

/** Asks at the end for what `ls` tells, some at a time: first links, then owners. */
function inGroups(questions: readonly Question[]): (Question | '.' | ',')[] {
  const script: (Question | '.' | ',')[] = questions.filter((question) => !/^[LP]/.test(question));
  for (const [letter, end] of [
    ['L', '.'],
    ['P', ','],
  ] as const) {
    const some = questions.filter((question) => question.startsWith(letter));
    for (let i = 0; i < some.length; i += LISTED_AT_ONCE) script.push(...some.slice(i, i + LISTED_AT_ONCE), end);
  }
  return script;
}

function* lateAnswers(lines: string, questions: readonly Question[]): Generator<[Question, Answer]> {
  const listed = listedBy(lines, questions.map(pathIn));
  for (const question of questions) {
    const found = listed.get(pathIn(question));
    const text = question.startsWith('L') ? found?.target : found?.line;
    yield [question, { content: Buffer.from(text ?? ''), status: text ? 'OK' : 'EIO' }];
  }
}

const pathIn = (question: Question): string => question.slice(2);
