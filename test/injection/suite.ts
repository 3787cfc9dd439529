import { Readable } from 'node:stream';
import { simulatedMachine } from '../../src/sim';
import { MemoryState } from '../../src/sys/state';
import { type Ran, runCommand } from './command';
import { type Call, errnosOf, type Fault, FaultySys, isLook } from './faulty-sys';
import { differences, type Settings, settingsOf } from './machine-state';
import type { Verb } from './verbs';

/** The exit codes of the contract, but for that of a signal. */
const EXITS = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

/** Words of a line that tells what is not as it was, beside that of the error. */
const LEFT = /put back|instead of|take it back/;

/** No command of the suite takes so long. */
const PATIENCE_MS = 30_000;

/** A command that ran, with one fault or without. */
interface Outcome extends Ran {
  faulty: FaultySys;
  before: Settings;
  after: Settings;
}

async function runVerb(verb: Verb, fault?: Fault): Promise<Outcome> {
  const { line, before = [], typed, machine = () => simulatedMachine().sys } = verb;
  const sys = machine();
  const bindings = new MemoryState();
  for (const earlier of before) {
    const { exit, stderr } = await runCommand(earlier, sys, bindings);
    if (exit !== 0) throw new Error(`${earlier}: exit ${exit}: ${stderr}`);
  }
  const settings = settingsOf(sys);
  const faulty = new FaultySys(sys, fault);
  const ran = await inTime(typing(typed, () => runCommand(line, faulty.sys, bindings)));
  return { ...ran, faulty, before: settings, after: settingsOf(sys) };
}

/** Runs a command with lines that are typed on its terminal, and then Ctrl-D. What it shows there is dropped. */
async function typing<T>(lines: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
  if (lines === undefined) return work();
  const stdin = Object.assign(Readable.from(lines.map((line) => `${line}\n`)), { isTTY: true, setRawMode() {} });
  const own = Object.getOwnPropertyDescriptor(process, 'stdin');
  const write = process.stderr.write;
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true });
  process.stderr.write = () => true;
  try {
    return await work();
  } finally {
    process.stderr.write = write;
    Object.defineProperty(process, 'stdin', own as PropertyDescriptor);
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let uncaught = (_error: unknown): void => {};
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('did not end')), PATIENCE_MS);
    uncaught = (error) => reject(new Error(`nobody could catch: ${error}`));
  });
  late.catch(() => {});
  process.on('uncaughtException', uncaught);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    process.off('uncaughtException', uncaught);
  }
}

/** A case that broke a promise. */
export interface Breach {
  line: string;
  fault: Fault;
  call: string;
  what: string;
  ran: Ran | null;
}

/** Returns a breach as a text for people. */
export function breachText({ line, fault, call, what, ran }: Breach): string {
  const when = fault.lasts ? 'from then on' : 'once';
  const end = ran === null ? '' : `\n    exit ${ran.exit}: ${ran.stderr.trimEnd().replaceAll('\n', '\n    ')}`;
  return `udrv --sim ${line}: call ${fault.at} (${call}) fails ${when} with ${fault.code}: ${what}${end}`;
}

export interface Tally {
  cases: number;
  breaches: Breach[];
}

/** A call of the same kind that was made so often already fails in one way only, each in its turn. */
const OFTEN = 4;

/**
 * Lists the faults that a command can meet: each of its calls fails in each way that it may, once and from then on.
 *
 * @param every takes one in so many of the faults of calls that only look
 */
function* faultsFor(calls: readonly Call[], every: number): Generator<{ fault: Fault; call: Call }> {
  const seen = new Map<string, number>();
  let looks = 0;
  for (const [at, call] of calls.entries()) {
    const kind = `${call.method} ${call.path}`;
    const earlier = seen.get(kind) ?? 0;
    seen.set(kind, earlier + 1);
    const codes = errnosOf(call);
    const all = codes.flatMap((code) =>
      (isLook(call.method) || code === 'ENOBUFS' ? [false] : [false, true]).map((lasts) => ({ at, code, lasts })),
    );
    const faults = earlier < OFTEN ? all : all.slice(earlier % all.length, (earlier % all.length) + 1);
    for (const fault of faults) if (!isLook(call.method) || looks++ % every === 0) yield { fault, call };
  }
}

/**
 * Runs a command once for each fault of {@link faultsFor}.
 *
 * @param most takes so many of them at most, evenly
 */
export async function inject(verb: Verb, { every, most }: { every: number; most: number }): Promise<Tally> {
  const sound = await runVerb(verb);
  const tally: Tally = { cases: 0, breaches: [] };
  if (sound.exit !== 0 && sound.exit !== 6 && sound.exit !== 7)
    throw new Error(`${verb.line}: exit ${sound.exit}: ${sound.stderr}`);
  const faults = [...faultsFor(sound.faulty.calls, every)];
  const step = Math.max(1, faults.length / (verb.isSlow ? most / 10 : most));
  for (let i = 0; i < faults.length; i += step) {
    const { fault, call } = faults[Math.floor(i)] as (typeof faults)[number];
    tally.cases++;
    const breach = { line: verb.line, fault, call: `${call.method} ${call.path}` };
    try {
      const outcome = await runVerb(verb, fault);
      for (const what of breachesOf(verb, outcome, sound)) tally.breaches.push({ ...breach, what, ran: outcome });
    } catch (error) {
      tally.breaches.push({ ...breach, what: String(error), ran: null });
    }
  }
  return tally;
}

/** Lists the promises that a command has broken. */
function* breachesOf(
  { checks }: Verb,
  { exit, stdout, stderr, faulty, before, after }: Outcome,
  sound: Outcome,
): Generator<string> {
  if (!EXITS.has(exit)) yield `exit code ${exit}`;
  const lines = stderr.split('\n').slice(0, -1);
  if (/internal error|^\s+at /m.test(stderr)) yield 'an internal error';
  if (lines.some((line) => !/^(?:udrv|hint): ./.test(line) && !/^ {6}/.test(line))) yield 'a line that is none';
  const errors = lines.filter((line) => line.startsWith('udrv: '));
  const hasVerdict = checks === true && exit === 1 && stdout !== '';
  if (exit !== 0 && errors.length === 0 && !hasVerdict) yield 'an exit code without a line';
  for (const name of faulty.open.values()) {
    // Memory that could not be unmapped stays: the device may still write to it.
    if (name !== 'allocate' || !`${stdout}${stderr}`.includes('IOVA')) yield `left open: ${name}`;
  }
  const wanted = exit === 0 ? sound.after : before;
  // All was done that was asked for, and an error came after it.
  if (differences(sound.after, after).length === 0) return;
  for (const difference of differences(wanted, after)) {
    const [subject = ''] = difference.split(' ');
    const device = subject.replace(/:\d+\.\d+$/, '');
    const naming = lines.filter((line) => line.includes(device));
    // A command for several devices prints those that it has done.
    if (naming.length === 0 && !stdout.includes(device)) yield `not told: ${difference}`;
    else if (exit === 0) yield `exit 0 with ${difference}`;
    // What goes away with a device is not put back.
    else if (exit !== 8 && !stdout.includes(device) && !naming.some((line) => LEFT.test(line)))
      yield `not told that it is left: ${difference}`;
  }
}
