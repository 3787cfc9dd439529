import type { Option } from 'commander';
import { parseCount } from '../../model/notation';
import { choice, option, repeatable } from '../program/options';
import { parseVectors } from '../program/parse';

export function ackOption(): Option {
  return repeatable(
    '--ack <action>',
    'run after each interrupt, before re-arming: REGION:OFFSET[/WIDTH]=VALUE, where VALUE is a number or a register to copy; repeatable',
  );
}

/** Makes the trigger of a watch, which may do without. */
export function triggerOption(): Option {
  return repeatable('--trigger <action>', 'run before each wait, to make the device raise its interrupt; repeatable');
}

/** Makes the trigger of a measurement. */
export function benchTriggerOption(): Option {
  return repeatable('--trigger <action>', 'makes the device raise its interrupt; repeatable');
}

export function watchCountOption(): Option {
  return option('-c, --count <n>', 'end after N interrupts', parseCount);
}

export function liveOption(): Option {
  return option('--live', 'one line in place: rate, missed, time between interrupts; a summary at the end');
}

/** Makes the option of UIO for re-arming. */
export function rearmOption(): Option {
  const ways = ['auto', 'irqcontrol', 'disintx', 'none'];
  return choice('--rearm <how>', 'how to let the next interrupt through', ways, 'auto');
}

/** Makes the option of VFIO that chooses an interrupt. */
export function irqOption(): Option {
  return choice('--irq <kind>', 'which interrupt; without it MSI-X, MSI or INTx, the first that the device has', [
    'intx',
    'msi',
    'msix',
    'err',
    'req',
  ]);
}

export function vectorOption(flags: string, description: string): Option {
  return option(flags, description, parseVectors);
}
