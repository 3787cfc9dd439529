/**
 * Runs in the guest, with the numbers of signals and of the seed: commands that change something for their own time or for
 * good, and signals at random moments, once and twice. Compares drivers, overrides, command registers (bus mastering, the
 * interrupt mask) and the settings of USB devices before and after. Prints a {@link LabStorm} as a line of JSON.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { oneOf, randomFrom } from '../fuzz/random';

export interface LabStorm {
  seed: number;
  cases: number;
  signals: number;
  /** How often each exit code, or a signal that killed, was the end. */
  exits: Record<string, number>;
  /** The longest time that a program takes in this guest which does no more than to end at a signal. */
  bareMs: number;
  /** By line: signals, and the longest time from the last one to the end. */
  lines: Record<string, { signals: number; slowestMs: number }>;
  slowestMs: number;
  slowest: string;
  /** One line for each thing that was left changed, hung or reported wrongly. */
  faults: string[];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGALRM', 'SIGUSR2', 'SIGXCPU'] as const;
const [EDU, RNG] = ['0000:00:03.0', '0000:02:02.0'];
/** Cases between two measurements of the yardstick: other guests come and go on the host. */
const BARE_EVERY = 10;
/** Time after which a command counts as one that hangs. */
const PATIENCE_MS = 20_000;
/** Time after which no new moment comes up in a command: dma-test takes so long. */
const MOST_WORK_MS = 6000;

/** Commands, each with its standard input left open and silent, by a name. */
const LINES: Record<string, () => string> = {
  'usb bulk': () => 'usb bulk 1-4 0x02 --data - --detach',
  'usb int': () => 'usb int 1-3.1 0x81 --length 8 --count 1000 --detach',
  'uio watch-irq': () => 'uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24',
  'vfio watch-irq': () => `vfio watch-irq ${EDU} --loopback`,
  'dma-test': () => `vfio dma-test ${EDU}`,
  // Changes for good, or not at all, and the next one changes it back.
  'bind and restore': () => (driverOf(RNG) === 'vfio-pci' ? `restore ${RNG}` : `bind ${RNG} vfio-pci`),
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function orNull(get: () => string): string | null {
  try {
    return get();
  } catch {
    return null;
  }
}
const text = (path: string) => orNull(() => readFileSync(path, 'latin1').trim());
const link = (path: string) => orNull(() => readlinkSync(path).split('/').at(-1) ?? '');
const driverOf = (address: string) => link(`/sys/bus/pci/devices/${address}/driver`);

/** What the machine has that a command could leave changed, by function or device. */
function machine(): Map<string, string> {
  const found = new Map<string, string>();
  for (const address of readdirSync('/sys/bus/pci/devices')) {
    const at = `/sys/bus/pci/devices/${address}`;
    const [driver, override] = [driverOf(address), text(`${at}/driver_override`)];
    if (address === RNG) {
      // Either way, but whole.
      const isWhole = override === (driver === 'vfio-pci' ? 'vfio-pci' : '(null)') && driver !== null;
      found.set(address, isWhole ? 'whole' : `${driver} ${override}`);
      continue;
    }
    const command = readFileSync(`${at}/config`).readUInt16LE(4);
    found.set(address, `${driver} ${override} 0x${command.toString(16)}`);
  }
  for (const name of readdirSync('/sys/bus/usb/devices')) {
    const at = `/sys/bus/usb/devices/${name}`;
    const settings = ['bConfigurationValue', 'bAlternateSetting'].map((attribute) => text(`${at}/${attribute}`));
    found.set(name, [link(`${at}/driver`), ...settings].join(' '));
  }
  return found;
}

interface Ran {
  exit: number | NodeJS.Signals;
  /** From the moment at which it could be interrupted. */
  ms: number;
  /** Signals that were sent. */
  sent: number;
  /** From the last of them to the end. */
  afterMs: number;
  stderr: string;
}

/** A signal, and the time before it. */
interface Blow {
  name: NodeJS.Signals;
  afterMs: number;
}

/**
 * Runs a command to its end.
 *
 * @param isEarly the first signal's time counts from the start, else from when the command handles signals, which is
 * shortly before it opens or changes something
 */
async function run(line: string, blows: readonly Blow[], { isEarly = false, isRead = true } = {}): Promise<Ran> {
  const child = spawn('udrv', line.split(' '), { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  const ended = new Promise<Ran['exit']>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'SIGKILL')),
  );
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  child.stdin.on('error', () => {});
  child.stderr.setEncoding('utf8').on('data', (data) => {
    stderr += data;
  });
  if (isRead) child.stdout.resume();
  while (!isEarly && !isOver() && !handlesSignals(child.pid)) await sleep(2);
  const ready = performance.now();
  let [sent, last] = [0, ready];
  for (const { name, afterMs } of blows) {
    await Promise.race([sleep(afterMs), ended]);
    if (isOver()) break;
    child.kill(name);
    sent++;
    last = performance.now();
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const exit = await ended;
  const end = performance.now();
  clearTimeout(timer);
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  return { exit, sent, ms: end - ready, afterMs: Math.round(end - last), stderr };
}

/** Tells whether a process handles SIGXCPU, which Node by itself does not. */
function handlesSignals(pid: number | undefined): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(text(`/proc/${pid}/status`) ?? '')?.[1] ?? '0';
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals.SIGXCPU - 1)) & 1n) === 1n;
}

/** Time that a command has for its work, at most {@link MOST_WORK_MS}. Its first run leaves its compiled code. */
async function workOf(line: () => string): Promise<number> {
  let longest = 0;
  for (let i = 0; i < 2; i++)
    longest = Math.max(longest, (await run(line(), [{ name: 'SIGINT', afterMs: MOST_WORK_MS }])).ms);
  return Math.min(longest, MOST_WORK_MS);
}

/** Measures the end of a program that does nothing else. */
async function bare(): Promise<number> {
  const code = 'process.on("SIGTERM", () => process.exit(143)); setInterval(() => {}, 1e6); console.log("up")';
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const begin = performance.now();
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
  return Math.round(performance.now() - begin);
}

async function storm(wanted: number, seed: number): Promise<LabStorm> {
  const random = randomFrom(seed);
  const share = () => random(1_000_000) / 1_000_000;
  const before = machine();
  const works = new Map<string, number>();
  const result: LabStorm = {
    seed,
    cases: 0,
    signals: 0,
    exits: {},
    bareMs: 0,
    lines: {},
    slowestMs: 0,
    slowest: '',
    faults: [],
  };
  const names = Object.keys(LINES);
  while (result.signals < wanted) {
    if (result.cases % BARE_EVERY === 0) result.bareMs = Math.max(result.bareMs, await bare());
    const name = names[result.cases % names.length] ?? '';
    const work = works.get(name) ?? (await workOf(LINES[name] ?? (() => '')));
    works.set(name, work);
    const line = LINES[name]?.() ?? '';
    const isEarly = share() < 0.05;
    const signals: Blow[] = [{ name: oneOf(random, SIGNALS), afterMs: share() * work }];
    if (share() < 0.5) signals.push({ name: oneOf(random, SIGNALS), afterMs: share() * 40 });
    const { exit, sent, afterMs, stderr } = await run(line, signals, { isEarly, isRead: share() < 0.7 });
    result.cases++;
    result.signals += sent;
    result.exits[exit] = (result.exits[exit] ?? 0) + 1;
    const title = `${line}, ${signals.map((signal) => signal.name).join(' and ')} after ${Math.round(signals[0]?.afterMs ?? 0)} ms`;
    const own = result.lines[name] ?? { signals: 0, slowestMs: 0 };
    result.lines[name] = own;
    own.signals += sent;
    if (sent > 0) own.slowestMs = Math.max(own.slowestMs, afterMs);
    if (sent > 0 && afterMs > result.slowestMs) Object.assign(result, { slowestMs: afterMs, slowest: title });
    if (exit === 'SIGKILL') result.faults.push(`${title}: hung`);
    else if (typeof exit === 'number' && exit > 0 && exit < 128)
      result.faults.push(`${title}: exit ${exit}: ${stderr.slice(-500)}`);
    if (/internal error|^ +at /m.test(stderr)) result.faults.push(`${title}: ${stderr.slice(-500)}`);
    const after = machine();
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [was = 'nothing', is = 'nothing'] = [before.get(key), after.get(key)];
      if (was === is) continue;
      result.faults.push(`${title}, exit ${exit}: ${key} was ${was}, is ${is}: ${stderr.slice(-800)}`);
      before.set(key, is);
    }
  }
  return result;
}

const [signals = 0, seed = 0] = process.argv.slice(2).map(Number);
void storm(signals, seed).then((result) => console.log(JSON.stringify(result)));
