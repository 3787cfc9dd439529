import { summarize } from '../../model/statistics';
import { histogram } from '../output/histogram';
import type { Context } from '../program/context';
import { table } from '../tables/table';

/** Bound on the wait for one interrupt without `--timeout`. */
const DEFAULT_TIMEOUT_MS = 2000;

/** The bound on one interrupt, and the receiver of its latency. */
export interface Measuring {
  timeoutMs: number;
  onLatency: (microseconds: number) => void;
}

/** Measures latencies of interrupts and prints them, also those before a Ctrl-C or a timeout. */
export async function printingLatencies<T>(
  context: Context,
  measure: (measuring: Measuring) => Promise<T>,
): Promise<T> {
  const latencies: number[] = [];
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  try {
    return await measure({ timeoutMs, onLatency: (us) => latencies.push(us) });
  } finally {
    if (latencies.length > 0) printLatencies(context, latencies);
  }
}

/** @param latencies in microseconds */
function printLatencies(context: Context, latencies: readonly number[]): void {
  const summary = summarize(latencies);
  if (context.options.json) {
    context.printJson({ count: latencies.length, latencyUs: summary });
    return;
  }
  const rows = Object.entries(summary).map(([name, value]) => [name, `${value.toFixed(1)} us`.padStart(12)]);
  context.stdout.write(table([['interrupts', String(latencies.length).padStart(9)], ...rows]));
  if (context.stdout.isTTY) context.stdout.write(`\n${histogram(latencies)}`);
}
