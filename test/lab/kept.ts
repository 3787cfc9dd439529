/**
 * Guests that go on between commands: `npm run lab -- --keep`. keeper.ts has the guest, and listens on a socket that only
 * this user can reach; each connection is for one process. It speaks as the guest's agent does, but for two requests:
 * `spawn` has the options of {@link Guest.spawn}, and `stop` ends the guest.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Agent, type Ready } from './agent-client';
import type { Case } from './answers';
import { LabError } from './error';
import type { GuestProcess } from './guest-process';
import { writeJsonLine } from './json-lines';
import type { Guest, SpawnOptions } from './lab';
import { CHECKOUT, LAB_FOLDER } from './prepared';

/** A process to start. */
export type Wanted = { command: string | readonly string[] } & Omit<SpawnOptions, 'onOutput'>;

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
  // It is not there, or its keeper was killed.
  const none = new Promise<undefined>((resolve) => {
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
  try {
    const ready = await Promise.race([new Agent<Wanted>(socket).ready, none]);
    return ready && new KeptGuest(path, wanted, ready);
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
  socket.once('connect', () => writeJsonLine(socket, { op: 'stop' }));
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
  constructor(path: string, { kernel }: Case, { release, log }: Ready) {
    this.#path = path;
    this.kernel = kernel;
    this.release = release;
    this.setupLog = log;
  }

  spawn(command: string | readonly string[], { onOutput, ...options }: SpawnOptions = {}): GuestProcess {
    const socket = connect(this.#path);
    const agent = new Agent<Wanted>(socket);
    const gone = () => agent.fail(new LabError('the guest that was kept has gone'));
    socket.once('error', gone);
    socket.once('close', gone);
    const process = agent.spawn({ command, ...options }, onOutput);
    const end = () => void socket.end();
    process.exit.then(end, end);
    return process;
  }
}
