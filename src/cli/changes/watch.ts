import { Exit, UdrvError } from '../../errors';
import type { Word } from '../../sys/sys';
import { pause } from '../../sys/wait';
import type { Context } from '../program/context';
import { DEFAULT_INTERVAL_MS } from '../program/options';
import { caughtUp, interruptible, signalCheck } from '../program/signals';
import { type FindTarget, type OpenTarget, openTarget } from '../registers/target';
import { type Change, type ChangesView, lineView } from './lines';
import { type Cells, noteUnread, nothingLeft, type PartsOptions, parseParts } from './parts';

export interface WatchOptions extends PartsOptions {
  swap?: boolean;
  interval?: number;
  count?: number;
}

/** Words between two looks for a signal. */
const PIECE = 256;

/**
 * Reads registers of a device again and again, and shows what changes: on a terminal in place, else a line a change. A
 * device that goes away, sleeps or is switched off ends it, where a read would give all ones, or a signal.
 *
 * @param words a region and ranges in it, places, or names in a map
 * @throws UdrvError exit 6 where `--timeout` passes without a change, 8 where the device goes away
 */
export async function watchRegisters(
  context: Context,
  find: FindTarget,
  selector: string,
  words: readonly string[],
  options: WatchOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const { address } = target;
  const parts = parseParts(context, target, words, options);
  return await interruptible(async (signal) => {
    using device = openTarget(target, { write: false, swap: options.swap === true });
    const prepared = parts.map((part) => part.prepare(device));
    noteUnread(
      context,
      address,
      prepared.flatMap(({ unread }) => unread),
    );
    if (prepared.every(({ cells }) => cells.length === 0)) throw nothingLeft(address);
    const regions = [...new Set(parts.map(({ region }) => region))];
    await watch(context, { address, device, regions, parts: prepared, signal }, options);
  });
}

interface Watched {
  address: string;
  device: OpenTarget;
  regions: readonly string[];
  parts: readonly Cells[];
  signal: AbortSignal;
}

async function watch(
  context: Context,
  watched: Watched,
  { interval = DEFAULT_INTERVAL_MS, count = Number.POSITIVE_INFINITY }: WatchOptions,
) {
  const { address, parts, signal } = watched;
  const { timeout } = context.options;
  let values = await readAll(watched);
  if (values === null) return;
  const cells = parts.flatMap((part) => part.cells);
  const quit = new AbortController();
  const ended = AbortSignal.any([signal, quit.signal]);
  using view = makeView(context, watched, interval, () => quit.abort());
  // At once: a second signal kills, and the terminal has to be as it was by then.
  signal.addEventListener('abort', () => view.leave?.(), { once: true });
  view.show([], values, new Date());
  let deadline = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  for (let reading = 0; reading < count; reading++) {
    const left = deadline - performance.now();
    if ((await pause(Math.min(interval, left), ended)) === 'aborted') return;
    const after = await readAll(watched);
    if (after === null) return;
    const changes: Change[] = [];
    for (const [index, cell] of cells.entries()) {
      const [before, now] = [values[index] ?? 0, after[index] ?? 0];
      if (before !== now) changes.push({ index, cell, before, after: now });
    }
    values = after;
    view.show(changes, values, new Date());
    await caughtUp();
    if (changes.length > 0) deadline = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
    else if (performance.now() >= deadline) throw nothingChanged(address, timeout ?? 0);
  }
}

/** Reads all registers once. @returns null where a signal ended it */
async function readAll({ device, regions, parts, signal }: Watched): Promise<Word[] | null> {
  for (const region of regions) device.mustAnswer?.(region);
  const interrupted = signalCheck(signal);
  const values: Word[] = [];
  for (const part of parts)
    for (const word of part.read()) {
      values.push(word);
      if (values.length % PIECE === 0 && (await interrupted())) return null;
    }
  return values;
}

function makeView(context: Context, { address, parts }: Watched, interval: number, quit: () => void): ChangesView {
  const { stdout, options, env } = context;
  if (options.json || !stdout.isTTY || env['TERM'] === 'dumb') return lineView(context, address);
  // Loaded only on a terminal.
  const { ScreenView } = require('./screen-view') as typeof import('./screen-view');
  return new ScreenView(context, `${address} every ${interval / 1000} s`, parts, quit);
}

function nothingChanged(device: string, timeoutMs: number): UdrvError {
  return new UdrvError(`nothing changed within ${timeoutMs} ms`, { code: 'ETIMEDOUT', exit: Exit.timeout, device });
}
