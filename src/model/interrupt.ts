/** One wake-up by an interrupt. */
export interface Interrupt {
  /** Counts from 1 within one watch. */
  index: number;
  /** The device's own total. */
  count: number;
  /** Interrupts since the last wake-up (or since counting began) beyond this one: they were merged into it. */
  missed: number;
  /** Microseconds since the last wake-up; null on the first. */
  deltaUs: number | null;
  time: Date;
}
