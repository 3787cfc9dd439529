import { Exit } from '../../errors';
import type { VfioBackend } from '../../vfio/device/backend';
import type { VfioDevice } from '../../vfio/device/device';
import { chooseTier, type DmaTestReport, dmaDeviceOf, runDmaTest } from '../../vfio/dma-test/run';
import type { CheckResult, DmaTier, Verdict } from '../../vfio/dma-test/tier';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { iommuHardware } from '../../vfio/inspect/iommu-hardware';
import { findVfio, openVfio } from '../devices/vfio';
import { visible } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, backendOption, choice } from '../program/options';
import { interruptible } from '../program/signals';

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
    backendOption(),
  ],
  does: ['open', 'change'],
  examples: ['vfio dma-test 0000:00:03.0', 'vfio dma-test 0000:00:03.0 --tier generic -q'],
  run: dmaTest,
};

interface DmaTestOptions {
  backend: VfioBackend;
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
  if (tier?.warning !== undefined) context.note(`${info.address}: ${tier.warning}`);
  const { json, quiet } = context.options;
  const onCheck = (result: CheckResult) => {
    if (!json && !(quiet && result.verdict === 'pass')) context.stdout.write(line(context, result));
  };
  let report: DmaTestReport | undefined;
  const interrupted = await interruptible(async (signal) => {
    using device = openVfio(context, info, { backend: options.backend });
    if (!json && !quiet) context.stdout.write(header(context, device, tier));
    report = await runDmaTest(context.sys, device, { tier: options.tier, onCheck, signal });
  });
  if (report === undefined) return interrupted;
  if (json) context.printJson(report);
  else if (interrupted === undefined) context.stdout.write(`result: ${resultText(report)}\n`);
  if (interrupted !== undefined) return interrupted;
  return report.checks.some(({ verdict }) => verdict === 'fail') ? Exit.failed : undefined;
}

/** Names the device, its driver and the IOMMU on one line: a report is worth nothing without it. */
function header({ sys }: Context, { info, backend, iommu }: VfioDevice, tier: DmaTier | null): string {
  const { address, vendorId, deviceId, driver, name, vfio } = info;
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
  return `${visible(parts.join('  '))}\n`;
}

function line({ style }: Context, { name, verdict, detail }: CheckResult): string {
  const show = { pass: style.good, fail: style.bad, skip: style.dim, inconclusive: style.warning }[verdict];
  return `${show(verdict.toUpperCase())}  ${name.padEnd(16)}  ${visible(detail)}\n`;
}

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
