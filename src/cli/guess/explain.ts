import type { Command, CommanderError } from 'commander';
import { isForUserSpace } from '../../bind/driver';
import { isBridge } from '../../bind/read';
import { findDevices } from '../../devices/select';
import { type UdrvError, usageError } from '../../errors';
import { NO_NAMES } from '../../names/database';
import { PCI_DRIVERS } from '../../pci/paths';
import { attempt } from '../../sys/attempt';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { didYouMean } from '../../text/nearest';
import { interfaceName } from '../../usb/inspect/address';
import { describeUsb } from '../../usb/inspect/describe';
import { howToGet, noDevice } from '../devices/none';
import type { Program } from '../parser/program';
import type { DeviceArgument, MissingArgument } from '../program/options';
import { REQUEST_NAMES } from '../transfers/standard-request';
import { devices, devicesOf, endpointType, valuesOf } from './values';
import { commandElsewhere, isSelector, noSuchCommand } from './without-command';

/**
 * Explains an error of the parser: what may stand where an argument is missing, and which command has the word that
 * this one has not. The machine is looked at, and no node opened.
 *
 * @returns null where commander's message says it all
 */
export function explain(error: CommanderError, built: Program): UdrvError | null {
  const { program, machine } = built;
  const { code } = error;
  const words = commandOf(program);
  const text = error.message.replace(/^error: /, '');
  if (code === 'commander.unknownCommand') return unknownCommand(built, words);
  const command = words.at(-1);
  if (command === undefined) return code === 'commander.unknownOption' ? unknownFirstWord(built) : null;
  const usage = `usage: udrv ${words.map((one) => one.name()).join(' ')} ${firstUsage(command)}`;
  if (code === 'commander.unknownOption') return unknownOption(command, text);
  if (code === 'commander.excessArguments') return usageError('usage', text, usage);
  if (code === 'commander.invalidArgument') return invalidArgument(text, usage);
  const named = code === 'commander.missingArgument' ? /'(.+)'/.exec(text)?.[1] : undefined;
  if (named === undefined) return null;
  // Behind REGION:OFFSET it is the value that is missing.
  const missing = named === 'offset' && command.args[1]?.includes(':') ? 'value' : named;
  const { candidates }: MissingArgument = error;
  const values =
    candidates !== undefined
      ? (several(named, candidates.values) ?? candidates.none)
      : missing === named
        ? candidatesFor(missing, words, machine)
        : null;
  return usageError(
    'usage',
    text.replace(`'${named}'`, `'${missing}'`),
    [values, usage].filter((part) => part !== null).join('; '),
  );
}

/** Explains an option that is longer or shorter than one with the same beginning; null without such a one. */
function unknownOption(command: Command, text: string): UdrvError | null {
  const [message, word] = /^unknown option '(--[^']{5,})'/.exec(text) ?? [];
  if (message === undefined || word === undefined) return null;
  // The end of a word is what people remember least.
  const start = word.slice(0, -2);
  const meant = command.options.flatMap(({ long, hidden }) => (!hidden && long?.startsWith(start) ? [long] : []));
  return meant.length === 1 ? usageError('usage', message, `did you mean ${meant[0]}?`) : null;
}

/** Explains a value that is none of an argument's; null where the value is that of an option. */
function invalidArgument(text: string, usage: string): UdrvError | null {
  const [, value, name, choices] =
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/s.exec(text) ?? [];
  if (value === undefined) return null;
  return usageError(value, `is not a ${name}: ${choices?.replace(/, ([^,]*)$/, ' or $1')}`, usage);
}

/**
 * Explains an option that the program does not know behind a word that is no command; null where the word is a device,
 * or the option stands first.
 */
function unknownFirstWord(built: Program): UdrvError | null {
  const [first = '-'] = built.program.args;
  const isDevice = () => attempt(() => findDevices(built.machine(), NO_NAMES, first), []).length > 0;
  return first.startsWith('-') || isSelector(first) || isDevice()
    ? null
    : noSuchCommand(built, built.program.args, built.machine);
}

/** Returns the first form of a command's usage, on one line. */
function firstUsage(command: Command): string {
  return (command.usage().split('\n       udrv')[0] ?? '').replaceAll(/\s+/g, ' ');
}

/** Returns the commands that the line names, from the outermost on. */
function commandOf(program: Command): Command[] {
  const named: Command[] = [];
  for (let command: Command | undefined = program; command !== undefined; ) {
    const [word = '']: readonly string[] = command.args;
    command = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (command !== undefined) named.push(command);
  }
  return named;
}

/** Makes the error of a noun's word that is no command: it is mistyped, or stands in the wrong place. */
function unknownCommand(built: Program, words: readonly Command[]): UdrvError {
  const { program } = built;
  const noun = words.at(-1) ?? program;
  const [word = '', ...rest] = noun.args;
  const elsewhere = program.commands.some((one) => one.name() === word);
  const hint = isSelector(word)
    ? `udrv ${noun.name()} show ${word}`
    : elsewhere
      ? `udrv ${[word, ...rest].join(' ')}`
      : (commandElsewhere(built, [word, ...rest]) ??
        didYouMean(
          word,
          noun.commands.map((one) => one.name()),
        ) ??
        `udrv ${noun.name()} --help shows the commands`);
  return usageError('usage', `unknown command '${word}'`, hint);
}

/** The most candidates that are named. */
const MOST = 12;

function candidatesFor(name: string, words: readonly Command[], machine: Program['machine']): string | null {
  const command = words.at(-1);
  const argument: DeviceArgument | undefined = command?.registeredArguments.find((one) => one.name() === name);
  if (command === undefined || argument === undefined) return null;
  let names: readonly string[] | null;
  try {
    names = candidates(argument, command, machine);
  } catch {
    // The machine cannot be looked at; that is not the error of this line.
    return null;
  }
  if (names === null) return null;
  return several(name === 'uio' ? 'device' : name, names) ?? noneOf(argument, command, machine());
}

/** Lists what an argument may be, as far as there is room; null where there is nothing. */
function several(name: string, values: readonly string[]): string | null {
  if (values.length === 0) return null;
  return `${name}: ${values.slice(0, MOST).join(', ')}${values.length > MOST ? ', ...' : ''}`;
}

/** Lists what an argument may be on this machine; null where that is not known. */
function candidates(argument: DeviceArgument, command: Command, machine: Program['machine']): readonly string[] | null {
  const { args } = command;
  const [selector] = args;
  const values = () => valuesOf(argument, command, args, machine(), NO_NAMES);
  switch (argument.name()) {
    case 'device':
    case 'uio':
      // Without the functions that the kernel drives: there are few words here.
      return devices(machine(), NO_NAMES, { ...devicesOf(command, argument), all: false })
        .map(({ text }) => text)
        .filter((address) => !CHANGES.has(command.name()) || !isBridge(machine(), address));
    case 'interface':
      return values().map(({ text }) => text);
    case 'region':
    case 'endpoint':
      if (selector === undefined || findDevices(machine(), NO_NAMES, selector).length === 0) return null;
      return values().map(({ text, description }) => `${text} (${description})`);
    case 'driver':
      return new AttributeReader(machine()).names(PCI_DRIVERS).filter(isForUserSpace);
    case 'state':
      return ['on', 'off'];
    case 'value':
      return selector === undefined ? null : settingsFor(command, selector, machine());
    case 'bmRequestType':
      return ['a number', ...REQUEST_NAMES];
    default:
      return argument.argChoices ?? null;
  }
}

/** Commands that give functions to another driver: that of a bridge stays. */
const CHANGES = new Set(['bind', 'unbind', 'restore']);

/** Says that there is nothing that an argument could be, and what would make one. */
function noneOf(argument: DeviceArgument, command: Command, sys: SysTree): string {
  const name = argument.name();
  const type = endpointType(command);
  if (name === 'endpoint') return `the device has no ${type === undefined ? '' : `${type} `}endpoint`;
  if (name === 'interface') return `there is no interface: ${howToGet(sys, 'usb')}`;
  if (name !== 'device' && name !== 'uio') return `there is no ${name}`;
  const { type: only, frameworks = [] } = devicesOf(command, argument);
  return noDevice(sys, only ?? (frameworks.length === 1 ? frameworks[0] : undefined));
}

/** Lists the configurations of a device, or the alternate settings of an interface. */
function settingsFor(command: Command, selector: string, sys: SysTree): string[] | null {
  const [device] = findDevices(sys, NO_NAMES, selector);
  if (device?.framework !== 'usb') return null;
  const settings = device.usb.interfaces.filter(({ number }) => interfaceName(device, number) === selector);
  if (command.name() === 'alt') return settings.map(({ alt }) => String(alt));
  const { descriptors } = describeUsb(sys, NO_NAMES, device).tree;
  return descriptors
    .filter(({ layout }) => layout.id === 'configuration')
    .map(({ values }) => String(values['bConfigurationValue']));
}
