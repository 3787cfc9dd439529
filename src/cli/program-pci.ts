import type { Command } from 'commander';
import type { ActionOf } from './program-options';

const FORCE_HELP = 'do it to a device that is in use; never to one that a program drives';

/** `udrv bind`, `unbind` and `restore`: which driver has a PCI function. */
export function addBindCommands(program: Command, action: ActionOf): void {
  program
    .command('bind')
    .description('give PCI functions to a driver: vfio-pci, uio_pci_generic or another')
    // Commander wants the argument of many values last. Devices are those before the driver.
    .usage('[options] <device...> <driver>')
    .argument('<device>', 'the function; more may follow')
    .argument('<driver...>', 'the last argument')
    .option('--group', 'the whole IOMMU group, but for its bridges')
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/bind') as typeof import('./commands/bind')).bind));
  program
    .command('unbind')
    .description('take PCI functions from their drivers')
    .argument('<device...>')
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/bind') as typeof import('./commands/bind')).unbind));
  program
    .command('restore')
    .description('give PCI functions back to the drivers that had them before the first bind or unbind')
    .argument('<device...>')
    .option('--group', 'those of the IOMMU group that were changed, too')
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/bind') as typeof import('./commands/bind')).restore));
}
