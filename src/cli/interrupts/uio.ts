import { prepareActions } from '../../model/action';
import { UioDevice } from '../../uio/device';
import { checkRearm, type RearmMode } from '../../uio/rearm';
import { findOf } from '../devices/find';
import { journalOf } from '../journal/open';
import type { Context } from '../program/context';
import { interruptible } from '../program/signals';
import { uioTarget } from '../registers/uio';
import { actionsFor } from './actions';

/** The options of the commands that wait for a UIO device's interrupts, as typed. */
export interface UioInterruptOptions {
  trigger?: string[];
  ack?: string[];
  map?: string[];
  rearm: RearmMode;
}

export interface PreparedUioInterrupts {
  device: UioDevice;
  trigger: () => void;
  acknowledge: (() => void) | undefined;
  signal: AbortSignal;
}

/**
 * Opens a UIO device for a command that waits for its interrupts, and closes it when `work` ends, by a signal too. A
 * request that cannot be right is refused before; with `--dry-run` the steps are printed and nothing is opened.
 *
 * @returns the exit code where a signal ended it
 */
export async function withUioInterrupts(
  context: Context,
  selector: string,
  options: UioInterruptOptions,
  work: (prepared: PreparedUioInterrupts) => Promise<void>,
): Promise<number | undefined> {
  const info = findOf(context, 'uio', selector);
  const target = uioTarget(context, info);
  const triggers = actionsFor(context, target, options.trigger, options.map);
  const acks = actionsFor(context, target, options.ack, options.map);
  checkRearm(info, options.rearm);
  if (context.options.dryRun) {
    const rearm = `re-arm ${info.address}: ${options.rearm}`;
    context.printSteps([...(options.trigger ?? []), ...(options.ack ?? []), rearm]);
    return undefined;
  }
  return interruptible(async (signal) => {
    using device = UioDevice.open(context.sys, info, { write: true, journal: journalOf(context) });
    const trigger = prepareActions(triggers, device);
    const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
    await work({ device, trigger, acknowledge, signal });
  });
}
