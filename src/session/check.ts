import { Exit, UdrvError, usageError } from '../errors';
import { didYouMean } from '../text/nearest';
import { located, type Repeat, type Statement, type Step } from './grammar';
import type { Scope } from './scope';
import { VERBS } from './steps';
import type { Work } from './steps/verb';
import { Words } from './words';

/** A step that was checked, and can run. */
export interface ReadyStep {
  step: Statement;
  /** @internal */
  work: Work;
  isShort: boolean;
}

export interface ReadyRepeat {
  step: Repeat;
  steps: readonly Ready[];
}

export type Ready = ReadyStep | ReadyRepeat;

/** The names that steps have in errors: their number, their line too, or none where there is only one. */
export type Places = 'number' | 'line' | 'none';

/** Names a step in messages. */
export function placeOf({ number, line }: Step, places: Places): string | null {
  if (places === 'none') return null;
  return places === 'line' ? `line ${line} (step ${number})` : `step ${number}`;
}

/**
 * Checks steps one after another, each against what those before it leave. Touches nothing.
 *
 * @throws UdrvError the first that is wrong, with its place
 */
export function checkSteps(steps: readonly Step[], scope: Scope, places: Places): Ready[] {
  return steps.map((step) => {
    if (!('steps' in step)) return placed(step, places, () => checkStep(step, scope));
    const before = stateOf(scope);
    const ready = checkSteps(step.steps, scope, places);
    // The second time begins with what the first has left.
    if (step.count > 1 && stateOf(scope) !== before) checkSteps(step.steps, scope, places);
    return { step, steps: ready };
  });
}

/** Returns the part of a scope that steps change, to be compared. */
function stateOf({ buffers, irqs }: Scope): string {
  return JSON.stringify([[...buffers], [...irqs]]);
}

function checkStep(step: Statement, scope: Scope): ReadyStep {
  const { verb: name, words } = step;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) {
    const words = [...Object.keys(VERBS), 'repeat'];
    throw usageError(name, 'is not a step', didYouMean(name, words) ?? `there are ${words.join(', ')}`);
  }
  const { framework } = scope.info;
  if (!verb.for.includes(framework))
    throw new UdrvError(`not for ${framework.toUpperCase()} devices`, {
      code: 'ENOTSUP',
      exit: Exit.unsupported,
      subject: name,
      device: scope.address,
    });
  const work = verb.prepare(new Words(name, verb.usage, words), scope);
  return { step, work, isShort: verb.isShort === true };
}

/** Runs a part of the work of a step, and puts the step's place into its error. */
function placed<T>(step: Statement, places: Places, part: () => T): T {
  try {
    return part();
  } catch (error) {
    throw error instanceof UdrvError ? located(error, placeOf(step, places)) : error;
  }
}
