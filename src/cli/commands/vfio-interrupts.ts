import { type Action, checkAction, locationsOf, prepareActions } from '../../model/action';
import type { Region } from '../../model/device';
import type { Backend } from '../../vfio/device/backend';
import type { VfioDevice } from '../../vfio/device/device';
import type { Vectors } from '../../vfio/device/irq-eventfds';
import type { IrqName } from '../../vfio/device/irq-set';
import type { Context } from '../context';
import { parseAction } from '../parse';
import { interruptible } from '../signals';
import { expectRegion, findVfio, openVfio, type Target, vfioTargetOf } from './target';

/** The options of the commands that wait for a VFIO device's interrupts, as typed. */
export interface VfioInterruptOptions {
  backend: Backend;
  irq?: IrqName;
  vector?: Vectors;
  trigger?: string[];
  ack?: string[];
  /** Registers through mappings, where all that the actions need can be mapped. */
  fast?: boolean;
}

export interface PreparedVfioInterrupts {
  device: VfioDevice;
  irq: IrqName;
  vectors: Vectors;
  trigger: () => void;
  acknowledge: (() => void) | undefined;
  signal: AbortSignal;
}

/**
 * Opens a VFIO device for a command that waits for its interrupts, and closes it when `work` ends, by a signal too.
 * With `--dry-run` the steps are printed and nothing is opened.
 *
 * @returns the exit code where a signal ended it
 */
export async function withVfioInterrupts(
  context: Context,
  selector: string,
  options: VfioInterruptOptions,
  work: (prepared: PreparedVfioInterrupts) => Promise<void>,
): Promise<number | undefined> {
  const info = findVfio(context, selector);
  const target = vfioTargetOf(context, info, { backend: options.backend });
  const triggers = actionsOf(options.trigger, target);
  const acks = actionsOf(options.ack, target);
  if (context.options.dryRun) {
    context.printSteps([
      `open ${target.address}, which resets it`,
      `switch on ${options.irq ?? 'MSI-X, MSI or INTx'}, and bus mastering for MSI and MSI-X`,
      ...(options.trigger ?? []),
      ...(options.ack ?? []),
    ]);
    return undefined;
  }
  const mmap = options.fast === true && [...triggers, ...acks].every((action) => mappable(action, target.regions));
  using device = openVfio(context, info, { backend: options.backend, mmap });
  // Before an interrupt is switched on, those of regions that could not be seen before.
  for (const action of [...triggers, ...acks]) checkAction(action, target.address, device.regions);
  const irq = options.irq ?? bestIrq(device);
  const trigger = prepareActions(triggers, device);
  const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
  const vectors = options.vector ?? { first: 0, last: 0 };
  // Awaited here: the device is closed when this function returns.
  return await interruptible((signal) => work({ device, irq, vectors, trigger, acknowledge, signal }));
}

/** Actions as typed, of which each is one that the device can have registers for; nothing is opened. */
function actionsOf(texts: readonly string[] | undefined, target: Target): Action[] {
  return (texts ?? []).map((text) => {
    const action = parseAction(text);
    checkAction(
      action,
      target.address,
      locationsOf(action).map(({ region }) => expectRegion(target, region)),
    );
    return action;
  });
}

function mappable(action: Action, regions: readonly Region[]): boolean {
  return locationsOf(action).every(({ region }) => regions.some(({ name, mmap }) => name === region && mmap));
}

/** What a driver would take: MSI-X before MSI before INTx. */
function bestIrq(device: VfioDevice): IrqName {
  return (['msix', 'msi'] as const).find((irq) => device.irq(irq).info.count > 0) ?? 'intx';
}
