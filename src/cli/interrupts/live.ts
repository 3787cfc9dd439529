import type { Interrupt } from '../../model/interrupt';
import { LogHistogram } from '../../model/log-histogram';
import { timeText } from '../output/histogram';
import { useUnicode } from '../output/terminal';
import type { Context } from '../program/context';
import { sparkline } from '../status/sparkline';
import { table } from '../tables/table';

/** The time between two texts, and of one column of the sparkline. */
const TICK_MS = 500;
/** Columns of the sparkline that are kept: the widest that is drawn. */
const MOST_TICKS = 60;
/** Ticks whose mean is the rate that is shown. */
const RATE_TICKS = 4;
/** The narrowest sparkline that says anything. */
const LEAST_SPARKS = 8;

/** The interrupts of a watch in one line that changes in place, and a summary when it ends, in whichever way. */
export class LiveWatch implements Disposable {
  readonly #context: Context;
  readonly #name: string;
  readonly #deltas = new LogHistogram();
  readonly #rates: number[] = [];
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #missed = 0;
  /** The interrupts, and the time, at the last tick. */
  #ticked = 0;
  #tickedAt = this.#start;

  /** @param name of the device */
  constructor(context: Context, name: string) {
    this.#context = context;
    this.#name = name;
    if (!context.status.isOn) return;
    this.#show();
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  take({ missed, deltaUs }: Interrupt): void {
    this.#count++;
    this.#missed += missed;
    if (deltaUs !== null) this.#deltas.add(deltaUs);
  }

  /** Takes the line away and prints the summary. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#context.status.hide();
    const seconds = (performance.now() - this.#start) / 1000;
    const perSecond = Math.round(((this.#count + this.#missed) / seconds) * 10) / 10;
    const deltaUs = this.#deltas.summary();
    const { options, stdout } = this.#context;
    if (options.json) {
      this.#context.printJson({
        schema: 'udrv.interrupts/1',
        count: this.#count,
        missed: this.#missed,
        perSecond,
        deltaUs,
      });
      return;
    }
    const rows = [
      ['interrupts', String(this.#count).padStart(12)],
      ['missed', String(this.#missed).padStart(12)],
      ['per second', perSecond.toFixed(1).padStart(12)],
      ...Object.entries(deltaUs ?? {}).map(([name, us]) => [name, `${us.toFixed(1).padStart(12)} us`]),
    ];
    stdout.write(table(rows));
  }

  #tick(): void {
    const now = performance.now();
    const total = this.#count + this.#missed;
    // A tick may be late: its rate counts, not its number.
    this.#rates.push((total - this.#ticked) / ((now - this.#tickedAt) / 1000));
    if (this.#rates.length > MOST_TICKS) this.#rates.shift();
    this.#ticked = total;
    this.#tickedAt = now;
    this.#show();
  }

  #show(): void {
    const { status, env } = this.#context;
    const recent = this.#rates.slice(-RATE_TICKS);
    const rate = recent.reduce((sum, one) => sum + one, 0) / Math.max(1, recent.length);
    const known = this.#deltas.count > 0;
    const facts = {
      name: this.#name,
      rate,
      missed: this.#missed,
      count: this.#count,
      p50: known ? this.#deltas.percentile(0.5) : null,
      p99: known ? this.#deltas.percentile(0.99) : null,
    };
    status.show(liveText(facts, this.#rates, status.columns, useUnicode(env)));
  }
}

export interface LiveFacts {
  name: string;
  /** Interrupts a second. */
  rate: number;
  missed: number;
  count: number;
  /** Microseconds between two interrupts; null before the second. */
  p50: number | null;
  p99: number | null;
}

/** Returns the line, which has the facts that matter most where there is no room for all, and no sparkline then. */
export function liveText(facts: LiveFacts, rates: readonly number[], width: number, utf8: boolean): string {
  const { name, rate, missed, count, p50, p99 } = facts;
  const time = (us: number | null) => (us === null ? '-' : timeText(us));
  // Padded, so that what follows stays in its place.
  const parts = [
    name,
    `${rate.toFixed(1)}/s`.padStart(9),
    `missed ${missed}`,
    `p50 ${time(p50)}`.padEnd(11),
    `p99 ${time(p99)}`.padEnd(11),
    `${count} so far`,
  ];
  const room = () => width - parts.join('  ').length - 2;
  if (room() < LEAST_SPARKS) parts.pop();
  const sparks = Math.min(MOST_TICKS, room());
  if (sparks >= LEAST_SPARKS) parts.splice(2, 0, sparkline(rates.slice(-sparks), utf8).padStart(sparks));
  else while (parts.length > 2 && parts.join('  ').trimEnd().length > width) parts.pop();
  return parts.join('  ').trimEnd();
}
