import { checkAction, prepareActions } from '../../model/action';
import type { Backend } from '../../vfio/backend';
import { OpenVfio } from '../../vfio/device';
import type { Vectors } from '../../vfio/interrupts';
import type { IrqName } from '../../vfio/irq';
import type { Context } from '../context';
import { parseAction } from '../parse';
import { interruptible } from '../signals';
import { findOf } from './show';

/** The options of the commands that wait for a VFIO device's interrupts, as typed. */
export interface VfioInterruptOptions {
  backend: Backend;
  irq?: IrqName;
  vector?: Vectors;
  trigger?: string[];
  ack?: string[];
}

export interface PreparedVfioInterrupts {
  device: OpenVfio;
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
  const info = findOf(context, 'vfio', selector);
  const triggers = (options.trigger ?? []).map(parseAction);
  const acks = (options.ack ?? []).map(parseAction);
  if (context.options.dryRun) {
    const enable = `switch on ${options.irq ?? 'MSI-X, MSI or INTx'}, and bus mastering for MSI and MSI-X`;
    context.printSteps([
      `open ${info.address}, which resets it`,
      enable,
      ...(options.trigger ?? []),
      ...(options.ack ?? []),
    ]);
    return undefined;
  }
  using device = OpenVfio.open(context.sys, info, { backend: options.backend });
  // Before an interrupt is switched on: a request that cannot be right leaves the device as it is.
  for (const action of [...triggers, ...acks]) checkAction(action, info.address, device.regions);
  const irq = options.irq ?? bestIrq(device);
  const trigger = prepareActions(triggers, device);
  const acknowledge = acks.length > 0 ? prepareActions(acks, device) : undefined;
  const vectors = options.vector ?? { first: 0, last: 0 };
  // Awaited here: the device is closed when this function returns.
  return await interruptible((signal) => work({ device, irq, vectors, trigger, acknowledge, signal }));
}

/** What a driver would take: MSI-X before MSI before INTx. */
function bestIrq(device: OpenVfio): IrqName {
  return (['msix', 'msi'] as const).find((irq) => device.irq(irq).info.count > 0) ?? 'intx';
}
