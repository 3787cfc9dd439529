import type { Argument, Option } from 'commander';
import { usageError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { findNamed, uioOf } from '../devices/find';
import type { CommandSpec, VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, type DeviceArgument, type DeviceChoice, missingArgument } from '../program/options';

/** The commands of one name by the framework of the device; `pci` is a function that neither UIO nor VFIO has. */
export type Choice = Readonly<Partial<Record<Framework, VerbSpec>>>;

/**
 * Makes the command `udrv VERB DEVICE` of those of the frameworks: it takes the arguments and options of all, and runs
 * the one of the device's framework.
 */
export function byFramework(
  verb: string,
  description: string,
  choice: Choice,
  examples: VerbSpec['examples'],
): VerbSpec {
  const specs = [...new Set(Object.values(choice))];
  const options = mergedOptions(choice);
  return {
    description,
    arguments: mergedArguments(specs, { frameworks: frameworksOf(choice) }),
    options,
    examples,
    does: [...new Set(specs.flatMap(({ does = [] }) => does))],
    run: (context: Context, ...given: unknown[]) => {
      const values = given.pop() as Record<string, unknown>;
      const words = given.filter((word) => word !== undefined);
      const { framework, spec } = chosen(context, verb, choice, words);
      for (const option of options)
        if (wasGiven(option, values) && !spec.options?.some(({ long }) => long === option.long))
          throw usageError(
            `${option.long}`,
            `is not for ${PLURAL[framework]}`,
            `udrv ${NOUN[framework]} ${verb} --help`,
          );
      const all = spec.arguments ?? [];
      const missing = all.find((one, i) => one.required && words[i] === undefined);
      if (missing !== undefined) throw missingArgument(missing.name());
      if (words.length > all.length)
        throw usageError(`${words[all.length]}`, 'is too much', `udrv ${NOUN[framework]} ${verb} --help`);
      const mandatory = spec.options?.find((option) => option.mandatory && !wasGiven(option, values));
      if (mandatory !== undefined) throw usageError('usage', `required option '${mandatory.flags}' not specified`);
      return spec.run(context, ...(all.map((_, i) => words[i]) as never[]), values as never);
    },
  };
}

const PLURAL: Readonly<Record<Framework, string>> = {
  uio: 'UIO devices',
  vfio: 'VFIO devices',
  usb: 'USB devices',
  pci: 'PCI functions that are not bound to vfio-pci',
};

/** Nouns by framework. */
const NOUN: Readonly<Record<Framework, string>> = { uio: 'uio', vfio: 'vfio', usb: 'usb', pci: 'vfio' };

/**
 * Chooses a command by the device. The device that a driver of UIO has may be named by its PCI function.
 *
 * @param words the arguments; the device among them gets the name that the command takes
 */
function chosen(
  context: Context,
  verb: string,
  choice: Choice,
  words: unknown[],
): { framework: Framework; spec: VerbSpec } {
  const [selector] = words;
  if (typeof selector !== 'string') {
    const [framework, spec] =
      (Object.entries(choice) as [Framework, VerbSpec][]).find(([, { arguments: all = [] }]) => !all[0]?.required) ??
      [];
    if (framework === undefined || spec === undefined) throw missingArgument('device');
    return { framework, spec };
  }
  const device = findNamed(context, undefined, selector, NO_NAMES);
  const uio = device.framework === 'pci' && choice.uio !== undefined ? uioOf(context.sys, device.address) : undefined;
  if (uio !== undefined) words[0] = uio;
  const framework = uio === undefined ? device.framework : 'uio';
  const spec = choice[framework];
  if (spec === undefined) throw noSuchCommand(verb, selector, device);
  return { framework, spec };
}

function noSuchCommand(verb: string, selector: string, { framework, address }: DeviceInfo) {
  const commands = commandsFor(framework).join(', ');
  const advice = framework === 'pci' ? `; for others: udrv bind ${address} vfio-pci` : '';
  return usageError(selector, `'${verb}' is not for ${PLURAL[framework]}`, `they have ${commands}${advice}`);
}

/** Lists the commands that take a device of a framework. */
function commandsFor(framework: Framework): string[] {
  if (framework === 'pci') return ['show', 'config', 'bind', 'unbind', 'restore', 'pci read', 'pci dump'];
  const nouns: Record<string, () => { command: CommandSpec }> = {
    uio: () => require('../uio'),
    vfio: () => require('../vfio'),
    usb: () => require('../usb'),
  };
  const spec = nouns[framework]?.().command;
  return spec?.commands !== undefined
    ? Object.keys(spec.commands).filter((name) => name !== 'list' && name !== 'groups')
    : [];
}

/** Merges arguments by their places. One that not all commands require is not required here. */
function mergedArguments(specs: readonly VerbSpec[], devices: DeviceChoice): Argument[] {
  const lists = specs.map((spec) => spec.arguments ?? []);
  const longest = [...lists].sort((a, b) => b.length - a.length)[0] ?? [];
  return longest.map((one, i) => {
    const required = lists.every((list) => list[i]?.required === true);
    const name = i === 0 ? 'device' : one.name();
    const word = one.variadic ? `${name}...` : name;
    const made = argument(required ? `<${word}>` : `[${word}]`, one.description, i === 0 ? devices : undefined);
    return one.argChoices === undefined ? made : made.choices(one.argChoices);
  });
}

/** Returns the frameworks whose devices the commands take: for one that takes any PCI function, it says so itself. */
function frameworksOf(choice: Choice): Framework[] {
  const own = (Object.entries(choice) as [Framework, VerbSpec][]).filter(([framework]) => framework !== 'pci');
  const types = own.map(([framework, spec]) => {
    const [device]: readonly DeviceArgument[] = spec.arguments ?? [];
    return device?.devices?.type ?? framework;
  });
  return [...new Set(types)];
}

/** Merges options by name, each with the frameworks that have it where not all do. None is mandatory before one is chosen. */
function mergedOptions(choice: Choice): Option[] {
  const frameworks = (Object.keys(choice) as Framework[]).filter((framework) => framework !== 'pci');
  const found = new Map<string, { option: Option; of: Framework[] }>();
  for (const framework of frameworks)
    for (const option of choice[framework]?.options ?? []) {
      const known = found.get(option.flags);
      if (known === undefined) found.set(option.flags, { option, of: [framework] });
      else known.of.push(framework);
    }
  return Array.from(found.values(), ({ option, of }) => {
    const copy: Option = Object.assign(Object.create(Object.getPrototypeOf(option)), option);
    copy.mandatory = false;
    if (of.length < frameworks.length)
      copy.description = `${option.description} (${of.map((framework) => framework.toUpperCase()).join(', ')})`;
    return copy;
  });
}

function wasGiven(option: Option, values: Readonly<Record<string, unknown>>): boolean {
  const value = values[option.attributeName()];
  // --mmap and --no-mmap have one value.
  return value !== undefined && value !== option.defaultValue && option.negate === (value === false);
}
