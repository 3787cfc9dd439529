import type { Command } from 'commander';
import { type ListOptions, listDevices } from '../../devices/list';
import { findDevices } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import { NameDatabase, type Names, NO_NAMES } from '../../names/database';
import { PCI_DRIVERS } from '../../pci/paths';
import { attempt } from '../../sys/attempt';
import type { Sys } from '../../sys/sys';
import { sizeText } from '../../text/size';
import { interfaceName } from '../../usb/inspect/address';
import { driverText } from '../devices/driver';
import { fullName } from '../devices/full-name';
import { apart } from '../program/flags';
import { openMachine, withMachine } from '../program/machine';
import type { DeviceArgument } from '../program/options';
import type { Program } from '../program/program';

export interface Candidate {
  text: string;
  /** For people. May hold any character that a device chose: escape it before printing. */
  description: string;
}

/** Characters that no shell gives a meaning: names that the kernel makes have no others. */
const HARMLESS = /^[\w.:+@][\w.:+@-]*$/;

/**
 * Lists what may follow on the words of a command line, where that depends on the machine: the one that the words name.
 * Opens no device node.
 *
 * @param described whether the shell shows descriptions: without, no database of names is read
 */
export function candidates(program: Program, words: readonly string[], described: boolean): Candidate[] {
  const { command, given } = parse(program, words);
  const all: readonly DeviceArgument[] = command.registeredArguments;
  const argument = all[given.length] ?? all.find(({ variadic }) => variadic);
  if (argument === undefined) return [];
  const { sys } = openMachine(withMachine({ ...program.program.opts(), trace: false }, process.env), () => {});
  const names = described ? new NameDatabase(sys) : NO_NAMES;
  const found = valuesOf(argument, command, given, sys, names);
  return found.filter(({ text }) => HARMLESS.test(text) && !given.includes(text));
}

/** Parses words as commander does. @returns the command that they name, and the arguments before the cursor */
function parse({ program, load }: Program, words: readonly string[]): { command: Command; given: string[] } {
  // `--version` is answered as soon as it is parsed.
  program.exitOverride().configureOutput({ writeOut() {}, outputError() {} });
  let command = program;
  let { operands, unknown } = program.parseOptions(apart(words));
  for (;;) {
    const child = command.commands.find((one) => [one.name(), ...one.aliases()].includes(operands[0] ?? ''));
    if (child === undefined) return { command, given: operands };
    load(child);
    command = child;
    const parsed = child.parseOptions(unknown);
    operands = [...operands.slice(1), ...parsed.operands];
    unknown = parsed.unknown;
  }
}

function valuesOf(
  argument: DeviceArgument,
  command: Command,
  given: readonly string[],
  sys: Sys,
  names: Names,
): Candidate[] {
  const options = { ...devicesOf(command), ...argument.devices };
  const device = () => findDevices(sys, NO_NAMES, given[0] ?? '', options.type).slice(0, 1);
  switch (argument.name()) {
    case 'region':
      return device().flatMap(regions);
    case 'endpoint':
      return device().flatMap((one) => endpoints(one, TRANSFERS[command.name()]));
    case 'interface':
      return listDevices(sys, names, { type: 'usb' }).flatMap(interfaces);
    case 'driver':
      return [...drivers(sys), ...devices(sys, names, options)];
    default:
      return devices(sys, names, options);
  }
}

/** The type of endpoint that a command moves data with. */
const TRANSFERS: Readonly<Record<string, string>> = { bulk: 'bulk', int: 'interrupt', iso: 'isochronous' };

/** Returns the framework that the command's noun is, or that its options name. */
function devicesOf(command: Command): ListOptions {
  const noun = command.parent?.name();
  const { type } = command.opts<ListOptions>();
  if (type !== undefined) return { type };
  return noun === 'uio' || noun === 'vfio' || noun === 'usb' ? { type: noun } : {};
}

function devices(sys: Sys, names: Names, options: ListOptions): Candidate[] {
  return listDevices(sys, names, options).map((device) => {
    const driver = driverText(device);
    return { text: device.address, description: `${fullName(device)}${driver === null ? '' : `, ${driver}`}` };
  });
}

function regions(device: DeviceInfo): Candidate[] {
  if (device.framework === 'usb') return [];
  const known = device.framework === 'uio' ? device.uio.regions : device.pci.regions;
  const found = known.map(({ name, kind, size }) => ({ text: name, description: `${kind}, ${sizeText(size)}` }));
  // VFIO has it for every function, sysfs among the regions for none.
  return device.framework === 'vfio' ? [...found, { text: 'config', description: 'configuration space' }] : found;
}

function endpoints(device: DeviceInfo, type: string | undefined): Candidate[] {
  if (device.framework !== 'usb') return [];
  const all = device.usb.interfaces.flatMap((one) => one.endpoints);
  const wanted = all.filter((endpoint) => type === undefined || endpoint.type === type);
  return [...new Map(wanted.map((endpoint) => [endpoint.address, endpoint])).values()].map((endpoint) => ({
    text: endpoint.address,
    description: `${endpoint.type} ${endpoint.direction}`,
  }));
}

function interfaces(device: DeviceInfo): Candidate[] {
  if (device.framework !== 'usb') return [];
  const active = device.usb.interfaces.filter((one) => one.active);
  return active.map(({ number, className, driver }) => ({
    text: interfaceName(device, number),
    description: `${device.name}: ${className}, ${driver ?? 'no driver'}`,
  }));
}

function drivers(sys: Sys): Candidate[] {
  return attempt(() => sys.readDir(PCI_DRIVERS), []).map((text) => ({ text, description: 'driver' }));
}
