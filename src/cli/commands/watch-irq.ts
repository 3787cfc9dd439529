import { prepareActions } from '../../model/action';
import type { Interrupt } from '../../model/interrupt';
import { OpenUio } from '../../uio/device';
import type { RearmMode } from '../../uio/interrupt-control';
import type { Context } from '../context';
import { json } from '../output/escape';
import { interruptible } from '../signals';
import { findOf } from './show';
import { actionsOf } from './target';

interface WatchOptions {
  count?: number;
  ack?: string[];
  trigger?: string[];
  rearm: RearmMode;
}

export async function watchUio(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
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
  const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
  const trigger = prepareActions(triggers, device);
  if (acknowledge === undefined && info.driver === 'uio_pci_generic' && info.uio.irq && options.rearm !== 'none')
    context.note(
      `${info.address}: uio_pci_generic cannot silence the device: without --ack the next interrupt comes through only once something else has`,
    );
  // Awaited here: the device is closed when this function returns.
  return await interruptible(async (signal) => {
    const interrupts = device.interrupts({
      acknowledge,
      rearm: options.rearm,
      timeoutMs: context.options.timeout,
      signal,
      beforeWait: trigger,
    });
    for await (const interrupt of interrupts) {
      context.stdout.write(context.options.json ? jsonLine(interrupt) : textLine(interrupt, context));
      if (interrupt.index === options.count) break;
    }
  });
}

function jsonLine({ index, count, missed, deltaUs, time }: Interrupt): string {
  return `${json({ index, count, missed, deltaUs: deltaUs === null ? null : Math.round(deltaUs * 10) / 10, time })}\n`;
}

function textLine({ index, count, missed, deltaUs }: Interrupt, context: Context): string {
  const columns = [
    String(index),
    String(count),
    String(missed),
    deltaUs === null ? '-' : `${(deltaUs / 1000).toFixed(3)} ms`,
  ];
  const line = (cells: string[]) => `${cells.map((cell, i) => cell.padStart(WIDTHS[i] ?? 0)).join('  ')}\n`;
  const heading = index === 1 && !context.options.quiet ? context.style.heading(line(TITLES).trimEnd()) : '';
  return `${heading === '' ? '' : `${heading}\n`}${line(columns)}`;
}

const TITLES = ['#', 'COUNT', 'MISSED', 'SINCE LAST'];
const WIDTHS = [6, 10, 6, 16];
