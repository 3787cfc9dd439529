import { summarize } from '../../model/statistics';
import type { Context } from '../context';
import { histogram } from '../output/histogram';
import { columns } from '../output/table';
import { type InterruptOptions, withInterrupts } from './interrupts';

interface BenchOptions extends InterruptOptions {
  count: number;
}

/** Longest wait for one interrupt where `--timeout` does not say otherwise. */
export const DEFAULT_TIMEOUT_MS = 2000;

export async function benchUio(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  const latencies: number[] = [];
  const { count, rearm } = options;
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  try {
    return await withInterrupts(context, selector, options, ({ device, ...prepared }) =>
      device.latencies({ ...prepared, count, rearm, timeoutMs, onLatency: (us) => latencies.push(us) }),
    );
  } finally {
    // What was measured before a Ctrl-C or a timeout is still worth showing.
    if (latencies.length > 0) printLatencies(context, latencies);
  }
}

/** Latencies of interrupts, in microseconds. */
export function printLatencies(context: Context, latencies: readonly number[]): void {
  const summary = summarize(latencies);
  if (context.options.json) {
    context.printJson({ count: latencies.length, latencyUs: summary });
    return;
  }
  const rows = Object.entries(summary).map(([name, value]) => [name, `${value.toFixed(1)} us`.padStart(12)]);
  context.stdout.write(columns([['interrupts', String(latencies.length).padStart(9)], ...rows]));
  if (context.stdout.isTTY) context.stdout.write(`\n${histogram(latencies)}`);
}
