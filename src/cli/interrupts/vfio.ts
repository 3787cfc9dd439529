import { type Action, checkAction, locationsOf, prepareActions } from '../../model/action';
import type { Region } from '../../model/device';
import type { VfioDevice } from '../../vfio/device/device';
import type { Vectors } from '../../vfio/device/irq-eventfds';
import type { IrqName } from '../../vfio/device/irq-set';
import { findVfio, type OpenChoice, openVfio } from '../devices/vfio';
import type { Context } from '../program/context';
import { interruptible } from '../program/signals';
import { vfioTarget } from '../registers/vfio';
import { actionsFor } from './actions';

/** The options of the commands that wait for a VFIO device's interrupts, as typed. */
export interface VfioInterruptOptions extends OpenChoice {
  irq?: IrqName;
  vector?: Vectors;
  trigger?: string[];
  ack?: string[];
  map?: string[];
  /** Accesses registers through mappings, where all that the actions need can be mapped. */
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
 * Opens a VFIO device for a command that waits for its interrupts, and closes it when `work` ends, by a signal too. A
 * request that cannot be right is refused before; with `--dry-run` the steps are printed and nothing is opened.
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
  const target = vfioTarget(context, info, { backend: options.backend, vfToken: options.vfToken });
  const triggers = actionsFor(context, target, options.trigger, options.map);
  const acks = actionsFor(context, target, options.ack, options.map);
  if (context.options.dryRun) {
    context.printSteps([
      `open ${target.address}, which resets it`,
      `switch on ${options.irq ?? 'MSI-X, MSI or INTx'}, and bus mastering for MSI and MSI-X`,
      ...(options.trigger ?? []),
      ...(options.ack ?? []),
    ]);
    return undefined;
  }
  const actions = [...triggers, ...acks];
  const isFast = options.fast === true && actions.every((action) => isMappable(action, target.regions));
  const mmap = isFast ? true : undefined;
  return interruptible(async (signal) => {
    using device = openVfio(context, info, { backend: options.backend, vfToken: options.vfToken, mmap });
    // Checked again before an interrupt is switched on: regions that sysfs does not know show only now.
    for (const action of actions) checkAction(action, target.address, device.regions);
    const irq = options.irq ?? bestIrq(device);
    const trigger = prepareActions(triggers, device);
    const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
    const vectors = options.vector ?? { first: 0, last: 0 };
    await work({ device, irq, vectors, trigger, acknowledge, signal });
  });
}

function isMappable(action: Action, regions: readonly Region[]): boolean {
  return locationsOf(action).every(({ region }) => regions.some(({ name, mmap }) => name === region && mmap));
}

/** Chooses as a driver would: MSI-X before MSI before INTx. */
function bestIrq(device: VfioDevice): IrqName {
  return (['msix', 'msi'] as const).find((irq) => device.irq(irq).info.count > 0) ?? 'intx';
}
