import type { Command } from 'commander';
import { parseCount } from './parse';
import {
  ACK_HELP,
  type ActionOf,
  collect,
  formatOption,
  outputOption,
  rearmOption,
  widthOption,
} from './program-options';

/** `udrv uio`: devices behind /dev/uioX. */
export function addUioCommands(uio: Command, action: ActionOf): void {
  uio
    .command('list')
    .description('the UIO devices')
    .argument('[selector...]', 'only these devices')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).listUio));
  uio
    .command('show')
    .description('one UIO device in depth, from sysfs alone')
    .argument('<uio>')
    .action(action(() => (require('./commands/show') as typeof import('./commands/show')).showUio));
  uio
    .command('dump')
    .description('the registers of a region, each read once')
    .argument('<uio>')
    .argument('<region>', 'map0, port0, bar0...')
    .argument('[range]', 'OFFSET, OFFSET+LENGTH or OFFSET-END; the whole region without it')
    .addOption(widthOption())
    .addOption(formatOption())
    .addOption(outputOption())
    .action(action(() => (require('./commands/dump') as typeof import('./commands/dump')).dumpUio));
  uio
    .command('read')
    .description('one register, read once')
    .argument('<uio>')
    .argument('<region>')
    .argument('<offset>')
    .addOption(widthOption())
    .action(action(() => (require('./commands/read') as typeof import('./commands/read')).readUio));
  uio
    .command('write')
    .description('one register, written once and not read')
    .argument('<uio>')
    .argument('<region>')
    .argument('<offset>')
    .argument('<value>')
    .addOption(widthOption())
    .action(action(() => (require('./commands/write') as typeof import('./commands/write')).writeUio));
  uio
    .command('watch-irq')
    .description('print interrupts as they happen')
    .argument('<uio>')
    .option('--count <n>', 'end after N interrupts', parseCount)
    .option('--ack <action>', ACK_HELP, collect)
    .option('--trigger <action>', 'run before each wait, to make the device raise its interrupt; repeatable', collect)
    .addOption(rearmOption())
    .action(action(() => (require('./commands/watch-irq') as typeof import('./commands/watch-irq')).watchUio));
  uio
    .command('irq')
    .description('switch the interrupt on or off')
    .argument('<uio>')
    .addArgument(uio.createArgument('<state>', 'enable or disable').choices(['enable', 'disable']))
    .action(action(() => (require('./commands/irq') as typeof import('./commands/irq')).irqUio));
  uio
    .command('bench')
    .description('measure the latency from trigger to wake-up')
    .argument('<uio>')
    .requiredOption('--trigger <action>', 'makes the device raise its interrupt; repeatable', collect)
    .option('--ack <action>', ACK_HELP, collect)
    .addOption(rearmOption())
    .option('-c, --count <n>', 'how many interrupts', parseCount, 1000)
    .action(action(() => (require('./commands/bench') as typeof import('./commands/bench')).benchUio));
}
