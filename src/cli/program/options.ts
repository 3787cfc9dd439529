import { Argument, CommanderError, Option } from 'commander';
import type { ListOptions } from '../../devices/list';
import { usageError } from '../../errors';
import type { Framework } from '../../model/device';
import { parseDuration } from '../../model/notation';

/** Devices that an argument may be; `frameworks` stands in the place of `type` where there are several. */
export type DeviceChoice = ListOptions & { frameworks?: readonly Framework[] };

/** An argument that names a device, with the devices that a shell completes: without, those of the noun before it. */
export type DeviceArgument = Argument & { devices?: DeviceChoice };

/** Makes an argument of a command: `<name>`, `[name]` or `[name...]`. */
export function argument(name: string, description?: string, devices?: DeviceChoice): DeviceArgument {
  const made = new Argument(name, description);
  const isDevice = made.name() === 'device' || made.name() === 'uio';
  if (isDevice && description === undefined)
    made.description = 'an address, or another name of a device: see udrv list';
  return Object.assign(made, devices && { devices });
}

/**
 * Makes the error of an argument that is missing, as commander makes it where the argument is never optional.
 *
 * @param instead an option that may stand in its place
 * @param candidates what it may be, where its name does not tell
 */
export function missingArgument(name: string, instead?: string, candidates?: Candidates): MissingArgument {
  const other = instead === undefined ? '' : `, or ${instead}`;
  const message = `error: missing required argument '${name}'${other}`;
  return Object.assign(new CommanderError(1, 'commander.missingArgument', message), { candidates });
}

/** Values that an argument may have, and what is said where there is none. */
export interface Candidates {
  values: readonly string[];
  none: string;
}

export type MissingArgument = CommanderError & { candidates?: Candidates | undefined };

/** Makes an option of a command. @param parse from the text; without it the value is the text */
export function option<T>(flags: string, description: string, parse?: (text: string) => T, value?: T): Option {
  const made = new Option(flags, description);
  if (parse !== undefined) made.argParser(parse);
  return value === undefined ? made : made.default(value);
}

export type RepeatableOption = Option & { repeats?: true };

/** Makes an option that may be given more than once; its value is a list. */
export function repeatable(flags: string, description: string): RepeatableOption {
  const made = new Option(flags, description).argParser<string[]>((text, previous = []) => [...previous, text]);
  return Object.assign(made, { repeats: true as const });
}

/** Makes an option that takes one of the given values. */
export function choice(flags: string, description: string, choices: readonly string[], value?: string): Option {
  const made = new Option(flags, description).choices(choices);
  return value === undefined ? made : made.default(value);
}

/** Makes the options for the way in which VFIO opens a device. */
export function openOptions(): Option[] {
  return [
    choice('--backend <backend>', 'how to open the device', ['auto', 'group', 'iommufd'], 'auto'),
    option('--vf-token <uuid>', 'the VF token of a function with SR-IOV, which VFIO may ask for, or auto'),
  ];
}

/** Time between two looks, where it is not given. */
export const DEFAULT_INTERVAL_MS = 1000;
/** Below this, looking would take more time than is looked at. */
const LEAST_INTERVAL_MS = 50;

/** Makes the option for the time between two looks. @param looks what they are called: `frames` */
export function intervalOption(looks: string): Option {
  return option('--interval <duration>', `time between two ${looks}: 500ms, 2s (1s)`, parseInterval);
}

function parseInterval(text: string): number {
  const interval = parseDuration(text);
  if (interval < LEAST_INTERVAL_MS) throw usageError(text, `is too short an interval: ${LEAST_INTERVAL_MS}ms at least`);
  return interval;
}

/** @param more what a command takes beside the frameworks */
export function typeOption(...more: 'platform'[]): Option {
  const platform = more.length === 0 ? '' : ', platform every other device that bind takes';
  const choices = ['uio', 'vfio', 'usb', 'pci', ...more];
  return choice('--type <framework>', `only this framework; pci is every PCI function${platform}`, choices);
}
