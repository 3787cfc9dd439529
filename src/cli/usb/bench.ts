import { usageError } from '../../errors';
import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import { transferError } from '../../usb/transfer/failure';
import type { Measurement } from '../../usb/transfer/measure';
import { findOf } from '../devices/find';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { Progress, SECONDS } from '../status/progress';
import type { Column } from '../tables/row';
import { table } from '../tables/table';
import { type EndpointOptions, endpointSteps, parseEndpoint, withEndpoint, withUsb } from '../transfers/open';
import { altOption, parseQueues, parseSeconds, parseTransferSize, takeOptions } from '../transfers/options';

export const command: VerbSpec = {
  description: 'measure throughput and latency by the number of transfers in flight',
  arguments: [
    argument('<device>'),
    argument('<endpoint>', '0x81 in, 0x01 out (sends zeros); 0 is the control endpoint'),
  ],
  options: [
    option('--size <n>', 'bytes in a transfer (64K)', parseTransferSize),
    option('--queue <list>', 'transfers in flight, as in 1,4,16', parseQueues, [1, 4, 16]),
    option('--seconds <s>', 'how long each is measured', parseSeconds, 3),
    altOption(),
    ...takeOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: ['usb bench 1-2 0x81 --queue 1,4 --seconds 0.2', 'usb bench 1-2 0 --seconds 0.2'],
  run: bench,
};

interface BenchOptions extends EndpointOptions {
  size?: number;
  queue: number[];
  seconds: number;
}

const DEFAULT_SIZE = 64 * 1024;
/** wLength has 16 bits. */
const MOST_CONTROL = 0xffff;
/** Bound on a transfer without `--timeout`: a device that stops must not stop the benchmark. */
const DEFAULT_TIMEOUT_MS = 2000;

/** Measures throughput and latency by the number of transfers in flight; on endpoint 0, the round trip of a control request. */
async function bench(
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
  if (control && size > MOST_CONTROL)
    throw usageError('--size', `${size} is more than a control request has: ${MOST_CONTROL} bytes at most`);
  if (context.options.dryRun) {
    const runs = (control ? [1] : options.queue).map(
      (depth) => `${size} bytes, ${depth} in flight, for ${options.seconds} s`,
    );
    context.printSteps(
      found === null
        ? runs.map((run) => `${info.address} control: ${run}`)
        : endpointSteps(info, found, options, ...runs),
    );
    return undefined;
  }
  const runs: Measurement[] = [];
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  const work: Parameters<typeof withUsb>[2] = async (usb, signal) => {
    const queues = control ? [1] : options.queue;
    for (const [done, queue] of queues.entries()) {
      if (signal.aborted) return;
      const { seconds } = options;
      const title = `queue ${queue} (${done + 1} of ${queues.length})`;
      using progress = new Progress(context.status, { unit: SECONDS, total: seconds, title });
      const onServed = (measured: number) => progress.update(measured);
      const run = await usb.measure(address, { size, queue, seconds, timeoutMs, signal, onServed });
      if (run.transfers > 0) runs.push(run);
      const name = control ? 'control' : endpointName(address);
      const error = transferError(run, { subject: `${info.address} ${name}`, device: info.address, timeoutMs });
      if (error !== null) throw error;
    }
  };
  try {
    return await (found === null ? withUsb(context, info, work) : withEndpoint(context, info, found, options, work));
  } finally {
    // The runs before a Ctrl-C or an error are still worth showing.
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
    context.printJson({ schema: 'udrv.usb.bench/1', device, endpoint: endpointName(address), size, runs: rows });
    return;
  }
  const rows = runs.map(({ queue, actual, transfers, seconds, latencyUs: { p50, p90, p99, max } }) => [
    String(queue),
    (actual / seconds / 2 ** 20).toFixed(2),
    (transfers / seconds).toFixed(0),
    ...[p50, p90, p99, max].map((us) => us.toFixed(1)),
  ]);
  const { style, width } = context;
  context.stdout.write(table(rows, { columns: COLUMNS, headings: true, style, width }));
}

const COLUMNS: readonly Column[] = [
  { title: 'QUEUE', align: 'right' },
  { title: 'MiB/s', align: 'right', least: 8 },
  { title: 'TRANSFERS/s', align: 'right' },
  ...['P50 us', 'P90 us', 'P99 us', 'MAX us'].map((title) => ({ title, align: 'right', least: 8 }) as const),
];

const round = (value: number, to: number) => Math.round(value * to) / to;
