import { usageError } from '../../errors';
import { type Summary, summarize } from '../../model/statistics';
import type { Backend } from '../../vfio/device/backend';
import type { VfioDevice } from '../../vfio/device/device';
import { type MapLatencies, measureMappings } from '../../vfio/dma/map-latency';
import type { Context } from '../context';
import { columns } from '../output/table';
import { parseSize } from '../parse';
import { interruptible } from '../signals';
import { showingLatencies } from './bench';
import { findVfio, openVfio } from './target';
import { type VfioInterruptOptions, withVfioInterrupts } from './vfio-interrupts';

interface BenchOptions extends VfioInterruptOptions {
  backend: Backend;
  sizes?: string;
  count: number;
}

const DEFAULT_SIZES = '4K,64K,2M';

/** Nobody needs more for a latency, and all of it is pinned. */
const MAX_SIZE = 2 ** 30;

export async function benchVfio(
  context: Context,
  selector: string,
  options: BenchOptions,
): Promise<number | undefined> {
  return options.trigger === undefined
    ? await benchMappings(context, selector, options)
    : await benchInterrupts(context, selector, options);
}

async function benchInterrupts(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  if (options.sizes !== undefined)
    throw usageError('--sizes', 'is of mappings; with --trigger, interrupts are measured');
  const { count } = options;
  // As a driver that minds latency does.
  const fast = { ...options, fast: true };
  return await showingLatencies(context, (measuring) =>
    withVfioInterrupts(context, selector, fast, ({ device, vectors, ...prepared }) => {
      if (vectors.last !== vectors.first) throw usageError('--vector', 'one vector is measured');
      return device.latencies({ ...prepared, ...measuring, vector: vectors.first, count });
    }),
  );
}

async function benchMappings(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  if (options.ack !== undefined || options.irq !== undefined || options.vector !== undefined)
    throw usageError('--ack, --irq and --vector', 'are of interrupts: give a --trigger too');
  const info = findVfio(context, selector);
  const page = context.sys.pageSize;
  const wholePages = (size: number) => Math.ceil(size / page) * page;
  const sizes = new Set((options.sizes ?? DEFAULT_SIZES).split(',').map(parseMapSize).map(wholePages));
  if (context.options.dryRun) {
    context.printSteps([
      `open ${info.address}, which resets it`,
      ...Array.from(sizes, (size) => `map and unmap ${size} bytes, ${options.count} times`),
    ]);
    return undefined;
  }
  using device = openVfio(context, info, { backend: options.backend });
  const results: MapLatencies[] = [];
  try {
    return await interruptible(async (signal) => {
      for (const size of sizes)
        await measureMappings(context.sys, device, {
          size,
          count: options.count,
          signal,
          onResult: (r) => results.push(r),
        });
    });
  } finally {
    if (results.length > 0) print(context, device, results);
  }
}

function parseMapSize(text: string): number {
  const size = parseSize(text);
  if (size < 1 || size > MAX_SIZE) throw usageError(text, 'is no size to map: 1 byte to 1G, rounded up to whole pages');
  return size;
}

function print(context: Context, device: VfioDevice, results: readonly MapLatencies[]): void {
  const summaries = results.map(({ size, both, map, unmap }) => ({
    size,
    count: both.length,
    latencyUs: summarize(both),
    mapUs: summarize(map),
    unmapUs: summarize(unmap),
  }));
  if (context.options.json) {
    context.printJson({ device: device.info.address, backend: device.backend, sizes: summaries });
    return;
  }
  const row = (size: number, what: string, { min, p50, p90, p99, max }: Summary) => [
    String(size).padStart(10),
    what.padEnd(5),
    ...[min, p50, p90, p99, max].map((us) => `${us.toFixed(1)}`.padStart(9)),
  ];
  const rows = summaries.flatMap(({ size, mapUs, unmapUs }) => [row(size, 'map', mapUs), row(size, 'unmap', unmapUs)]);
  const titles = ['SIZE'.padStart(10), '', ...['MIN us', 'P50', 'P90', 'P99', 'MAX'].map((title) => title.padStart(9))];
  context.stdout.write(columns(rows, { titles, style: context.style }));
}
