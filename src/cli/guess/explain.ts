import type { Command, CommanderError } from 'commander';
import { isForUserSpace } from '../../bind/driver';
import { isBridge } from '../../bind/read';
import { findDevices } from '../../devices/select';
import { type UdrvError, usageError } from '../../errors';
import { NO_NAMES } from '../../names/database';
import { PCI_DRIVERS } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { didYouMean } from '../../text/nearest';
import { interfaceName } from '../../usb/inspect/address';
import { describeUsb } from '../../usb/inspect/describe';
import { howToGet, noDevice } from '../devices/none';
import type { DeviceArgument } from '../program/options';
import type { Program } from '../program/program';
import { REQUEST_NAMES } from '../transfers/standard-request';
import { devices, devicesOf, endpointType, valuesOf } from './values';
import { isSelector } from './without-command';

/**
 * Explains an error of the parser: what may stand where an argument is missing, and which command has the word that
 * this one has not. The machine is looked at, and no node opened.
 *
 * @returns null where commander's message says it all
 */
export function explain({ code, message }: CommanderError, { program, machine }: Program): UdrvError | null {
  const words = commandOf(program);
  const text = message.replace(/^error: /, '');
  if (code === 'commander.unknownCommand') return unknownCommand(program, words);
  const command = words.at(-1);
  const named = code === 'commander.missingArgument' ? /'(.+)'/.exec(text)?.[1] : undefined;
  if (named === undefined || command === undefined) return null;
  // Behind REGION:OFFSET it is the value that is missing.
  const missing = named === 'offset' && command.args[1]?.includes(':') ? 'value' : named;
  const usage = `usage: udrv ${words.map((one) => one.name()).join(' ')} ${firstUsage(command)}`;
  const values = missing === named ? candidatesFor(missing, words, machine) : null;
  return usageError(
    'usage',
    text.replace(`'${named}'`, `'${missing}'`),
    [values, usage].filter((part) => part !== null).join('; '),
  );
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
function unknownCommand(program: Command, words: readonly Command[]): UdrvError {
  const noun = words.at(-1) ?? program;
  const [word = '', ...rest] = noun.args;
  const elsewhere = program.commands.some((one) => one.name() === word);
  const hint = isSelector(word)
    ? `udrv ${noun.name()} show ${word}`
    : elsewhere
      ? `udrv ${[word, ...rest].join(' ')}`
      : (didYouMean(
          word,
          noun.commands.map((one) => one.name()),
        ) ?? `udrv ${noun.name()} --help shows the commands`);
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
  if (names.length === 0) return noneOf(argument, command, machine());
  return `${name === 'uio' ? 'device' : name}: ${names.slice(0, MOST).join(', ')}${names.length > MOST ? ', ...' : ''}`;
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
