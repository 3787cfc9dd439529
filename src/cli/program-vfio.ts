import type { Command } from 'commander';
import type { ActionOf } from './program-options';

/** `udrv vfio`: PCI functions bound to a VFIO driver. */
export function addVfioCommands(vfio: Command, action: ActionOf): void {
  vfio
    .command('list')
    .description('the VFIO devices')
    .argument('[selector...]', 'only these devices')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).listVfio));
  vfio
    .command('show')
    .description('one VFIO device in depth, from sysfs alone')
    .argument('<device>')
    .action(action(() => (require('./commands/show') as typeof import('./commands/show')).showVfio));
}
