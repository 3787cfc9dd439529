import type { Bounds, Figure, Missing, Result } from '../../bench/figure';
import { type BenchMachine, readBenchMachine } from '../../bench/machine';
import {
  type BenchDevice,
  type BenchReport,
  benchDevice,
  benchKernel,
  benchSteps,
  describeBenchDevice,
} from '../../bench/report';
import { type DeviceWork, workFor } from '../../bench/work';
import { listDevices } from '../../devices/list';
import { usageError } from '../../errors';
import type { DeviceInfo } from '../../model/device';
import type { Location } from '../../model/location';
import { parseCount, parseSize } from '../../model/notation';
import { NO_NAMES } from '../../names/database';
import { sizeText } from '../../text/size';
import { findNamed } from '../devices/find';
import type { BenchReportDocument } from '../documents/benchmarks';
import { visible } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option, repeatable } from '../program/options';
import { parseAction, parseLocation } from '../program/parse';
import { interruptible } from '../program/signals';
import { Waiting } from '../status/waiting';
import { factTable, titleLine } from '../tables/facts';
import type { Column } from '../tables/row';
import { table } from '../tables/table';
import { parseEndpoint } from '../transfers/open';
import { parseQueues, parseSeconds } from '../transfers/options';

export const command: VerbSpec = {
  description: 'measure all that udrv can of this machine, and of the devices that are named',
  arguments: [argument('[device...]', 'devices to open, reset, interrupt and map memory for', {})],
  options: [
    repeatable('--register <location>', 'a register that may be read: REGION:OFFSET[/WIDTH]; repeatable'),
    repeatable('--trigger <action>', 'makes a device raise its interrupt; repeatable'),
    repeatable('--ack <action>', 'silences a device after each interrupt; repeatable'),
    repeatable('--endpoint <endpoint>', 'a bulk endpoint to read, or to write zeros to; repeatable'),
    option('--queue <list>', 'transfers in flight, as in 1,4,16', parseQueues, [1, 4, 16]),
    option('--max-size <size>', 'the largest mapping (1G)', parseSize),
    option('--seconds <s>', 'the longest time for a figure', parseSeconds, 1),
    option('-c, --count <n>', 'how often a figure is measured, at most', parseCount, 1000),
  ],
  does: ['open', 'wait', 'change'],
  examples: [
    'bench report --seconds 0.1',
    '--json bench report uio0 1-2 --register map0:0x0 --endpoint 0x81 --seconds 0.02 -c 20',
  ],
  run: report,
};

const MAX_SIZE = 2 ** 30;
/** Bound on the wait for one interrupt or transfer, without `--timeout`. */
const DEFAULT_TIMEOUT_MS = 2000;

interface ReportOptions {
  register?: string[];
  trigger?: string[];
  ack?: string[];
  endpoint?: string[];
  queue: number[];
  maxSize?: number;
  seconds: number;
  count: number;
}

async function report(context: Context, selectors: string[], options: ReportOptions): Promise<number | undefined> {
  const { sys } = context;
  const { sysroot, snapshot, dryRun } = context.options;
  if (sysroot !== undefined || snapshot !== undefined)
    throw usageError('bench report', 'a recording cannot be measured', 'udrv list shows its devices');
  const devices = selectors.map((selector) => findNamed(context, undefined, selector, context.names));
  const work = parseWork(options);
  mustBeUsed(devices, work, options);
  const steps = devices.flatMap((info) => benchSteps(info, work));
  if (dryRun) {
    context.printSteps(['write and read an eventfd, and list all devices', ...steps]);
    return undefined;
  }
  for (const step of steps) context.note(step);
  return await interruptible(async (signal) => {
    const { options: global, stdout, status } = context;
    const { timeout: timeoutMs = DEFAULT_TIMEOUT_MS } = global;
    const bounds: Bounds = { count: options.count, seconds: options.seconds, timeoutMs, signal };
    const document: BenchReport = {
      schema: 'udrv.bench-report/1',
      simulated: global.sim !== undefined && global.sim !== false,
      complete: false,
      time: new Date().toISOString(),
      machine: readBenchMachine(sys),
      results: [],
      devices: [],
    };
    const print = (text: string) => {
      if (!global.json) stdout.write(text);
    };
    let last = '';
    using _ = new Waiting(status, () => `measuring${last === '' ? '' : `; the last was ${last}`}`);
    const into = (results: Result[]) => (result: Result) => {
      results.push(result);
      last = labelOf(result);
      status.touch();
    };
    print(machineText(context, document));
    try {
      await benchKernel(sys, bounds, into(document.results));
      print(resultsText(context, document.results));
      for (const info of devices) {
        if (signal.aborted) return;
        const device = describeBenchDevice(sys, info);
        document.devices.push(device);
        try {
          await benchDevice(sys, info, work, bounds, into(device.results));
        } finally {
          print(`\n${deviceText(context, device)}${resultsText(context, device.results)}`);
        }
      }
      document.complete = !signal.aborted;
    } finally {
      if (global.json) context.printJson(toJson(document));
    }
    if (devices.length === 0) noteDevices(context);
  });
}

function parseWork({
  register = [],
  trigger = [],
  ack = [],
  endpoint = [],
  queue,
  maxSize = MAX_SIZE,
}: ReportOptions): DeviceWork {
  return {
    registers: register.map(parseRegister),
    trigger: trigger.map((text) => parseAction(text)),
    acknowledge: ack.map((text) => parseAction(text)),
    endpoints: endpoint.map(parseEndpoint),
    queues: queue,
    maxSize,
  };
}

function parseRegister(text: string): Location {
  const location = parseLocation(text, 4);
  if (location !== null) return location;
  throw usageError(text, 'is not a register', 'write REGION:OFFSET, as in bar0:0x0 or map0:0x10/2');
}

/** Refuses options that are for none of the devices, before one is opened. */
function mustBeUsed(devices: readonly DeviceInfo[], work: DeviceWork, options: ReportOptions): void {
  const own = devices.map((device) => workFor(device, work));
  const unused = (given: readonly unknown[], used: (one: DeviceWork) => readonly unknown[]) =>
    given.findIndex((value) => !own.some((one) => used(one).includes(value)));
  for (const [name, texts, index] of [
    ['--register', options.register, unused(work.registers, ({ registers }) => registers)],
    ['--trigger', options.trigger, unused(work.trigger, ({ trigger }) => trigger)],
    ['--ack', options.ack, unused(work.acknowledge, ({ acknowledge }) => acknowledge)],
    ['--endpoint', options.endpoint, unused(work.endpoints, ({ endpoints }) => endpoints)],
  ] as const)
    if (index >= 0) throw usageError(name, `none of the devices has ${texts?.[index]}`);
}

/** Says what could be measured besides. */
function noteDevices(context: Context): void {
  const addresses = listDevices(context.sys, NO_NAMES).map(({ address }) => address);
  if (addresses.length > 0) context.note(`devices can be measured too: udrv bench report ${addresses[0]}`);
}

/** The document as it is printed: each result has its variant's fields beside its own. */
function toJson(report: BenchReport): BenchReportDocument {
  const results = (all: readonly Result[]) =>
    all.map(({ figure, variant, ...rest }) => ({ figure, ...variant, ...rest }));
  const devices = report.devices.map((device) => ({ ...device, results: results(device.results) }));
  return { ...report, results: results(report.results), devices };
}

function machineText({ style, width }: Context, { machine, simulated, time }: BenchReport): string {
  const { name, product, kernel, cpu, cpus, memory, iommus, iommuModes, node }: BenchMachine = machine;
  const modes = iommuModes.length === 0 ? '' : `; groups: ${iommuModes.join(', ')}`;
  return factTable(
    [
      [
        'machine',
        simulated ? 'simulated: its figures mean nothing' : [name, product].filter(Boolean).join(', ') || null,
      ],
      ['kernel', kernel],
      ['cpu', cpu === null ? null : `${cpus} x ${cpu}`],
      ['memory', memory === null ? null : `${(memory / 2 ** 30).toFixed(1)} GiB`],
      ['iommu', iommus.length === 0 ? 'none' : `${iommus.join(', ')}${modes}`],
      ['node', node],
      ['time', time],
    ],
    { style, width, wrap: true },
  );
}

function deviceText({ style, width }: Context, device: BenchDevice): string {
  const { address, vendorId, deviceId, name, driver, iommu } = device;
  const ids = vendorId === null ? '' : `${vendorId}:${deviceId}`;
  const title = titleLine([address, ids, driver ?? '', name], { style, width });
  const unit = iommu === null ? null : [iommu.name, iommu.kind, iommu.mode].filter((part) => part !== null).join(', ');
  return `${title}${factTable([['iommu', unit]], { style, width, wrap: true })}`;
}

const COLUMNS: readonly Column[] = [
  { title: 'FIGURE', least: 30 },
  ...['P50 us', 'P99 us', 'MAX us', 'PER SECOND'].map((title) => ({ title, align: 'right', least: 9 }) as const),
];

function resultsText({ style, width }: Context, results: readonly Result[]): string {
  const figures = results.filter((result): result is Figure => !('reason' in result));
  const missing = results.filter((result): result is Missing => 'reason' in result);
  const rows = figures.map((figure) => {
    const { p50, p99, max } = figure.latencyUs;
    return [visible(labelOf(figure)), ...[p50, p99, max].map((us) => us.toFixed(1)), rateOf(figure)];
  });
  const measured = rows.length === 0 ? '' : table(rows, { columns: COLUMNS, headings: true, style, width });
  const reasons = missing.map((result) => [`  ${labelOf(result)}`, result.reason] as const);
  const rest = missing.length === 0 ? '' : `not measured:\n${factTable(reasons, { style, width, wrap: true })}`;
  return `${measured}${rest}`;
}

const rateOf = ({ perSecond, bytesPerSecond }: Figure) =>
  bytesPerSecond === undefined ? perSecond.toFixed(0) : `${(bytesPerSecond / 2 ** 20).toFixed(1)} MiB`;

const INTERRUPTS: Readonly<Record<string, string>> = { intx: 'INTx', msi: 'MSI', msix: 'MSI-X' };

/** Names a result: `map 4K, group, pages of 4K`. */
function labelOf({ figure, variant }: Result): string {
  const { register, by, irq, backend, size, pages, endpoint, queue } = variant;
  const parts = [
    [figure, register, INTERRUPTS[irq ?? ''], endpoint, size === undefined ? undefined : sizeText(Number(size))],
    [by === undefined ? undefined : `by ${by}`],
    [backend],
    [pages === undefined ? undefined : `pages of ${pages}`],
    [queue === undefined ? undefined : `${queue} in flight`],
  ];
  return parts
    .map((words) => words.filter((word) => word !== undefined).join(' '))
    .filter((part) => part !== '')
    .join(', ');
}
