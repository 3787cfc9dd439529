import { type Action, checkAction, prepareActions } from '../../model/action';
import type { UioDeviceInfo } from '../../model/device';
import { UioDevice } from '../../uio/device';
import { checkRearm, type RearmMode } from '../../uio/rearm';
import type { Context } from '../context';
import { parseAction } from '../parse';
import { interruptible } from '../signals';
import { findOf } from './find';

/** The options of every command that waits for interrupts, as typed. */
export interface InterruptOptions {
  trigger?: string[];
  ack?: string[];
  rearm: RearmMode;
}

export interface PreparedInterrupts {
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
export async function withInterrupts(
  context: Context,
  selector: string,
  options: InterruptOptions,
  work: (prepared: PreparedInterrupts) => Promise<void>,
): Promise<number | undefined> {
  const info = findOf(context, 'uio', selector);
  const triggers = actionsOf(options.trigger, info);
  const acks = actionsOf(options.ack, info);
  checkRearm(info, options.rearm);
  if (context.options.dryRun) {
    const rearm = `re-arm ${info.address}: ${options.rearm}`;
    context.printSteps([...(options.trigger ?? []), ...(options.ack ?? []), rearm]);
    return undefined;
  }
  using device = UioDevice.open(context.sys, info, { write: true });
  const trigger = prepareActions(triggers, device);
  const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
  // Awaited here: the device is closed when this function returns.
  return await interruptible((signal) => work({ device, trigger, acknowledge, signal }));
}

/** Actions as typed, of which each is one that the device has registers for; nothing is opened. */
function actionsOf(texts: readonly string[] | undefined, { address, uio }: UioDeviceInfo): Action[] {
  const actions = (texts ?? []).map(parseAction);
  for (const action of actions) checkAction(action, address, uio.regions);
  return actions;
}
