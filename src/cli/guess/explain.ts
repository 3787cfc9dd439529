import type { Command, CommanderError } from 'commander';
import { isForUserSpace } from '../../bind/driver';
import { listDevices } from '../../devices/list';
import { findDevices } from '../../devices/select';
import { type UdrvError, usageError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { PCI_DRIVERS } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { didYouMean } from '../../text/nearest';
import { interfaceName } from '../../usb/inspect/address';
import { describeUsb } from '../../usb/inspect/describe';
import { howToGet } from '../devices/none';
import type { Program } from '../program/program';
import { REQUEST_NAMES } from '../transfers/standard-request';
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
  const missing = code === 'commander.missingArgument' ? /'(.+)'/.exec(text)?.[1] : undefined;
  const command = words.at(-1);
  if (missing === undefined || command === undefined) return null;
  const usage = `usage: udrv ${words.map((one) => one.name()).join(' ')} ${firstUsage(command)}`;
  const candidates = candidatesFor(missing, words, machine);
  return usageError('usage', text, [candidates, usage].filter((part) => part !== null).join('; '));
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

function candidatesFor(argument: string, words: readonly Command[], machine: Program['machine']): string | null {
  let names: readonly string[] | null;
  try {
    names = candidates(argument, words, machine());
  } catch {
    // The machine cannot be looked at; that is not the error of this line.
    return null;
  }
  if (names === null) return null;
  if (names.length === 0) return DEVICE.has(argument) ? noneOf(words) : `there is no ${argument}`;
  const more = names.length > MOST ? ', ...' : '';
  return `${DEVICE.has(argument) ? 'device' : argument}: ${names.slice(0, MOST).join(', ')}${more}`;
}

/** Arguments that name a device. */
const DEVICE = new Set(['device', 'uio']);

/** Lists what an argument may be on this machine; null where that is not known. */
function candidates(argument: string, words: readonly Command[], sys: SysTree): readonly string[] | null {
  const [selector] = words.at(-1)?.args ?? [];
  const device = () => (selector === undefined ? undefined : findDevices(sys, NO_NAMES, selector)[0]);
  switch (argument) {
    case 'device':
    case 'uio':
      return listDevices(sys, NO_NAMES, { type: typeFor(words) }).map(({ address }) => address);
    case 'region':
      return regionsOf(device());
    case 'endpoint':
      return endpointsOf(device());
    case 'interface':
      return listDevices(sys, NO_NAMES, { type: 'usb' }).flatMap(interfacesOf);
    case 'driver':
      return driversFor(sys);
    case 'state':
      return ['on', 'off'];
    case 'value':
      return selector === undefined ? null : valuesFor(words, selector, sys);
    case 'bmRequestType':
      return ['a number', ...REQUEST_NAMES];
    default:
      return null;
  }
}

/** The devices that a command takes, by its first word; all for others. */
const TYPES: Readonly<Record<string, Framework>> = {
  uio: 'uio',
  irq: 'uio',
  vfio: 'vfio',
  info: 'vfio',
  usb: 'usb',
  bind: 'pci',
  unbind: 'pci',
  restore: 'pci',
};

const typeFor = ([first]: readonly Command[]): Framework | undefined => TYPES[first?.name() ?? ''];

function noneOf(words: readonly Command[]): string {
  const type = typeFor(words);
  return `there is no ${type === undefined ? '' : `${type.toUpperCase()} `}device: ${howToGet(type)}`;
}

function regionsOf(device: DeviceInfo | undefined): string[] | null {
  if (device === undefined || device.framework === 'usb') return null;
  const { regions } = device.framework === 'uio' ? device.uio : device.pci;
  return regions.map(({ name, label }) => (label === undefined ? name : `${name} (${label})`));
}

function endpointsOf(device: DeviceInfo | undefined): string[] | null {
  if (device?.framework !== 'usb') return null;
  const active = device.usb.interfaces.filter((setting) => setting.active);
  return active.flatMap(({ endpoints }) =>
    endpoints.map(({ address, type, direction }) => `${address} (${type} ${direction})`),
  );
}

/** Lists the configurations of a device, or the alternate settings of an interface. */
function valuesFor(words: readonly Command[], selector: string, sys: SysTree): string[] | null {
  const [device] = findDevices(sys, NO_NAMES, selector);
  if (device?.framework !== 'usb') return null;
  const settings = device.usb.interfaces.filter(({ number }) => interfaceName(device, number) === selector);
  if (words.at(-1)?.name() === 'alt') return settings.map(({ alt }) => String(alt));
  const { descriptors } = describeUsb(sys, NO_NAMES, device).tree;
  return descriptors
    .filter(({ layout }) => layout.id === 'configuration')
    .map(({ values }) => String(values['bConfigurationValue']));
}

function interfacesOf(device: DeviceInfo): string[] {
  if (device.framework !== 'usb') return [];
  const numbers = new Set(device.usb.interfaces.map(({ number }) => number));
  return [...numbers].map((number) => interfaceName(device, number));
}

/** Lists the drivers that hand a function to programs, those that are loaded. */
function driversFor(sys: SysTree): string[] {
  return new AttributeReader(sys).names(PCI_DRIVERS).filter(isForUserSpace);
}
