import { type Command, Option } from 'commander';
import { parseCount, parseVectors } from './parse';
import {
  ACK_HELP,
  type ActionOf,
  backendOption,
  collect,
  formatOption,
  mmapOption,
  outputOption,
  widthOption,
} from './program-options';

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
    .command('groups')
    .description('the IOMMU groups: members, what keeps one from being given to user space, who has it')
    .action(action(() => (require('./commands/vfio-groups') as typeof import('./commands/vfio-groups')).groupsVfio));
  vfio
    .command('info')
    .description('what the kernel tells of a device once it is open: regions, interrupts, IOVA ranges, features')
    .argument('<device>')
    .addOption(backendOption())
    .action(action(() => (require('./commands/vfio-info') as typeof import('./commands/vfio-info')).infoVfio));
  vfio
    .command('dump')
    .description('the registers of a region, each read once')
    .argument('<device>')
    .argument('<region>', 'bar0 to bar5, rom, config, vga, region9...')
    .argument('[range]', 'OFFSET, OFFSET+LENGTH or OFFSET-END; the whole region without it')
    .addOption(widthOption())
    .addOption(formatOption())
    .addOption(outputOption())
    .addOption(mmapOption())
    .addOption(backendOption())
    .action(action(() => (require('./commands/dump') as typeof import('./commands/dump')).dumpVfio));
  vfio
    .command('read')
    .description('one register, read once')
    .argument('<device>')
    .argument('<region>')
    .argument('<offset>')
    .addOption(widthOption())
    .addOption(mmapOption())
    .addOption(backendOption())
    .action(action(() => (require('./commands/read') as typeof import('./commands/read')).readVfio));
  vfio
    .command('write')
    .description('one register, written once and not read')
    .argument('<device>')
    .argument('<region>')
    .argument('<offset>')
    .argument('<value>')
    .addOption(widthOption())
    .addOption(mmapOption())
    .addOption(backendOption())
    .action(action(() => (require('./commands/write') as typeof import('./commands/write')).writeVfio));
  vfio
    .command('config')
    .description('decode the PCI configuration space of a function, whatever drives it, or of a file')
    .argument('[device]', 'any PCI function; with --file, the only one of the file to show')
    .option('--file <dump>', 'read what lspci -x, -xxx or -xxxx wrote, or a raw image; - is standard input')
    .option('--raw', 'the bytes, as lspci -xxxx prints them')
    .option('--open', 'open the device and decode what VFIO shows of it, instead of what sysfs has')
    .addOption(backendOption())
    .action(action(() => (require('./commands/config') as typeof import('./commands/config')).config));
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
  vfio
    .command('reset')
    .description('reset the function alone')
    .argument('<device>')
    .addOption(backendOption())
    .action(action(() => (require('./commands/vfio-reset') as typeof import('./commands/vfio-reset')).resetVfio));
}

function irqOption(): Option {
  return new Option(
    '--irq <kind>',
    'which interrupt; without it MSI-X, MSI or INTx, the first that the device has',
  ).choices(['intx', 'msi', 'msix', 'err', 'req']);
}
