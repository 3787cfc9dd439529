import { Exit } from '../../errors';
import type { VfioDevice } from '../../vfio/device/device';
import { chooseTier, type DmaTestReport, dmaDeviceOf, runDmaTest } from '../../vfio/dma-test/run';
import type { CheckResult, DmaTier, Verdict } from '../../vfio/dma-test/tier';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { iommuHardware } from '../../vfio/inspect/iommu-hardware';
import { findVfio, type OpenChoice, openVfio } from '../devices/vfio';
import { visible } from '../output/escape';
import type { Meaning } from '../output/style';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, choice, openOptions } from '../program/options';
import { interruptible } from '../program/signals';
import { Waiting } from '../status/waiting';
import { table } from '../tables/table';

export const command: VerbSpec = {
  description: 'test what the device can reach by DMA, and what the IOMMU keeps it from',
  arguments: [argument('<device>')],
  options: [
    choice(
      '--tier <tier>',
      'generic: no device DMA; else by what the device is',
      ['auto', 'generic', 'edu', 'nvme'],
      'auto',
    ),
    ...openOptions(),
  ],
  does: ['open', 'change'],
  decides: true,
  examples: ['vfio dma-test 0000:00:03.0', 'vfio dma-test 0000:00:03.0 --tier generic -q'],
  run: dmaTest,
};

interface DmaTestOptions extends OpenChoice {
  tier: string;
}

async function dmaTest(context: Context, selector: string, options: DmaTestOptions): Promise<number | undefined> {
  const info = findVfio(context, selector);
  const tier = chooseTier(dmaDeviceOf({ info }), options.tier);
  if (context.options.dryRun) {
    context.printSteps([
      `open ${info.address}, which resets it`,
      `run the checks of the generic tier${tier === null ? '' : `, then those of the ${tier.name} tier, with bus mastering on`}`,
      'put back mappings, interrupts and bus mastering',
    ]);
    return undefined;
  }
  const { json, quiet } = context.options;
  const onCheck = (result: CheckResult) => {
    if (!json && !(quiet && result.verdict === 'pass')) context.stdout.write(line(context, result));
  };
  let running = 'none';
  const onStart = (name: string) => {
    running = name;
    context.status.touch();
  };
  let report: DmaTestReport | undefined;
  const interrupted = await interruptible(async (signal) => {
    using device = openVfio(context, info, { backend: options.backend, vfToken: options.vfToken, mmap: false });
    // Without an IOMMU no check lets the device move data, and one that cannot be opened is not touched.
    if (tier?.warning !== undefined && device.iommu.kind !== 'noiommu')
      context.note(`${info.address}: ${tier.warning}`);
    if (!json && !quiet) context.stdout.write(header(context, device, tier));
    using _waiting = new Waiting(context.status, () => `${info.address}: running the check ${running}; Ctrl-C ends`);
    report = await runDmaTest(context.sys, device, { tier: options.tier, onStart, onCheck, signal });
  });
  if (report === undefined) return interrupted;
  if (json) context.printJson(report);
  else if (interrupted === undefined)
    context.stdout.write(table([[`result: ${resultText(report)}`]], { width: context.width, wrap: true }));
  if (interrupted !== undefined) return interrupted;
  return report.checks.some(({ verdict }) => verdict === 'fail') ? Exit.failed : undefined;
}

/** Names the device, its driver and the IOMMU on one line: a report is worth nothing without it. */
function header(context: Context, { info, backend, iommu }: VfioDevice, tier: DmaTier | null): string {
  const { address, vendorId, deviceId, driver, name, vfio } = info;
  const { sys } = context;
  const hardware = iommuHardware(sys, address);
  const highest = iommu.kind === 'noiommu' ? null : (iommu.info().ranges.at(-1)?.end ?? null);
  const facts = [hardware?.kind, highest === null ? null : `${highest.toString(2).length} bit`].filter(Boolean);
  const type = vfio.group === null ? null : new IommuGroups(sys).get(vfio.group).type;
  const parts = [
    `device ${address} ${vendorId ?? '?'}:${deviceId ?? '?'} (${tier?.title ?? name})`,
    `driver ${driver ?? 'none'}`,
    `backend ${backend}`,
    `IOMMU ${hardware === null ? 'none' : `${hardware.name}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`}`,
    `group ${vfio.group ?? 'none'}${type === null ? '' : ` ${type}`}`,
  ];
  return table([[visible(parts.join('  '))]], { width: context.width, wrap: true });
}

/** Formats the line of a check, which is printed before the next one begins. */
function line({ style, width }: Context, { name, verdict, detail }: CheckResult): string {
  const cell = { text: verdict.toUpperCase(), meaning: MEANINGS[verdict] };
  return table([[cell, name, visible(detail)]], { columns: [{}, { least: 16 }, {}], style, width, wrap: true });
}

const MEANINGS: Record<Verdict, Meaning | undefined> = {
  pass: 'good',
  fail: 'bad',
  skip: undefined,
  inconclusive: 'warning',
};

function resultText({ tier, checks, deviceDma, isolated }: DmaTestReport): string {
  const count = (wanted: Verdict) => checks.filter(({ verdict }) => verdict === wanted).length;
  const counts = (['pass', 'fail', 'skip', 'inconclusive'] as const)
    .map((verdict) => ({ verdict, count: count(verdict) }))
    .filter(({ verdict, count }) => count > 0 || verdict === 'pass' || verdict === 'fail')
    .map(({ verdict, count }) => `${count} ${verdict}`);
  const dma = deviceDma
    ? 'device DMA works'
    : tier === 'generic'
      ? 'no device DMA was performed'
      : 'no device DMA was seen to work';
  const isolation = {
    true: 'IOMMU isolates this device',
    false: 'this device is NOT isolated',
    null: 'whether it is isolated was not found out',
  }[`${isolated}`];
  return `${dma}, ${isolation} (${counts.join(', ')})`;
}
