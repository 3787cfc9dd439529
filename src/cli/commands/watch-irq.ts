import type { Interrupt } from '../../model/interrupt';
import type { Context } from '../context';
import { json } from '../output/escape';
import { type InterruptOptions, withInterrupts } from './interrupts';

interface WatchOptions extends InterruptOptions {
  count?: number;
}

export function watchUio(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
  const { count, rearm } = options;
  return withInterrupts(context, selector, options, async ({ device, trigger, acknowledge, signal }) => {
    const { address, driver, uio } = device.info;
    if (acknowledge === undefined && driver === 'uio_pci_generic' && uio.irq && rearm !== 'none')
      context.note(
        `${address}: uio_pci_generic cannot silence the device: without --ack the next interrupt comes through only once something else has`,
      );
    const timeoutMs = context.options.timeout;
    for await (const interrupt of device.interrupts({ beforeWait: trigger, acknowledge, rearm, timeoutMs, signal })) {
      context.stdout.write(context.options.json ? jsonLine(interrupt) : textLine(interrupt, context));
      if (interrupt.index === count) break;
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
