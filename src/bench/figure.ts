import { Exit, errnoMessage, SysError, UdrvError } from '../errors';
import { Samples } from '../model/samples';
import type { Summary } from '../model/statistics';
import { SERVE_SIGNALS_NS, serveSignals } from '../sys/wait';
import type { IrqName } from '../vfio/device/irq-set';

/** The variant of a figure: `{ backend: 'group', size: 4096 }`. */
export interface Variant {
  readonly backend?: 'group' | 'iommufd';
  /** Bytes of a mapping. */
  readonly size?: number;
  /** Size of the pages behind a mapping: `4K`. */
  readonly pages?: string;
  /** `bar0:0x4` */
  readonly register?: string;
  /** The way to a register, or the origin of an interrupt: the device itself, or the kernel by an eventfd. */
  readonly by?: 'pread' | 'mmap' | 'device' | 'kernel';
  readonly irq?: IrqName;
  readonly endpoint?: string;
  /** Transfers in flight. */
  readonly queue?: number;
}

/** A time that was measured, in microseconds. */
export interface Figure {
  /** `open`, `map`, `interrupt`... */
  figure: string;
  variant: Variant;
  count: number;
  /** Over the whole measurement, what is between two of them included. */
  perSecond: number;
  /** Only of transfers that carry data. */
  bytesPerSecond?: number;
  latencyUs: Summary;
}

/** A figure that could not be measured, or was not asked for. */
export interface Missing {
  figure: string;
  variant: Variant;
  reason: string;
}

export type Result = Figure | Missing;

/** The bounds of each figure: it ends at the first that is reached. */
export interface Bounds {
  count: number;
  seconds: number;
  /** The longest wait for one interrupt, or one transfer. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Takes each result as it is there. */
export type OnResult = (result: Result) => void;

/** Makes a figure of latencies. @param seconds that all of them took */
export function figureOf(figure: string, variant: Variant, latencies: Samples, seconds: number): Figure {
  return {
    figure,
    variant,
    count: latencies.count,
    perSecond: perSecond(latencies.count, seconds),
    latencyUs: latencies.summary(),
  };
}

export const perSecond = (count: number, seconds: number): number => Math.round((count / seconds) * 10) / 10;

/**
 * Runs a measurement, and has the reason as its result where it fails: one that cannot be made is no reason to leave the
 * others out. Does nothing once the signal aborts.
 *
 * @returns whether it has figures
 */
export async function measured(
  onResult: OnResult,
  { signal }: Bounds,
  figure: string,
  variant: Variant,
  measure: () => Promise<readonly Figure[]>,
): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    const figures = await measure();
    figures.forEach(onResult);
    return figures.length > 0;
  } catch (error) {
    onResult({ figure, variant, reason: reasonOf(error) });
    return false;
  }
}

/** Returns why a measurement could not be made. @throws the error where it ends all measurements: the device is gone */
function reasonOf(error: unknown): string {
  if (error instanceof SysError) return errnoMessage(error.code);
  if (error instanceof UdrvError && error.exit !== Exit.gone) return error.message;
  throw error;
}

/** Times calls, each by itself. @returns nothing where the signal aborted before the first */
export async function timeEach(figure: string, variant: Variant, call: () => void, bounds: Bounds): Promise<Figure[]> {
  const latencies = new Samples();
  const seconds = await inLoop(bounds, (now) => {
    const start = now();
    call();
    latencies.add(Number(now() - start) / 1000);
  });
  return latencies.count === 0 ? [] : [figureOf(figure, variant, latencies, seconds)];
}

/** Times the open of something and its close, in turns: the figures `open` and `close`. */
export async function timeOpens(variant: Variant, open: () => { close(): void }, bounds: Bounds): Promise<Figure[]> {
  const opens = new Samples();
  const closes = new Samples();
  const seconds = await inLoop(bounds, (now) => {
    const start = now();
    const opened = open();
    const middle = now();
    opened.close();
    closes.add(Number(now() - middle) / 1000);
    opens.add(Number(middle - start) / 1000);
  });
  if (opens.count === 0) return [];
  return [figureOf('open', variant, opens, seconds), figureOf('close', variant, closes, seconds)];
}

/** Runs a step until there are enough, once at least, and serves signals between two. @returns the seconds that it took */
async function inLoop({ count, seconds, signal }: Bounds, step: (now: () => bigint) => void): Promise<number> {
  const now = process.hrtime.bigint;
  const begin = now();
  const end = begin + BigInt(Math.round(seconds * 1e9));
  let served = begin;
  for (let done = 0; done < count && !signal.aborted && (done === 0 || now() < end); done++) {
    step(now);
    if (now() - served < SERVE_SIGNALS_NS) continue;
    await serveSignals();
    served = now();
  }
  return Number(now() - begin) / 1e9;
}

/** Makes a signal that aborts with another, or once the time has passed and somebody asks whether it has. */
export function within({ seconds, signal }: Bounds): { signal: AbortSignal; onServed: () => void } {
  const controller = new AbortController();
  const end = performance.now() + seconds * 1000;
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    onServed: () => {
      if (performance.now() >= end) controller.abort();
    },
  };
}
