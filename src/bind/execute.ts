import { SysError, UdrvError } from '../errors';
import type { Sys, SysTree } from '../sys/sys';
import { serveSignals } from '../sys/wait';
import { busOf } from './bus';
import { bindError } from './diagnose';
import { needsGroup } from './driver';
import { notRestoredError } from './errors';
import { type Binding, type BindPlan, type BindStep, isProbe, type Write } from './plan';
import { isInGroup, readBinding } from './read';

export interface ExecuteOptions {
  /** Ends it between two steps. */
  signal?: AbortSignal | undefined;
  /** Before each write, those that take back included. */
  onWrite?: (write: Write) => void;
}

/**
 * Executes plans, and checks after each step that the function has the driver it should: the kernel's `bind` may succeed
 * and leave the device without one. After a failure or an interruption all steps are taken back, for all functions.
 *
 * @returns whether all was done; false: it was interrupted, and all is as before
 * @throws UdrvError
 */
export async function execute(sys: Sys, plans: readonly BindPlan[], options: ExecuteOptions = {}): Promise<boolean> {
  const { signal, onWrite = () => {} } = options;
  const done: BindStep[] = [];
  try {
    for (const step of plans.flatMap(({ steps }) => steps)) {
      if (await interrupted(signal)) return takeBack();
      onWrite(step);
      done.push(step);
      perform(sys, step);
    }
    if (await interrupted(signal)) return takeBack();
    return true;
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    const left = undo(sys, plans, done.reverse(), onWrite);
    if (left.length === 0) throw error;
    throw notRestoredError(error.message, left, error);
  }

  function takeBack(): false {
    const left = undo(sys, plans, done.reverse(), onWrite);
    if (left.length === 0) return false;
    throw notRestoredError('interrupted', left, plans.map(({ address }) => address).join(', '));
  }
}

async function interrupted(signal: AbortSignal | undefined): Promise<boolean> {
  if (signal === undefined) return false;
  await serveSignals();
  return signal.aborted;
}

function perform(sys: Sys, step: BindStep): void {
  let failure: SysError | undefined;
  try {
    sys.writeFile(step.path, step.value);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    failure = error;
  }
  if (failure !== undefined || !hasEffect(sys, step)) throw bindError(sys, step, failure);
}

function hasEffect(sys: SysTree, { address, driver, taken }: BindStep): boolean {
  if (driver === undefined && !taken) return true;
  const now = readBinding(sys, address).driver;
  if (driver === undefined) return now !== null;
  // A group that was to come with the driver, and did not: nobody could open the device.
  return now === driver && (!needsGroup(driver) || isInGroup(sys, address));
}

/** Takes steps back. @returns the functions that are not as they were, in words */
function undo(
  sys: Sys,
  plans: readonly BindPlan[],
  steps: readonly BindStep[],
  onWrite: (write: Write) => void,
): string[] {
  for (const step of steps) for (const write of undoOf(sys, step)) attempt(sys, step.address, write, onWrite);
  return plans.flatMap(({ address, from }) => {
    const now = readBinding(sys, address);
    return now.driver === from.driver && now.override === from.override
      ? []
      : [`${address} has ${describe(now)} instead of ${describe(from)}`];
  });
}

/** Returns the writes that undo a step. The driver that drivers_probe brought is known only now. */
function undoOf(sys: SysTree, { path, address, undo }: BindStep): readonly Write[] {
  const { driver } = readBinding(sys, address);
  if (!isProbe(path) || driver === null) return undo;
  return [{ path: `${busOf(sys, address).drivers}/${driver}/unbind`, value: address }];
}

/** Makes one write of an undo. A failure does not keep the others from being tried: the result is checked afterwards. */
function attempt(sys: Sys, address: string, write: Write, onWrite: (write: Write) => void): void {
  const { driver } = readBinding(sys, address);
  // The step may have failed before it did anything.
  if (write.path.endsWith('/unbind') && !write.path.endsWith(`/${driver}/unbind`)) return;
  if (write.path.endsWith('/bind') && driver !== null) return;
  try {
    onWrite(write);
    sys.writeFile(write.path, write.value);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}

function describe({ driver, override }: Binding): string {
  return `${driver === null ? 'no driver' : `the driver ${driver}`}${override === null ? '' : ` (override ${override})`}`;
}
