import type { PollResult } from '../sys/sys';

/** An interrupt as its source counts it. */
export interface InterruptEvent {
  /** Total that the source counts. */
  count: number;
  /** Interrupts beyond this one since the last that was taken. */
  missed: number;
}

export interface InterruptWaitOptions {
  /** Longest wait for one interrupt, in milliseconds; unbounded if not given, or Infinity. */
  timeoutMs?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/** Interrupts of one opened device, taken one after another: from a UIO node, or from the eventfds of VFIO. */
export interface InterruptSource<Event extends InterruptEvent = InterruptEvent> {
  /** Address of the device, for messages. */
  readonly device: string;
  /** Whether it, or its device, was closed: no interrupt comes any more. */
  readonly closed: boolean;
  /**
   * Lets the first interrupt through. Called once, before the first wait.
   *
   * @param earlier fate of interrupts that came already: {@link next} delivers them, or they are dropped
   */
  arm(earlier: 'deliver' | 'drop'): void;
  /**
   * Waits in the event loop.
   *
   * @returns null where none came in time, or once the signal aborts or the source is closed
   * @throws exit 5 while another call waits
   */
  next(options: InterruptWaitOptions): Promise<Event | null>;
  /** Waits in a system call, which blocks the thread, and takes the interrupt. Allocates nothing. */
  wait(timeoutMs: number): PollResult;
  /** Tells whether re-arming now would only bring the same interrupt again; false where the device does not show it. */
  asserted(): boolean;
  /** Lets the next interrupt through. */
  rearm(): void;
  /** Ends a wait, and puts back what arming changed. A second close does nothing. */
  close(): void;
}
