/** Commands on the simulated machine, and signals that come at random moments: what they leave changed, and how they end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../fuzz/random';
import { environment } from './environment';

const ROOT = join(__dirname, '../..');
const UDRV = join(ROOT, 'bin/udrv');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGALRM', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'] as const;
const [EDU, RNG, MEMORY] = ['0000:00:03.0', '0000:02:02.0', '0000:00:0a.0'];

export interface StormLine {
  line: string;
  /** Changes something for good: the end finds all of it changed, or nothing. */
  changes?: boolean;
  /** Runs before, without signals. */
  first?: string;
  /** Lines on its standard input, which it is told to be a terminal, and which stays open. */
  typed?: string;
}

/** Has a command take the pipe that is its standard input for a terminal. */
const TERMINAL = 'data:text/javascript,Object.defineProperty(process.stdin, "isTTY", { value: true })';

/** A line for each command that opens a device or changes something; those that can last are made to. */
export const STORM_LINES: readonly StormLine[] = [
  { line: 'uio read uio0 map0 0' },
  { line: 'uio dump uio0 map0' },
  { line: 'uio write uio0 map0 4 1' },
  { line: 'uio watch uio0 map0:0x8 --interval 50ms' },
  { line: 'uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24' },
  { line: 'uio irq uio1 on' },
  { line: 'uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 -c 1000000' },
  { line: `vfio info ${EDU}` },
  { line: `vfio read ${EDU} bar0 0` },
  { line: `vfio dump ${EDU} bar0` },
  { line: `vfio write ${EDU} bar0 4 1` },
  { line: `vfio watch ${EDU} bar0:0x8 --interval 50ms` },
  { line: `vfio watch-irq ${EDU} --loopback` },
  { line: `vfio dma-test ${EDU}` },
  { line: `vfio bench ${EDU} --sizes 4K,2M -c 1000000` },
  { line: 'vfio reset 0000:02:01.0' },
  { line: 'vfio vf 0000:01:00.0' },
  { line: `pci read ${MEMORY} bar0 0` },
  { line: `pci dump ${MEMORY} bar0` },
  { line: `pci write ${MEMORY} bar0 4 1` },
  { line: `pci watch ${MEMORY} bar0:0 --interval 50ms` },
  { line: `pci regs ${EDU} --map fixtures/examples/edu.map.json` },
  { line: 'usb ctrl 1-2 0x80 6 0x0100 0 18' },
  { line: 'usb bulk 1-4 0x02 --data @/dev/zero --detach' },
  { line: 'usb bulk 1-2 0x81 --length 400G -o -' },
  { line: 'usb int 1-3.1 0x81 --length 8 --count 1000 --detach' },
  { line: 'usb iso 1-2 0x82 --alt 1 --count 1000000' },
  { line: 'usb bench 1-2 0x81 --seconds 100' },
  { line: 'usb reset 1-4' },
  { line: 'usb alt 1-2:1.0 1' },
  { line: 'usb clear-halt 1-2 0x81' },
  { line: 'usb config 3-1 2', changes: true },
  { line: 'usb detach 1-3.1:1.0', changes: true },
  { line: 'usb attach 1-3.1:1.0', changes: true, first: 'usb detach 1-3.1:1.0' },
  { line: `bind ${RNG} vfio-pci`, changes: true },
  { line: `unbind ${EDU}`, changes: true },
  { line: `restore ${RNG}`, changes: true, first: `bind ${RNG} vfio-pci` },
  // No-break spaces and line breaks stay within a word.
  { line: `do ${EDU} repeat\u00a0100000000\u00a0{\nread\u00a0bar0:0\n}` },
  { line: 'shell 1-4', typed: 'claim 0 --detach\nsleep 100s\n' },
  { line: `run fixtures/examples/edu-copy.mjs ${EDU} 2048` },
  { line: `diff DUMP ${EDU} bar0` },
  { line: 'bench report uio0 1-2 --seconds 0.2 -c 1000' },
];

export interface StormResult {
  cases: number;
  signals: number;
  /** How often each exit code, or a signal that killed, was the end. */
  exits: Record<string, number>;
  /** Longest time from the last signal to the end. */
  slowestMs: number;
  slowest: string;
  /** One line for each thing that was left changed, hung or reported wrongly. */
  faults: string[];
}

/** Runs a number of cases, the lines in turns from one on. The same seed gives the same signals, at the same calls. */
export async function storm(seed: number, cases: number): Promise<StormResult> {
  const directory = mkdtempSync(join(tmpdir(), 'udrv-storm-'));
  const result: StormResult = { cases: 0, signals: 0, exits: {}, slowestMs: 0, slowest: '', faults: [] };
  writeFileSync(join(directory, 'dump'), '0x000000  0x010000ed 0x00000000\n');
  try {
    const random = randomFrom(seed);
    const from = random(STORM_LINES.length);
    const prepared = new Map<StormLine, Prepared>();
    for (let i = 0; i < cases; i++) {
      const line = STORM_LINES[(from + i) % STORM_LINES.length] as StormLine;
      const ready = prepared.get(line) ?? (await prepare(line, join(directory, `${i}`)));
      prepared.set(line, ready);
      await runCase(line, ready, random, join(directory, 'case'), result);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return result;
}

/** The machine before a line, the one after it where that is allowed, and the number of its calls. */
interface Prepared {
  file: string;
  allowed: readonly string[];
  calls: number;
  writes: number;
}

async function prepare(storming: StormLine, file: string): Promise<Prepared> {
  const { changes, first } = storming;
  const untouched = await end(start({ line: 'list' }, file));
  if (first !== undefined) await end(start({ line: first }, file));
  const before = kept(file);
  if (untouched.exit !== 0) throw new Error(untouched.stderr);
  const copy = `${file}.after`;
  copyFileSync(file, copy);
  const child = start(storming, copy);
  // Those that do not end by themselves are ended.
  const timer = setTimeout(() => child.kill('SIGTERM'), changes ? 60_000 : 3000);
  child.stdout?.resume();
  const { stderr } = await end(child);
  clearTimeout(timer);
  return {
    file,
    allowed: changes ? [before, kept(copy)] : [before],
    calls: Math.min(60, callsIn(stderr).length),
    writes: writesIn(stderr),
  };
}

async function runCase(
  storming: StormLine,
  { file, allowed, calls, writes }: Prepared,
  random: (below: number) => number,
  copy: string,
  result: StormResult,
): Promise<void> {
  copyFileSync(file, copy);
  const { line } = storming;
  const signals = Array.from({ length: 1 + random(2) }, () => SIGNALS[random(SIGNALS.length)] as NodeJS.Signals);
  // Some before anything is open, most once a device is.
  const moment = random(calls + 2);
  const pause = random(30);
  const isRead = random(4) !== 0;
  const title = `${line}: ${signals.join(' and ')} at call ${moment}${isRead ? '' : ', unread'}`;
  const child = start(storming, copy);
  if (isRead) child.stdout?.resume();
  const whole = end(child);
  let sent = 0;
  let last = performance.now();
  await Promise.race([reached(child, moment), whole]);
  for (const [i, signal] of signals.entries()) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    if (child.exitCode !== null || child.signalCode !== null) break;
    child.kill(signal);
    sent++;
    last = performance.now();
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const { exit, stderr } = await whole;
  clearTimeout(timer);
  const ms = Math.round(performance.now() - last);
  result.cases++;
  result.signals += sent;
  result.exits[`${exit}`] = (result.exits[`${exit}`] ?? 0) + 1;
  if (sent > 0 && ms > result.slowestMs) Object.assign(result, { slowestMs: ms, slowest: title });
  const fault = (what: string) => result.faults.push(`${title}, exit ${exit}: ${what}\n${stderr.slice(-600)}`);
  if (exit === 'SIGKILL') fault('hung');
  if (/internal error|^ +at |Error:/m.test(stderr)) fault('a stack or an internal error');
  if (!allowed.includes(kept(copy))) fault('left changed');
  // The simulated machine of a command that is killed is not kept: its calls tell whether it had something to put back.
  if (typeof exit === 'string' && exit !== 'SIGKILL' && !isWhole(stderr, writes)) fault('killed in the middle');
}

function start({ line, typed }: StormLine, file: string): ChildProcess {
  const words = line
    .split(' ')
    .map((word) => (word === 'DUMP' ? join(file, '../dump') : word.replaceAll('\u00a0', ' ')));
  const preload = typed === undefined ? [] : ['--import', TERMINAL];
  const child = spawn(process.execPath, [...preload, UDRV, `--sim=${file}`, '--trace', ...words], {
    cwd: ROOT,
    env: environment(),
    stdio: [typed === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => {});
  child.stdin?.write(typed ?? '');
  return child;
}

/** Resolves at a command's end, with all that it has said on standard error. */
function end(child: ChildProcess): Promise<{ exit: number | NodeJS.Signals | null; stderr: string }> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    // A command without end has calls without end.
    stderr = stderr.length < 1e6 ? stderr + text : stderr.slice(0, 5e5) + stderr.slice(-2e5) + text;
  });
  // Nobody may have read it, and then it never closes by itself.
  child.once('exit', () => child.stdout?.destroy());
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ exit: code ?? signal, stderr })));
}

/** Resolves once a command has made so many calls, or seems to wait. */
function reached(child: ChildProcess, calls: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    // A command that waits makes no more of them.
    setTimeout(resolve, calls === 0 ? 100 : 3000).unref();
    child.stderr?.on('data', (text: string) => {
      seen += callsIn(text).length;
      if (calls > 0 && seen >= calls) resolve();
    });
  });
}

/** The lines of `--trace`. */
const callsIn = (stderr: string): string[] => stderr.split('\n').filter((line) => /^[a-z_]+\(/.test(line));

/** Number of writes to sysfs, which bind and unbind. */
const writesIn = (stderr: string): number => callsIn(stderr).filter((call) => /^write\(\/sys/.test(call)).length;

/** Tells whether all that was opened is closed, and that of the writes to sysfs all were made, or none. */
function isWhole(stderr: string, writes: number): boolean {
  const count = (pattern: RegExp) => callsIn(stderr).filter((call) => pattern.test(call)).length;
  return count(/^(open|eventfd|socket)\(.* = \d+$/) <= count(/^close\(/) && [0, writes].includes(writesIn(stderr));
}

/** What a machine in a file has that a command could leave changed, as text. */
function kept(file: string): string {
  if (!existsSync(file)) return '';
  const { machine, records } = JSON.parse(readFileSync(file, 'utf8'));
  const pci = Object.entries<Record<string, string>>(machine.pci).map(
    ([address, { driver, override, enabled, config = '' }]) => {
      // Without the status word, in which an interrupt may be pending.
      return [address, driver, override, enabled, config.slice(0, 12), config.slice(16)];
    },
  );
  // Without the interrupt mask, which the timer's driver sets by itself as its time goes by.
  const platform = Object.entries<{ driver: string }>(machine.platform);
  const usb = Object.entries<{ configuration: number; interfaces: unknown }>(machine.usb.devices);
  return JSON.stringify([
    pci,
    platform.map(([name, { driver }]) => [name, driver]),
    usb.map(([name, { configuration, interfaces }]) => [name, configuration, interfaces]),
    machine.vfio,
    machine.files,
    records,
  ]);
}
