import { type Command, Option } from 'commander';
import { parseCount, parseVectors } from './parse';
import { ACK_HELP, type ActionOf, backendOption, collect } from './program-options';

/** `udrv vfio`: PCI functions bound to a VFIO driver. */
export function addVfioCommands(program: Command, action: ActionOf): void {
  const vfio = program.command('vfio').description('PCI functions bound to a VFIO driver');
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
    .command('watch-irq')
    .description('print interrupts as they happen')
    .argument('<device>')
    .addOption(irqOption())
    .option('--vector <range>', 'which vectors: N, or A-B with B among them; 0 without it', parseVectors)
    .option('--count <n>', 'end after N interrupts', parseCount)
    .option('--ack <action>', ACK_HELP, collect)
    .option('--trigger <action>', 'run before each wait, to make the device raise its interrupt; repeatable', collect)
    .option('--loopback', 'have the kernel raise the vectors in turns, without the device')
    .addOption(backendOption())
    .action(
      action(() => (require('./commands/vfio-watch-irq') as typeof import('./commands/vfio-watch-irq')).watchVfio),
    );
  vfio
    .command('dma-test')
    .description('test what the device can reach by DMA, and what the IOMMU keeps it from')
    .argument('<device>')
    .addOption(
      new Option('--tier <tier>', 'generic: no device DMA; else by what the device is')
        .choices(['auto', 'generic', 'edu', 'nvme'])
        .default('auto'),
    )
    .addOption(backendOption())
    .action(
      action(() => (require('./commands/vfio-dma-test') as typeof import('./commands/vfio-dma-test')).dmaTestVfio),
    );
  vfio
    .command('bench')
    .description('measure the latency of mapping and unmapping, or with --trigger of interrupts')
    .argument('<device>')
    .option('--trigger <action>', 'makes the device raise its interrupt; repeatable', collect)
    .option('--ack <action>', ACK_HELP, collect)
    .addOption(irqOption())
    .option('--vector <n>', 'which vector', parseVectors)
    .option('--sizes <list>', 'sizes of mappings, such as 4K,2M')
    .option('-c, --count <n>', 'how many interrupts, or mappings of each size', parseCount, 1000)
    .addOption(backendOption())
    .action(action(() => (require('./commands/vfio-bench') as typeof import('./commands/vfio-bench')).benchVfio));
}

function irqOption(): Option {
  return new Option(
    '--irq <kind>',
    'which interrupt; without it MSI-X, MSI or INTx, the first that the device has',
  ).choices(['intx', 'msi', 'msix', 'err', 'req']);
}
