import { usageError } from '../../errors';
import { parseCount, parseSize } from '../../model/notation';
import type { Summary } from '../../model/statistics';
import { sizeText } from '../../text/size';
import type { VfioDevice } from '../../vfio/device/device';
import { type MapLatencies, measureMappings } from '../../vfio/dma/map-latency';
import { findVfio, openVfio } from '../devices/vfio';
import { printingLatencies } from '../interrupts/latencies';
import { ackOption, benchTriggerOption, irqOption, vectorOption } from '../interrupts/options';
import { type VfioInterruptOptions, withVfioInterrupts } from '../interrupts/vfio';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions, option } from '../program/options';
import { caughtUp, interruptible } from '../program/signals';
import { mapOption } from '../registers/options';
import { counted, Progress } from '../status/progress';
import type { Column } from '../tables/row';
import { table } from '../tables/table';

export const command: VerbSpec = {
  description: 'measure the latency of mapping and unmapping, or with --trigger of interrupts',
  arguments: [argument('<device>')],
  options: [
    benchTriggerOption(),
    ackOption(),
    mapOption(),
    irqOption(),
    vectorOption('--vector <n>', 'which vector'),
    option('--sizes <list>', 'sizes of mappings, such as 4K,2M'),
    option('-c, --count <n>', 'how many interrupts, or mappings of each size', parseCount, 1000),
    ...openOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: [
    'vfio bench 0000:00:03.0 --sizes 4K,2M -c 100',
    'vfio bench 0000:00:03.0 --trigger bar0:0x60=1 --ack bar0:0x64=1 -c 100',
  ],
  run: bench,
};

interface BenchOptions extends VfioInterruptOptions {
  sizes?: string;
  count: number;
}

const DEFAULT_SIZES = '4K,64K,2M';

/** The largest mapping: nobody needs more for a latency, and all of it is pinned. */
const MAX_SIZE = 2 ** 30;

async function bench(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  return options.trigger === undefined
    ? await benchMappings(context, selector, options)
    : await benchInterrupts(context, selector, options);
}

async function benchInterrupts(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  if (options.sizes !== undefined)
    throw usageError('--sizes', 'is for mappings; with --trigger, interrupts are measured');
  const { count } = options;
  // Registers through mappings, as a driver that minds latency has them.
  const fast = { ...options, fast: true };
  return await printingLatencies(context, selector, count, (measuring) =>
    withVfioInterrupts(context, selector, fast, ({ device, vectors, ...prepared }) => {
      if (vectors.last !== vectors.first) throw usageError('--vector', 'one vector is measured');
      return device.latencies({ ...prepared, ...measuring, vector: vectors.first, count });
    }),
  );
}

async function benchMappings(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  if (options.ack !== undefined || options.irq !== undefined || options.vector !== undefined)
    throw usageError('--ack, --irq and --vector', 'are for interrupts: give a --trigger too');
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
  return interruptible(async (signal) => {
    using device = openVfio(context, info, { backend: options.backend, vfToken: options.vfToken, mmap: false });
    const results: MapLatencies[] = [];
    const onResult = (result: MapLatencies) => results.push(result);
    try {
      for (const size of sizes) {
        const title = `${sizeText(size)} (${results.length + 1} of ${sizes.size})`;
        using progress = new Progress(context.status, { unit: counted('mappings'), total: options.count, title });
        const onServed = (done: number) => {
          progress.update(done);
          return caughtUp();
        };
        await measureMappings(device, { size, count: options.count, signal, onResult, onServed });
      }
    } finally {
      if (results.length > 0) print(context, device, results);
    }
  });
}

function parseMapSize(text: string): number {
  const size = parseSize(text);
  if (size < 1 || size > MAX_SIZE) throw usageError(text, 'is no size to map: 1 byte to 1G, rounded up to whole pages');
  return size;
}

function print(context: Context, device: VfioDevice, results: readonly MapLatencies[]): void {
  const summaries = results.map(({ size, both, map, unmap }) => ({
    size,
    count: both.count,
    latencyUs: both.summary(),
    mapUs: map.summary(),
    unmapUs: unmap.summary(),
  }));
  if (context.options.json) {
    const { info, backend } = device;
    context.printJson({ schema: 'udrv.vfio.bench/1', device: info.address, backend, sizes: summaries });
    return;
  }
  const row = (size: number, what: string, { min, p50, p90, p99, max }: Summary) => [
    String(size),
    what,
    ...[min, p50, p90, p99, max].map((us) => us.toFixed(1)),
  ];
  const rows = summaries.flatMap(({ size, mapUs, unmapUs }) => [row(size, 'map', mapUs), row(size, 'unmap', unmapUs)]);
  const { style, width } = context;
  context.stdout.write(table(rows, { columns: COLUMNS, headings: true, style, width }));
}

const COLUMNS: readonly Column[] = [
  { title: 'SIZE', align: 'right', least: 10 },
  { title: '' },
  ...['MIN us', 'P50', 'P90', 'P99', 'MAX'].map((title) => ({ title, align: 'right', least: 9 }) as const),
];
