import { prepareActions } from '../../model/action';
import { summarize } from '../../model/statistics';
import { OpenUio } from '../../uio/device';
import type { RearmMode } from '../../uio/interrupt-control';
import type { Context } from '../context';
import { histogram } from '../output/histogram';
import { columns } from '../output/table';
import { interruptible } from '../signals';
import { findOf } from './show';
import { actionsOf } from './target';

interface BenchOptions {
  trigger: string[];
  ack?: string[];
  rearm: RearmMode;
  count: number;
}

/** Longest wait for one interrupt where `--timeout` does not say otherwise. */
const DEFAULT_TIMEOUT_MS = 2000;

export async function benchUio(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  const info = findOf(context, 'uio', selector);
  const triggers = actionsOf(options.trigger, info);
  const acks = actionsOf(options.ack, info);
  if (context.options.dryRun) {
    context.printSteps([
      ...(options.trigger ?? []),
      ...(options.ack ?? []),
      `re-arm ${info.address}: ${options.rearm}`,
    ]);
    return;
  }
  using device = OpenUio.open(context.sys, info, { write: true });
  const trigger = prepareActions(triggers, device);
  const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
  const latencies: number[] = [];
  try {
    return await interruptible((signal) =>
      device.latencies({
        onLatency: (us) => latencies.push(us),
        trigger,
        acknowledge,
        rearm: options.rearm,
        count: options.count,
        timeoutMs: context.options.timeout ?? DEFAULT_TIMEOUT_MS,
        signal,
      }),
    );
  } finally {
    // What was measured before a Ctrl-C or a timeout is still worth showing.
    if (latencies.length > 0) print(context, latencies);
  }
}

function print(context: Context, latencies: readonly number[]): void {
  const summary = summarize(latencies);
  if (context.options.json) {
    context.printJson({ count: latencies.length, latencyUs: summary });
    return;
  }
  const rows = Object.entries(summary).map(([name, value]) => [name, `${value.toFixed(1)} us`.padStart(12)]);
  context.stdout.write(columns([['interrupts', String(latencies.length).padStart(9)], ...rows]));
  if (context.stdout.isTTY) context.stdout.write(`\n${histogram(latencies)}`);
}
