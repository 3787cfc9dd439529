import type { Framework } from '../../model/device';
import type { StepResult } from '../result';
import type { Scope } from '../scope';
import type { SessionState } from '../state';
import type { Words } from '../words';

/** The circumstances of a step that runs. */
export interface Running {
  /** Ends a step that waits; it then returns, and its result is not used. */
  signal: AbortSignal | undefined;
}

/** Runs a step that was checked; what does not wait returns at once. */
export type Work = (state: SessionState, running: Running) => StepResult | Promise<StepResult>;

/** Kinds of words that a shell can complete; `other` for those that it cannot. */
export type WordKind =
  | 'location'
  | 'register'
  | 'buffer'
  | 'value'
  | 'irq'
  | 'switch'
  | 'access'
  | 'endpoint'
  | 'interface'
  | 'other';

/** A word that begins a step. */
export interface Verb {
  /** `read LOCATION` */
  usage: string;
  summary: string;
  /** The words behind it, for completion; the last may repeat. */
  takes: readonly WordKind[];
  /** Takes microseconds and never waits, so that many run before the next look at the clock. */
  isShort?: boolean;
  /** Frameworks whose devices know it. */
  for: readonly Framework[];
  /**
   * Parses the words of a step and checks them. Touches nothing; leaves in the scope what the step will have changed.
   *
   * @internal
   * @throws UdrvError what the step would fail with, as far as it is known
   */
  prepare(words: Words, scope: Scope): Work;
}

export const REGISTERS: readonly Framework[] = ['uio', 'vfio'];
export const ALL: readonly Framework[] = ['uio', 'vfio', 'usb'];

/** Bound on a step that waits, where it has none of its own and the session none. */
export const USUAL_WAIT_MS = 5000;
