/** Something that is to happen; see {@link Timeline.after}. */
export interface Scheduled {
  cancel(): void;
}

interface Event {
  readonly due: number;
  readonly action: () => void;
}

/**
 * The simulated machine's time, which is real time, and what its devices have scheduled. Nothing runs by itself: who
 * looks at the machine first runs what is due, so that a machine nobody looks at costs nothing and keeps no process
 * alive.
 */
export class Timeline {
  /** In the order of their times. */
  readonly #events: Event[] = [];
  /** Called when the next event became an earlier one. */
  onEarlier: () => void = () => {};

  /** In milliseconds, with fractions; never goes back. */
  now(): number {
    return performance.now();
  }

  /** When the next event is due; infinity if none is scheduled. */
  get next(): number {
    return this.#events[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  after(milliseconds: number, action: () => void): Scheduled {
    const event = { due: this.now() + milliseconds, action };
    const later = this.#events.findIndex(({ due }) => due > event.due);
    if (later < 0) this.#events.push(event);
    else this.#events.splice(later, 0, event);
    if (this.#events[0] === event) this.onEarlier();
    return {
      cancel: () => {
        const index = this.#events.indexOf(event);
        if (index >= 0) this.#events.splice(index, 1);
      },
    };
  }

  /** Runs what is due. What an event schedules waits for the next run, however soon it is due. */
  run(): void {
    const now = this.now();
    while (this.#events.length > 0 && this.next <= now) this.#events.shift()?.action();
  }
}
