import type { Saved, StateReader } from '../state/saved';

/** Serves an interrupt; false says that it was not this device's. */
export type IrqHandler = () => boolean;

/** The deliveries without a pause after which the line is disabled; kernel/irq/spurious.c does so after 100,000. */
const STORM = 1000;

/** A level-triggered interrupt line from one device to one handler. */
export class IrqLine {
  #asserted = false;
  #handler: IrqHandler | null = null;
  /** disable_irq() nests. */
  #disabled = 0;
  #serving = false;

  get asserted(): boolean {
    return this.#asserted;
  }

  /** Sets the level, at the device's end. */
  set(asserted: boolean): void {
    this.#asserted = asserted;
    this.#deliver();
  }

  /** Goes up and down again: a handler that is masked misses it. */
  pulse(): void {
    this.set(true);
    this.set(false);
  }

  /** request_irq(): an interrupt that is pending is served at once. */
  request(handler: IrqHandler): void {
    this.#handler = handler;
    this.#disabled = 0;
    this.#deliver();
  }

  /** free_irq(). */
  free(): void {
    this.#handler = null;
  }

  /** disable_irq_nosync(). */
  disable(): void {
    this.#disabled++;
  }

  /** enable_irq(): fires at once if the line is still asserted. */
  enable(): void {
    if (this.#disabled > 0) this.#disabled--;
    this.#deliver();
  }

  save(): Saved {
    return { asserted: this.#asserted, disabled: this.#disabled };
  }

  /** Sets both ends as they were, which is no interrupt: one that was due had been served. */
  restore(state: StateReader): void {
    this.#asserted = state.at('asserted').flag();
    this.#disabled = state.at('disabled').integer(0xffff);
  }

  #deliver(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      for (let n = 0; this.#asserted && this.#disabled === 0 && this.#handler !== null; n++) {
        if (!this.#handler() || n === STORM) this.disable();
      }
    } finally {
      this.#serving = false;
    }
  }
}
