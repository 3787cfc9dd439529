import { Command, Option } from 'commander';
import { parseDuration } from '../../model/notation';
import type { Sys } from '../../sys/sys';
import { commands } from '..';
import type { FleetOptions } from '../fleet/hosts';
import { lookingFirst } from '../journal/first-look';
import type { OutputStream } from '../output/stream';
import type { CommandIndex, CommandSpec, VerbSpec } from '../program/command';
import type { Context, GlobalOptions } from '../program/context';
import { type OpenMachine, openMachine, type TypedOptions, withMachine } from '../program/machine';
import { repeatable } from '../program/options';
import { runOn } from '../program/run-on';

/** Put in by the build, from package.json. */
declare const UDRV_VERSION: string;

export interface Outcome {
  exit: number;
  /** Whether the command that runs decides something: {@link VerbSpec.decides}. */
  decides?: boolean | undefined;
}

/** The command line as commander knows it: the parser, the help and the test of the man pages come from here. */
export interface Program {
  program: Command;
  /** Filled in when a command has run. */
  outcome: Outcome;
  /** Loads a command, for who asks about it without parsing a line that names it. */
  load(command: Command): void;
  /** Returns the machine that the options name, opened once. */
  machine(): Sys;
}

/** Builds the program. @param whole false: a command is loaded when the line names it, as one line needs no other */
export function buildProgram(
  stdout: OutputStream,
  stderr: OutputStream,
  env: NodeJS.ProcessEnv,
  whole = true,
): Program {
  const outcome: Outcome = { exit: 0 };
  const unloaded = new Map<Command, CommandIndex[string]>();
  const verbs = new Map<Command, VerbSpec>();
  let opened: OpenMachine | undefined;

  function load(command: Command): void {
    const loadModule = unloaded.get(command);
    if (loadModule === undefined) return;
    unloaded.delete(command);
    fill(command, loadModule().command);
  }

  function fill(command: Command, spec: CommandSpec): void {
    command.description(spec.description);
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  udrv ${line}`).join('\n')}`);
    if (spec.commands !== undefined) addCommands(command, spec.commands);
    if (spec.run !== undefined) fillVerb(command, spec);
  }

  function addCommands(parent: Command, index: CommandIndex): void {
    for (const [name, loadModule] of Object.entries(index)) {
      const command = parent.command(name);
      if (name === 'list') command.alias('ls');
      unloaded.set(command, loadModule);
    }
    parent.hook('preSubcommand', (_, chosen) => load(chosen));
    if (whole) parent.commands.forEach(load);
  }

  function fillVerb(command: Command, spec: VerbSpec): void {
    verbs.set(command, spec);
    if (spec.usage !== undefined) command.usage(spec.usage);
    for (const argument of spec.arguments ?? []) command.addArgument(argument);
    for (const option of spec.options ?? []) command.addOption(option);
    // Commander hands over (argument..., options, command).
    command.action(async (...given: unknown[]) => {
      given.pop();
      takeFromParent(command, given.at(-1) as Record<string, unknown>);
      await inContext(command.optsWithGlobals(), (context) => spec.run(context, ...(given as never[])), spec);
    });
  }

  /** Runs a command on the machine that the options name, or on other hosts. */
  async function inContext(
    options: GlobalOptions & TypedOptions & FleetOptions,
    run: (context: Context) => unknown,
    verb?: VerbSpec,
  ): Promise<void> {
    outcome.decides = verb?.decides;
    if (options.host !== undefined || options.hosts !== undefined) {
      const { runOnHosts } = require('../fleet/run') as typeof import('../fleet/run');
      outcome.exit = await runOnHosts(options, { stdout, stderr, env }, verb, run);
      return;
    }
    outcome.exit = await runOn(machine(), withMachine(options, env), { stdout, stderr, env }, lookingFirst(verb, run));
  }

  function machine(): OpenMachine {
    opened ??= openMachine(withMachine(program.opts<GlobalOptions & TypedOptions>(), env), (text) =>
      stderr.write(text),
    );
    return opened;
  }

  /** Runs a line whose first word is no command: one without any word lists, and one that begins with a device shows it. */
  function withoutCommand(words: string[]): Promise<void> {
    const { runWithoutCommand } = require('../guess/without-command') as typeof import('../guess/without-command');
    return inContext(program.opts(), (context) => runWithoutCommand(context, words, { program, load }));
  }

  const program: Command = new Command('udrv')
    .description('List, inspect and drive devices from user space: UIO, VFIO and usbfs.')
    .usage('[options] [command]')
    .argument('[word...]')
    .action(withoutCommand)
    .helpCommand('help [command]')
    .configureHelp({
      minWidthToWrap: 20,
      subcommandTerm,
      commandUsage,
      showGlobalOptions: true,
      visibleGlobalOptions: (command) => globalsFor(program, verbs.get(command), command),
    })
    .version(UDRV_VERSION, '-V, --version')
    .option('--json', 'one JSON document on stdout; commands that stream print one object a line')
    .addOption(new Option('--color <when>', 'colour the output').choices(['auto', 'always', 'never']).default('auto'))
    .option(
      '--sysroot <dir>',
      "read /sys, /proc, /dev and the name databases under DIR: a copy of another machine's tree",
    )
    .option('--snapshot <file>', 'the machine that udrv snapshot recorded in FILE')
    .option('--sim', 'the built-in simulated machine: no root, no hardware; --sim=FILE keeps its state in FILE')
    // Its value has to be in the same word: `--sim list` is a command.
    .addOption(new Option('--sim-file <file>').hideHelp())
    .addOption(
      repeatable('--host <host>', 'other machines, read by ssh: [USER@]HOST, several with commas between them'),
    )
    .option('--hosts <file>', 'the hosts in FILE, one a line')
    .option('--sudo', 'with --host: read as root there, by sudo without a password')
    .addOption(repeatable('--ssh-option <option>', 'with --host: an option of ssh, as ssh -o takes it: Port=2222'))
    .option('--host-timeout <duration>', 'with --host: the time that each host has (20s)', parseDuration)
    .option('--trace', 'show each system call on a device, decoded, on stderr')
    .option(
      '--timeout <duration>',
      'bound on anything that waits, for ever without it: 500ms, 2s, 1m; a bare number is seconds',
      parseDuration,
    )
    .option('-n, --dry-run', 'on commands that change state: print the steps, do none')
    .option('--no-pager', 'never show long output through a pager')
    .option('--no-config', "leave the user's settings out of account")
    .option('-q, --quiet', 'print less')
    .option('-v, --verbose', 'print more')
    // Runs before any help is shown: all that it will name has to be loaded by then.
    .addHelpText('beforeAll', ({ command }) => {
      load(command);
      command.commands.forEach(load);
      return '';
    })
    .addHelpText('after', EXAMPLES);
  addCommands(program, commands);
  return { program, outcome, load, machine: () => machine().sys };
}

/**
 * Moves options to the command that the line names: commander gives those that the verb above it has too to that verb.
 *
 * @param values those of the command
 */
export function takeFromParent(command: Command, values: Record<string, unknown>): void {
  const { parent } = command;
  if (parent === null || parent.parent === null) return;
  for (const option of parent.options) {
    const name = option.attributeName();
    if (parent.getOptionValueSource(name) !== 'cli') continue;
    if (!command.options.some(({ long }) => long === option.long))
      command.error(`error: unknown option '${option.long}'`, { code: 'commander.unknownOption' });
    values[name] = parent.getOptionValue(name);
  }
}

/** Returns a command's usage as commander does, but without its other name. */
function commandUsage(command: Command): string {
  let names = '';
  for (let one: Command | null = command; one !== null; one = one.parent) names = `${one.name()} ${names}`;
  return `${names}${command.usage()}`;
}

/** The most columns of a command and its arguments in a list of commands. */
const TERM_WIDTH = 36;

/** Returns a command as a list of commands shows it: with its arguments as far as there is room. */
function subcommandTerm(command: Command): string {
  const name = [command.name(), ...command.aliases()].join('|');
  const words =
    command
      .usage()
      .split('\n')[0]
      ?.replace('[options] ', '')
      .replace(/^\[options\]$/, '') ?? '';
  const whole = `${name} ${command.registeredArguments.length > 0 ? words : ''}`.trim();
  return whole.length <= TERM_WIDTH ? whole : `${whole.slice(0, whole.lastIndexOf(' ', TERM_WIDTH - 4))} ...`;
}

/** Lists the global options that matter to a command. @param verb undefined for one that has commands of its own */
function globalsFor(program: Command, verb: VerbSpec | undefined, command: Command): Option[] {
  if (command === program) return [];
  const does = verb?.does ?? [];
  const matters: Readonly<Record<string, boolean>> = {
    version: false,
    trace: does.includes('open'),
    sysroot: !does.includes('open') && !does.includes('wait'),
    snapshot: !does.includes('open') && !does.includes('wait'),
    host: does.length === 0,
    // The program's help and the man page have them.
    hosts: false,
    sudo: false,
    sshOption: false,
    hostTimeout: false,
    timeout: does.includes('wait'),
    dryRun: does.includes('change'),
  };
  const isForNoun = (option: Option) => verb === undefined && option.attributeName() !== 'version';
  return program.options.filter(
    (option) => !option.hidden && (isForNoun(option) || matters[option.attributeName()] !== false),
  );
}

const EXAMPLES = `
Examples:
  udrv list                                      what user space can reach
  udrv 0000:00:03.0                              one device in depth
  udrv read uio0 map0:0x0                        one register
  udrv watch-irq uio0 --ack map0:0x64=map0:0x24  interrupts as they happen
  udrv --sim list                                on a simulated machine`;
