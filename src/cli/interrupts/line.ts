import type { Interrupt } from '../../model/interrupt';
import type { InterruptLine } from '../documents/registers';
import { json } from '../output/escape';
import type { Context } from '../program/context';

/** Columns before the common ones, which tell which of the device's interrupts it was. */
export type Leading = readonly [name: string, value: string | number, width: number][];

/** Prints a line of a watch: for a program, or for a person, with the heading above the first. */
export function printInterrupt(context: Context, interrupt: Interrupt, leading: Leading = []): void {
  context.stdout.write(context.options.json ? jsonLine(interrupt, leading) : textLine(interrupt, leading, context));
}

function jsonLine({ index, count, missed, deltaUs, time }: Interrupt, leading: Leading): string {
  const which = Object.fromEntries(leading.map(([name, value]) => [name, value]));
  const delta = deltaUs === null ? null : Math.round(deltaUs * 10) / 10;
  return `${json({ index, count, missed, deltaUs: delta, time, ...which } satisfies InterruptLine)}\n`;
}

function textLine({ index, count, missed, deltaUs }: Interrupt, leading: Leading, context: Context): string {
  const cells = [
    String(index),
    ...leading.map(([, value]) => String(value)),
    String(count),
    String(missed),
    deltaUs === null ? '-' : `${(deltaUs / 1000).toFixed(3)} ms`,
  ];
  const titles = ['#', ...leading.map(([name]) => name.toUpperCase()), 'COUNT', 'MISSED', 'SINCE LAST'];
  const widths = [6, ...leading.map(([, , width]) => width), 10, 6, 16];
  const line = (row: string[]) => `${row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')}\n`;
  const heading = index === 1 && !context.options.quiet ? context.style.heading(line(titles).trimEnd()) : '';
  return `${heading === '' ? '' : `${heading}\n`}${line(cells)}`;
}
