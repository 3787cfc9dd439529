import { Command, Option } from 'commander';
import { Context, type GlobalOptions } from './context';
import type { OutputStream } from './output/stream';
import { parseCount, parseDuration } from './parse';
import type { ActionOf } from './program-options';
import { addBindCommands } from './program-pci';
import { addUioCommands } from './program-uio';
import { addUsbCommands } from './program-usb';
import { addVfioCommands } from './program-vfio';

/** Put in by the build, from package.json. */
declare const UDRV_VERSION: string;

export interface Outcome {
  exit: number;
}

/**
 * The command line, as commander knows it: the help, the parser and the man page's test all come from here.
 *
 * @param whole false: the commands of a framework come in once it is named, as one line needs no other's
 */
export function buildProgram(
  stdout: OutputStream,
  stderr: OutputStream,
  env: NodeJS.ProcessEnv,
  whole = true,
): { program: Command; outcome: Outcome } {
  const outcome: Outcome = { exit: 0 };

  /** Commander hands over (argument..., options, command); `run` gets the context, the arguments and the command's own options. */
  const action: ActionOf =
    (load) =>
    async (...given) => {
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

  program
    .command('monitor')
    .description('print what happens to devices: they come and go, drivers take them and leave them')
    .addOption(
      new Option('--type <framework>', 'only this framework; pci is every PCI function').choices([
        'usb',
        'uio',
        'vfio',
        'pci',
      ]),
    )
    .option('--count <n>', 'end after N events', parseCount)
    .action(action(() => (require('./commands/monitor') as typeof import('./commands/monitor')).monitor));

  const frameworks = [
    { command: program.command('uio').description('devices behind /dev/uioX'), add: addUioCommands },
    { command: program.command('vfio').description('PCI functions bound to a VFIO driver'), add: addVfioCommands },
    { command: program.command('usb').description('USB devices, through usbfs'), add: addUsbCommands },
  ];
  if (whole) for (const { command, add } of frameworks) add(command, action);
  else
    program.hook('preSubcommand', (_, chosen) => frameworks.find((one) => one.command === chosen)?.add(chosen, action));
  addBindCommands(program, action);

  return { program, outcome };
}

const EXAMPLES = `
Examples:
  udrv list                                          what user space can reach
  udrv show 0000:00:03.0                             one device in depth
  udrv uio read uio0 map0 0x0                        one register
  udrv uio watch-irq uio0 --ack map0:0x64=map0:0x24  interrupts as they happen
  udrv --sim list                                    the same on a simulated machine`;
