import { Samples } from '../../model/samples';
import { histogram } from '../output/histogram';
import { columnsOf, useUnicode } from '../output/terminal';
import type { Context } from '../program/context';
import { caughtUp } from '../program/signals';
import { counted, Progress } from '../status/progress';
import { waitingText } from '../status/waiting';
import { table } from '../tables/table';

/** Bound on the wait for one interrupt without `--timeout`. */
const DEFAULT_TIMEOUT_MS = 2000;

/** The bound on one interrupt, the receiver of its latency, and of how far the measurement is. */
export interface Measuring {
  timeoutMs: number;
  onLatency: (microseconds: number) => void;
  onServed: (done: number) => Promise<void> | undefined;
  onLate: (done: number) => void;
}

/**
 * Measures latencies of interrupts and prints them, also those before a Ctrl-C or a timeout.
 *
 * @param device its address
 */
export async function printingLatencies<T>(
  context: Context,
  device: string,
  count: number,
  measure: (measuring: Measuring) => Promise<T>,
): Promise<T> {
  const latencies = new Samples();
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  const { status } = context;
  using progress = new Progress(status, { unit: counted('interrupts'), total: count });
  try {
    return await measure({
      timeoutMs,
      onLatency: (us) => latencies.add(us),
      onServed(done) {
        progress.update(done);
        return caughtUp();
      },
      onLate: (done) => status.show(waitingText(`interrupts of ${device}`, done)),
    });
  } finally {
    if (latencies.count > 0) printLatencies(context, latencies);
  }
}

/** @param latencies in microseconds */
function printLatencies(context: Context, latencies: Samples): void {
  const summary = latencies.summary();
  if (context.options.json) {
    context.printJson({ count: latencies.count, latencyUs: summary });
    return;
  }
  const rows = Object.entries(summary).map(([name, value]) => [name, `${value.toFixed(1)} us`.padStart(12)]);
  context.stdout.write(table([['interrupts', String(latencies.count).padStart(9)], ...rows]));
  const { stdout, env } = context;
  if (!stdout.isTTY) return;
  stdout.write(
    `\n${histogram(latencies.kept, { columns: columnsOf(stdout, env), utf8: useUnicode(env), each: latencies.each })}`,
  );
}
