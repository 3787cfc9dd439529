import { UioDevice } from '../../uio/device';
import { findOf } from '../devices/find';
import { journalOf } from '../journal/open';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { interruptible } from '../program/signals';

export const command: VerbSpec = {
  description: 'switch the interrupt on or off',
  arguments: [
    argument('<uio>'),
    argument('<state>', 'enable or on, disable or off').choices(['enable', 'disable', 'on', 'off']),
  ],
  does: ['open', 'change'],
  examples: ['uio irq uio0 on', '-n uio irq uio0 disable'],
  run: irq,
};

async function irq(
  context: Context,
  selector: string,
  state: 'enable' | 'disable' | 'on' | 'off',
): Promise<number | undefined> {
  const on = state === 'enable' || state === 'on';
  const info = findOf(context, 'uio', selector);
  if (context.options.dryRun) {
    const { node, driver, uio } = info;
    const steps = [`write ${on ? 1 : 0} to ${node}`];
    if (driver === 'uio_pci_generic' && uio.parent !== null)
      steps.push(
        `as ${driver} has no irqcontrol: ${on ? 'clear' : 'set'} Interrupt Disable in /sys/bus/pci/devices/${uio.parent}/config`,
      );
    context.printSteps(steps);
    return undefined;
  }
  return interruptible(() => {
    using device = UioDevice.open(context.sys, info, { write: true, journal: journalOf(context) });
    device.setInterrupt(on);
  });
}
