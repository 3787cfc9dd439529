import { usageError } from '../../errors';
import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import type { Measurement } from '../../usb/transfer/measure';
import type { Context } from '../context';
import { columns } from '../output/table';
import { findOf } from './find';
import { steps, withEndpoint } from './usb-bulk';
import { parseEndpoint, type TakeOptions, withUsb } from './usb-open';
import { transferError } from './usb-result';

interface BenchOptions extends TakeOptions {
  size?: number;
  queue: number[];
  seconds: number;
  alt?: number;
}

const DEFAULT_SIZE = 64 * 1024;
/** Where `--timeout` does not say otherwise: a device that stops must not stop the benchmark. */
const DEFAULT_TIMEOUT_MS = 2000;

/** Throughput and latency by the number of transfers in flight; of endpoint 0, the round trip of a control request. */
export async function benchUsb(
  context: Context,
  selector: string,
  endpoint: string,
  options: BenchOptions,
): Promise<number | undefined> {
  const control = /^(0|0x0|0x00|0x80|128)$/i.test(endpoint);
  const address = control ? 0x80 : parseEndpoint(endpoint);
  const info = findOf(context, 'usb', selector);
  const found = control ? null : findEndpoint(info, address, { alt: options.alt, types: ['bulk', 'interrupt'] });
  const size = options.size ?? (control ? 18 : Math.max(DEFAULT_SIZE, found?.endpoint.maxPacketSize ?? 0));
  if (found !== null && address & 0x80 && size % found.endpoint.maxPacketSize !== 0)
    throw usageError(
      '--size',
      `${size} is not a multiple of the endpoint's packet size, ${found.endpoint.maxPacketSize}`,
    );
  if (context.options.dryRun) {
    const runs = (control ? [1] : options.queue).map(
      (depth) => `${size} bytes, ${depth} in flight, for ${options.seconds} s`,
    );
    context.printSteps(
      found === null ? runs.map((run) => `${info.address} control: ${run}`) : steps(info, found, options, ...runs),
    );
    return undefined;
  }
  const runs: Measurement[] = [];
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  const work: Parameters<typeof withUsb>[2] = async (usb, signal) => {
    for (const queue of control ? [1] : options.queue) {
      if (signal.aborted) return;
      const run = await usb.measure(address, { size, queue, seconds: options.seconds, timeoutMs, signal });
      if (run.transfers > 0) runs.push(run);
      const name = control ? 'control' : endpointName(address);
      const error = transferError(run, { subject: `${info.address} ${name}`, device: info.address, timeoutMs });
      if (error !== null) throw error;
    }
  };
  try {
    return await (found === null ? withUsb(context, info, work) : withEndpoint(context, info, found, options, work));
  } finally {
    // What was measured before a Ctrl-C or an error is still worth showing.
    if (runs.length > 0) print(context, info.address, address, size, runs);
  }
}

function print(context: Context, device: string, address: number, size: number, runs: readonly Measurement[]): void {
  if (context.options.json) {
    const rows = runs.map(({ queue, actual, transfers, seconds, latencyUs }) => ({
      queue,
      bytes: actual,
      transfers,
      seconds: round(seconds, 1000),
      bytesPerSecond: Math.round(actual / seconds),
      latencyUs,
    }));
    context.printJson({ device, endpoint: endpointName(address), size, runs: rows });
    return;
  }
  const rows = runs.map(({ queue, actual, transfers, seconds, latencyUs: { p50, p90, p99, max } }) =>
    [
      String(queue),
      (actual / seconds / 2 ** 20).toFixed(2),
      (transfers / seconds).toFixed(0),
      ...[p50, p90, p99, max].map((us) => us.toFixed(1)),
    ].map((cell, i) => cell.padStart(TITLES[i]?.length ?? 0)),
  );
  context.stdout.write(columns(rows, { titles: TITLES, style: context.style }));
}

const TITLES = ['QUEUE', '   MiB/s', 'TRANSFERS/s', '  P50 us', '  P90 us', '  P99 us', '  MAX us'];

const round = (value: number, to: number) => Math.round(value * to) / to;
