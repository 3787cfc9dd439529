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
  vfio
    .command('config')
    .description('decode the PCI configuration space of a function, whatever drives it, or of a file')
    .argument('[device]', 'any PCI function; with --file, the only one of the file to show')
    .option('--file <dump>', 'read what lspci -x, -xxx or -xxxx wrote, or a raw image; - is standard input')
    .option('--raw', 'the bytes, as lspci -xxxx prints them')
    .action(action(() => (require('./commands/config') as typeof import('./commands/config')).config));
}
