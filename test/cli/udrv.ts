/** The command as its users start it: a process, with an environment that holds nothing else. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkDocuments } from '../schemas/check';
import { environment } from '../support/environment';
import { WarmProcesses } from './warm';

export const ROOT = join(__dirname, '../..');
export const UDRV = join(ROOT, 'bin/udrv');

/** The longest time that a test may take. It is generous: tests check what a command does, never how fast. */
export const PATIENCE = 60_000;

/** Blanks separate arguments; a list is for arguments that hold some. */
export type Command = string | readonly string[];

export interface Options {
  env?: NodeJS.ProcessEnv | undefined;
  cwd?: string | undefined;
}

export interface Outcome {
  stdout: string;
  stderr: string;
  /** The exit code, or the signal that killed it. */
  exit: number | NodeJS.Signals | null;
}

type Text = string | RegExp;

jest.setTimeout(PATIENCE);
build();

const words = (command: Command): readonly string[] =>
  typeof command === 'string' ? command.split(' ').filter((word) => word !== '') : command;

const title = (command: Command): string =>
  `udrv ${typeof command === 'string' ? command : command.map((word) => JSON.stringify(word)).join(' ')}`;

const warm = new WarmProcesses();
afterAll(() => warm.close());

/** Runs `udrv` to its end, in a process that has run others before where that shows no less. */
export async function udrv(command: Command, options: Options = {}): Promise<Outcome> {
  const line = words(command);
  if (!warm.takes(line, options.env)) return outcomeOf(start(command, options));
  const outcome = await warm.run({ words: line, env: environment(options.env), cwd: options.cwd ?? ROOT });
  checkDocuments(['udrv', ...line], outcome);
  return outcome;
}

/** Starts `udrv`, for tests that do something to it meanwhile. */
export function start(command: Command, options: Options = {}, input?: 'ignore' | 'pipe'): ChildProcess {
  return begin(process.execPath, [UDRV, ...words(command)], options, input);
}

/** Defines `udrv` in a shell. */
const PRELUDE = `udrv() { ${quoted(process.execPath)} ${quoted(UDRV)} "$@"; }; `;

/** Runs a line of shell in which `udrv` is the command, for pipes and redirections. */
export function shell(script: string, options: Options = {}): Promise<Outcome> {
  // Without ~/.bashrc, which bash reads where its input is a socket.
  return outcomeOf(begin('bash', ['--norc', '-c', PRELUDE + script], options));
}

interface Typing extends Options {
  /** Is called with what has been shown so far; what it returns is typed. */
  type?: (shown: string) => string | undefined;
  /** Of the terminal; without one it has none, and COLUMNS counts. */
  size?: { columns: number; rows: number };
}

/** Runs `udrv` on a terminal of its own. Standard error is on it too, and lines end as terminals end them. */
export function onTerminal(command: Command, options: Typing = {}): Promise<Outcome> {
  return scriptOnTerminal([process.execPath, UDRV, ...words(command)].map(quoted).join(' '), options);
}

/** Runs a line of shell on a terminal of its own, in which `udrv` is the command. */
export function shellOnTerminal(script: string, options: Typing = {}): Promise<Outcome> {
  return scriptOnTerminal(PRELUDE + script, options);
}

function scriptOnTerminal(script: string, { type, size, ...options }: Typing): Promise<Outcome> {
  const stty = size === undefined ? '' : `stty cols ${size.columns} rows ${size.rows}; `;
  const env = { SHELL: '/bin/sh', TERM: 'xterm', ...options.env };
  const child = begin('script', ['-qec', `${stty}${script}`, '/dev/null'], { ...options, env }, 'pipe');
  let shown = '';
  child.stdout?.on('data', (text) => {
    shown += text;
    const typed = type?.(shown);
    if (typed !== undefined) child.stdin?.write(typed);
  });
  return outcomeOf(child);
}

export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function begin(program: string, args: readonly string[], { env, cwd }: Options, input: 'ignore' | 'pipe' = 'ignore') {
  const child = spawn(program, args, { env: environment(env), cwd: cwd ?? ROOT, stdio: [input, 'pipe', 'pipe'] });
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8');
  return child;
}

export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const outcome: Outcome = { stdout: '', stderr: '', exit: null };
  child.stdout?.on('data', (text) => {
    outcome.stdout += text;
  });
  child.stderr?.on('data', (text) => {
    outcome.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      try {
        checkDocuments(child.spawnargs, outcome);
        resolve({ ...outcome, exit: code ?? signal });
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Resolves once a stream has shown something. */
export function shows(child: ChildProcess, stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void> {
  let text = '';
  return new Promise((resolve, reject) => {
    child[stream]?.on('data', (more) => {
      text += more;
      if (pattern.test(text)) resolve();
    });
    child.once('close', () => reject(new Error(`ended without ${pattern}: ${text}`)));
  });
}

/** Makes a matcher: a text has to be the same, a regular expression has to match somewhere. */
const matching = (text: Text) => (typeof text === 'string' ? text : expect.stringMatching(text));

/** A test for each line: the command does its work, prints this, and has nothing to remark. */
export function cliPasses(cases: readonly (readonly [command: Command, stdout: Text, options?: Options])[]): void {
  for (const [command, stdout, options] of cases)
    test.concurrent(title(command), async () => {
      expect(await udrv(command, options)).toEqual({ stdout: matching(stdout), stderr: '', exit: 0 });
    });
}

/** A test for each line: the command prints one line of error, the hint where there is one, and nothing else. */
export function cliFails(
  exit: number,
  cases: readonly (readonly [command: Command, message: Text, hint?: string | undefined, options?: Options])[],
): void {
  for (const [command, message, hint, options] of cases)
    test.concurrent(`${title(command)} is exit ${exit}`, async () => {
      const outcome = await udrv(command, options);
      const [line = '', ...rest] = outcome.stderr.split('\n');
      expect({ ...outcome, stderr: line }).toEqual({
        stdout: '',
        stderr: typeof message === 'string' ? `udrv: ${message}` : expect.stringMatching(message),
        exit,
      });
      expect(rest).toEqual([...(hint === undefined ? [] : [`hint: ${hint}`]), '']);
    });
}

/** Text as it is written in a test, without its first line break and its indentation. */
export function text(strings: TemplateStringsArray, ...values: unknown[]): string {
  const lines = String.raw(strings, ...values)
    .replace(/^\n/, '')
    .replace(/[ ]*$/, '')
    .split('\n');
  const indents = lines.filter((line) => line !== '').map((line) => line.length - line.trimStart().length);
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent)).join('\n');
}

/** Makes dist/cli/start.js if it is older than what it is made of. Test files start together: one makes it, the others wait. */
function build(): void {
  const lock = join(ROOT, 'node_modules/.cache/udrv/cli-build.lock');
  const deadline = Date.now() + PATIENCE;
  // In this order: who finds it new and the lock gone has the whole of it.
  while (!isNew() || existsSync(lock)) {
    if (Date.now() > deadline) throw new Error(`somebody builds for ever, or has left ${lock}`);
    if (!take(lock)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      continue;
    }
    try {
      const { status, stderr } = spawnSync(process.execPath, ['build.config.cjs'], { cwd: ROOT, encoding: 'utf8' });
      if (status !== 0) throw new Error(`node build.config.cjs: ${stderr}`);
    } finally {
      rmSync(lock);
    }
  }
}

function isNew(): boolean {
  const bundle = statSync(join(ROOT, 'dist/cli/start.js'), { throwIfNoEntry: false });
  if (bundle === undefined) return false;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((name) => `src/${name}`);
  return [...sources, 'build.config.cjs', 'package.json'].every(
    (name) => statSync(join(ROOT, name)).mtimeMs <= bundle.mtimeMs,
  );
}

function take(lock: string): boolean {
  mkdirSync(dirname(lock), { recursive: true });
  try {
    closeSync(openSync(lock, 'wx'));
    return true;
  } catch {
    return false;
  }
}
