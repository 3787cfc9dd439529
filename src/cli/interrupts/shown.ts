import type { Interrupt } from '../../model/interrupt';
import type { Context } from '../program/context';
import { Waiting, waitingText } from '../status/waiting';
import { type Leading, printInterrupt } from './line';
import { LiveWatch } from './live';

/** The receiver of a watch's interrupts, which shows them. */
export interface Shown extends Disposable {
  take(interrupt: Interrupt, leading?: Leading): void;
}

/** Shows interrupts: a line for each, or with `live` one line in place and a summary. @param name of the device */
export function showInterrupts(context: Context, name: string, { live }: { live?: boolean }): Shown {
  return live ? new LiveWatch(context, name) : new Lines(context, name);
}

class Lines implements Shown {
  readonly #context: Context;
  readonly #waiting: Waiting;
  #count = 0;

  constructor(context: Context, name: string) {
    this.#context = context;
    this.#waiting = new Waiting(context.status, () => waitingText(`interrupts of ${name}`, this.#count));
  }

  take(interrupt: Interrupt, leading?: Leading): void {
    this.#count++;
    printInterrupt(this.#context, interrupt, leading);
  }

  [Symbol.dispose](): void {
    this.#waiting[Symbol.dispose]();
  }
}
