import { Command, Option } from 'commander';
import { Context, type GlobalOptions } from './context';
import type { OutputStream } from './output/stream';
import { parseCount, parseDuration, parseWidth } from './parse';

/** Put in by the build, from package.json. */
declare const UDRV_VERSION: string;

/**
 * What a command does: its module is loaded when it is called, so that no command pays for another's code.
 * Returns the exit code where that is not 0.
 */
type Run = (context: Context, ...args: never[]) => number | undefined | Promise<number | undefined>;

export interface Outcome {
  exit: number;
}

/** The whole command line, as commander knows it: the help, the parser and the man page's test all come from here. */
export function buildProgram(
  stdout: OutputStream,
  stderr: OutputStream,
  env: NodeJS.ProcessEnv,
): { program: Command; outcome: Outcome } {
  const outcome: Outcome = { exit: 0 };

  /** Commander hands over (argument..., options, command); `run` gets the context, the arguments and the command's own options. */
  const action =
    (load: () => Run) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.pop() as Command;
      const context = new Context(command.optsWithGlobals<GlobalOptions>(), stdout, stderr, env);
      outcome.exit = (await load()(context, ...(given as never[]))) ?? 0;
    };

  const program = new Command('udrv')
    .description('List, inspect and drive devices from user space: UIO, VFIO and usbfs.')
    .version(UDRV_VERSION, '-V, --version')
    .option('--json', 'one JSON document on stdout; commands that stream print one object a line')
    .addOption(new Option('--color <when>', 'colour the output').choices(['auto', 'always', 'never']).default('auto'))
    .option(
      '--sysroot <dir>',
      "read /sys, /proc, /dev and the name databases under DIR: a copy of another machine's tree",
    )
    .option('--snapshot <file>', 'the machine that udrv snapshot recorded in FILE')
    .option('--sim', 'the built-in simulated machine: needs no root and no hardware')
    .option('--trace', 'show each system call on a device, decoded, on stderr')
    .option(
      '--timeout <duration>',
      'bound on anything that waits: 500ms, 2s, 1m; a bare number is seconds',
      parseDuration,
    )
    .option('-n, --dry-run', 'on commands that change state: print the steps, do none')
    .option('-q, --quiet', 'print less')
    .option('-v, --verbose', 'print more')
    .addHelpText('after', EXAMPLES);

  program
    .command('list')
    .description('the devices that a user-space driver can reach now; opens none of them')
    .argument('[selector...]', 'only these devices')
    .addOption(
      new Option('--type <framework>', 'only this framework; pci is every PCI function').choices([
        'uio',
        'vfio',
        'usb',
        'pci',
      ]),
    )
    .option('-a, --all', 'the PCI functions driven by the kernel too')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).list));

  program
    .command('show')
    .description('one device in depth, from sysfs alone')
    .argument('<device>')
    .action(action(() => (require('./commands/show') as typeof import('./commands/show')).show));

  program
    .command('snapshot')
    .description('record what udrv reads of this machine, for --snapshot and for bug reports')
    .option('-o, --output <file>', 'write to FILE instead of stdout')
    .action(action(() => (require('./commands/snapshot') as typeof import('./commands/snapshot')).snapshot));

  const uio = program.command('uio').description('devices behind /dev/uioX');
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
    .addOption(
      new Option('--format <format>', 'registers, bytes with ASCII, or raw bytes')
        .choices(['words', 'hex', 'bin'])
        .default('words'),
    )
    .option('-o, --output <file>', 'write to FILE instead of stdout')
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
    .addArgument(program.createArgument('<state>', 'enable or disable').choices(['enable', 'disable']))
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

  return { program, outcome };
}

const ACK_HELP = 'run after each interrupt, before re-arming: REGION:OFFSET[/WIDTH]=VALUE; repeatable';

const EXAMPLES = `
Examples:
  udrv list                                          what user space can reach
  udrv show 0000:00:03.0                             one device in depth
  udrv uio read uio0 map0 0x0                        one register
  udrv uio watch-irq uio0 --ack map0:0x64=map0:0x24  interrupts as they happen
  udrv --sim list                                    the same on a simulated machine`;

function widthOption(): Option {
  return new Option('-w, --width <bytes>', 'access width: 1, 2, 4 or 8').argParser(parseWidth).default(4);
}

function rearmOption(): Option {
  return new Option('--rearm <how>', 'how to let the next interrupt through')
    .choices(['auto', 'irqcontrol', 'disintx', 'none'])
    .default('auto');
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
