import type { Context } from '../context';
import { findOf } from './find';
import { openUio } from './target';

export function irqUio(context: Context, selector: string, state: 'enable' | 'disable'): undefined {
  const on = state === 'enable';
  if (context.options.dryRun) {
    const { node, driver, uio } = findOf(context, 'uio', selector);
    const steps = [`write ${on ? 1 : 0} to ${node}`];
    if (driver === 'uio_pci_generic' && uio.parent !== null)
      steps.push(
        `as ${driver} has no irqcontrol: ${on ? 'clear' : 'set'} Interrupt Disable in /sys/bus/pci/devices/${uio.parent}/config`,
      );
    context.printSteps(steps);
    return;
  }
  using device = openUio(context, selector);
  device.setInterrupt(on);
}
