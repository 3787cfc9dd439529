/**
 * Guests that go on between commands: `npm run lab -- --keep`. keeper.ts has the guest, and listens on a socket that only
 * this user can reach; each connection is for one process of the guest.
 *
 *   keeper to client   {op: 'ready', kernel, release, setupLog}, once it is connected; what the agent says of the process
 *   client to keeper   {op: 'stop'}, or {op: 'spawn', command, user, env, cwd}; what the agent is told of a process
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Case } from './answers';
import { LabError } from './error';
import { type Exit, GuestProcess, type OutputName } from './guest-process';
import { readJsonLines, writeJsonLine } from './json-lines';
import type { Guest, SpawnOptions } from './lab';
import { CHECKOUT, LAB_FOLDER } from './prepared';

export type Request =
  | ({ op: 'spawn'; command: string | readonly string[] } & Omit<SpawnOptions, 'onOutput'>)
  | { op: 'stdin'; data: string }
  | { op: 'closeStdin' }
  | { op: 'kill'; signal: NodeJS.Signals }
  | { op: 'stop' };

export type Ready = { op: 'ready' } & Omit<Guest, 'spawn'>;

export type Reply =
  | Ready
  | { op: OutputName; data: string }
  | ({ op: 'exit' } & Exit)
  | { op: 'failed'; message: string };

const { UDRV_LAB_CACHE, XDG_CACHE_HOME } = process.env;
/** In the folder of test/lab/prepare. */
const FOLDER = join(UDRV_LAB_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'udrv-lab'), 'kept');
/** A guest has the files of one checkout. */
const OF_CHECKOUT = `${createHash('sha256').update(CHECKOUT).digest('hex').slice(0, 8)}-`;
/** More than a guest takes to boot on a busy host. */
const BOOT_MS = 180_000;
const LOOK_MS = 100;

const socketOf = ({ machine, kernel }: Case) => join(FOLDER, `${OF_CHECKOUT}${machine}-${kernel}`);

/** Finds the guest of this machine and kernel that is kept; undefined: there is none. */
export async function findKept(wanted: Case): Promise<KeptGuest | undefined> {
  const path = socketOf(wanted);
  const socket = connect(path);
  try {
    return await new Promise((resolve) => {
      // It is not there, or its keeper was killed.
      socket.once('error', () => resolve(undefined));
      socket.once('close', () => resolve(undefined));
      readJsonLines<Reply>(socket, (reply) => {
        if (reply.op === 'ready') resolve(new KeptGuest(path, reply));
      });
    });
  } finally {
    socket.destroy();
  }
}

/** Boots a guest that goes on when this process has ended. */
export async function keep(wanted: Case): Promise<KeptGuest> {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  const path = socketOf(wanted);
  const log = openSync(`${path}.log`, 'w', 0o600);
  const keeper = spawn(
    process.execPath,
    [join(CHECKOUT, 'test/run-ts.cjs'), join(LAB_FOLDER, 'keeper.ts'), wanted.machine, wanted.kernel, path],
    { detached: true, stdio: ['ignore', 'ignore', log] },
  );
  closeSync(log);
  let hasEnded = false;
  keeper.once('exit', () => {
    hasEnded = true;
  });
  for (const deadline = Date.now() + BOOT_MS; !hasEnded && Date.now() < deadline; ) {
    const kept = await findKept(wanted);
    if (kept !== undefined) {
      keeper.unref();
      return kept;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  keeper.kill('SIGKILL');
  throw new LabError(readFileSync(`${path}.log`, 'utf8').trimEnd() || 'the guest to keep did not come up');
}

/** Ends the guests of this checkout that are kept. @returns how many there were */
export async function stopKept(): Promise<number> {
  let count = 0;
  for (const name of namesInFolder()) {
    const path = join(FOLDER, name);
    if (!name.endsWith('.log') && (await stop(path))) count++;
    rmSync(path, { force: true });
  }
  return count;
}

function namesInFolder(): string[] {
  try {
    return readdirSync(FOLDER).filter((name) => name.startsWith(OF_CHECKOUT));
  } catch {
    return [];
  }
}

/** @returns whether there was a keeper */
function stop(path: string): Promise<boolean> {
  const socket = connect(path);
  socket.once('connect', () => writeJsonLine(socket, { op: 'stop' } satisfies Request));
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.once('close', (failed) => resolve(!failed));
    socket.resume();
  });
}

/** A guest that is kept. */
export class KeptGuest implements Guest {
  readonly kernel: Guest['kernel'];
  readonly release: string;
  readonly setupLog: string;
  readonly #path: string;

  /** Use {@link findKept}. */
  constructor(path: string, { kernel, release, setupLog }: Ready) {
    this.#path = path;
    this.kernel = kernel;
    this.release = release;
    this.setupLog = setupLog;
  }

  spawn(command: string | readonly string[], { onOutput, ...options }: SpawnOptions = {}): GuestProcess {
    const socket = connect(this.#path);
    const send = (request: Request) => writeJsonLine(socket, request);
    const port = {
      stdin: (data: Buffer) => send({ op: 'stdin', data: data.toString('base64') }),
      closeStdin: () => send({ op: 'closeStdin' }),
      kill: (signal: NodeJS.Signals) => send({ op: 'kill', signal }),
    };
    const process = new GuestProcess([command].flat().join(' '), port, onOutput);
    const gone = () => process.fail(new LabError('the guest that was kept has gone'));
    socket.once('error', gone);
    socket.once('close', gone);
    receive(socket, process);
    send({ op: 'spawn', command, ...options });
    return process;
  }
}

/** Tells a process what the keeper says of it. */
function receive(socket: Socket, process: GuestProcess): void {
  readJsonLines<Reply>(socket, (reply) => {
    switch (reply.op) {
      case 'stdout':
      case 'stderr':
        return process.push(reply.op, Buffer.from(reply.data, 'base64'));
      case 'exit':
        process.end(reply);
        return void socket.end();
      case 'failed':
        return process.fail(new LabError(reply.message));
    }
  });
}
