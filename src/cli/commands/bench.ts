import { summarize } from '../../model/statistics';
import type { Context } from '../context';
import { histogram } from '../output/histogram';
import { columns } from '../output/table';
import { type InterruptOptions, withInterrupts } from './interrupts';

interface BenchOptions extends InterruptOptions {
  count: number;
}

/** Longest wait for one interrupt where `--timeout` does not say otherwise. */
const DEFAULT_TIMEOUT_MS = 2000;

export async function benchUio(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  const { count, rearm } = options;
  return await showingLatencies(context, (measuring) =>
    withInterrupts(context, selector, options, ({ device, ...prepared }) =>
      device.latencies({ ...prepared, ...measuring, count, rearm }),
    ),
  );
}

/** What a measurement of interrupts is told: how long one may take, and where its latency goes. */
export interface Measuring {
  timeoutMs: number;
  onLatency: (microseconds: number) => void;
}

/** Measures, and shows what was measured, also before a Ctrl-C or a timeout. */
export async function showingLatencies<T>(context: Context, measure: (measuring: Measuring) => Promise<T>): Promise<T> {
  const latencies: number[] = [];
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  try {
    return await measure({ timeoutMs, onLatency: (us) => latencies.push(us) });
  } finally {
    if (latencies.length > 0) printLatencies(context, latencies);
  }
}

/** Latencies of interrupts, in microseconds. */
function printLatencies(context: Context, latencies: readonly number[]): void {
  const summary = summarize(latencies);
  if (context.options.json) {
    context.printJson({ count: latencies.length, latencyUs: summary });
    return;
  }
  const rows = Object.entries(summary).map(([name, value]) => [name, `${value.toFixed(1)} us`.padStart(12)]);
  context.stdout.write(columns([['interrupts', String(latencies.length).padStart(9)], ...rows]));
  if (context.stdout.isTTY) context.stdout.write(`\n${histogram(latencies)}`);
}
