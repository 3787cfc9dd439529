import { QUIET_MS, type StatusLine } from './status-line';

/** The least time between two texts. */
const EVERY_MS = 200;

/** The way in which amounts of something are written. */
export interface Unit {
  number(amount: number): string;
  /** Stands behind an amount. */
  name: string;
  /** Stands behind an amount in a second; null where that says nothing. */
  perSecond: string | null;
}

export const MEBIBYTES: Unit = {
  number: (bytes) => (bytes / 2 ** 20).toFixed(1),
  name: ' MiB',
  perSecond: ' MiB/s',
};

/** The unit of work that ends by the clock: it has no rate. */
export const SECONDS: Unit = { number: (seconds) => seconds.toFixed(1), name: ' s', perSecond: null };

/** Makes the unit of things that are counted. @param things plural */
export function counted(things: string): Unit {
  const number = (amount: number) => (Number.isInteger(amount) || amount >= 10 ? amount.toFixed(0) : amount.toFixed(1));
  return { number, name: ` ${things}`, perSecond: '/s' };
}

export interface ProgressOptions {
  unit: Unit;
  /** In the same unit; undefined where it is not known. */
  total?: number | undefined;
  /** Stands in front. */
  title?: string;
  wanted?: boolean;
}

/** Tells on the status line how far a work is that takes more than a second: done, rate, and the time that is left. */
export class Progress implements Disposable {
  readonly #status: StatusLine;
  readonly #options: ProgressOptions;
  readonly #start = performance.now();
  #next: number;

  constructor(status: StatusLine, options: ProgressOptions) {
    this.#status = status;
    this.#options = options;
    this.#next = status.isOn && options.wanted !== false ? this.#start + QUIET_MS : Number.POSITIVE_INFINITY;
  }

  /** @returns whether the text was shown, which takes time that a measurement must not count */
  update(done: number): boolean {
    const now = performance.now();
    this.#status.touch();
    if (now < this.#next) return false;
    this.#next = now + EVERY_MS;
    this.#status.show(progressText(done, (now - this.#start) / 1000, this.#options));
    return true;
  }

  /** Takes the text away. */
  [Symbol.dispose](): void {
    this.#status.hide();
  }
}

/** Returns the text: `1200 of 100000 interrupts, 600/s, 2 min 45 s left`. */
export function progressText(done: number, seconds: number, { unit, total, title }: ProgressOptions): string {
  const rate = done / seconds;
  const head = title === undefined ? '' : `${title}: `;
  const of = total === undefined ? '' : ` of ${unit.number(total)}`;
  const left = total === undefined || done === 0 ? '' : `, ${durationText((total - done) / rate)} left`;
  const speed = unit.perSecond === null ? '' : `, ${unit.number(rate)}${unit.perSecond}`;
  return `${head}${unit.number(done)}${of}${unit.name}${speed}${left}`;
}

/** Returns a duration in one or two units. @param seconds rounded up */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
