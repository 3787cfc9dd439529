import type { StateReader } from '../state/saved';

/** An event to come; see {@link Timeline.after}. */
export interface Scheduled {
  /** Its time. */
  readonly due: number;
  cancel(): void;
}

interface Event {
  readonly due: number;
  readonly action: () => void;
}

/**
 * The simulated machine's time, which is real time, and the events that its devices have scheduled. Nothing runs by
 * itself: every call into the machine first runs the events that are due, so that an unused machine costs nothing and
 * keeps no process alive.
 */
export class Timeline {
  /** Sorted by time. */
  readonly #events: Event[] = [];
  /** The time before this process began, as far as it is known. */
  #before = 0;
  /** Called when an earlier event becomes the next one. */
  onEarlier: () => void = () => {};

  /** Returns the time in milliseconds, with fractions; it never goes back. */
  now(): number {
    return performance.now() + this.#before;
  }

  /** Drops all events, and goes on at another time. */
  restart(now: number): void {
    this.#events.length = 0;
    this.#before = now - performance.now();
  }

  /** The time of the next event; infinity if none is scheduled. */
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
      due: event.due,
      cancel: () => {
        const index = this.#events.indexOf(event);
        if (index >= 0) this.#events.splice(index, 1);
      },
    };
  }

  /** Schedules an event again that was to come when its time was kept; null where there was none. */
  resume(due: StateReader, action: () => void): Scheduled | null {
    return due.orNull((time) => this.after(time.time() - this.now(), action));
  }

  /**
   * Runs the events that are due. An event that one of them schedules waits for the next run, however soon it is due.
   */
  run(): void {
    const now = this.now();
    while (this.#events.length > 0 && this.next <= now) this.#events.shift()?.action();
  }
}
