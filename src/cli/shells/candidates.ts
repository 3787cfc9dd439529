import type { Command } from 'commander';
import { listOnBuses } from '../../bind/bus';
import { NameDatabase, NO_NAMES } from '../../names/database';
import type { SysTree } from '../../sys/sys';
import { type Candidate, valuesOf } from '../guess/values';
import { apart } from '../parser/flags';
import type { Program } from '../parser/program';
import { openMachine, withMachine } from '../program/machine';
import type { DeviceArgument } from '../program/options';

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
  const found = [...valuesOf(argument, command, given, sys, names), ...onBuses(sys, command)];
  return found.filter(({ text }) => HARMLESS.test(text) && !given.includes(text));
}

/** Commands that take devices of other buses than PCI. */
const BINDING = new Set(['bind', 'unbind', 'restore']);

/** Lists devices of other buses: all that the list has, and those that bind is used for, which a device tree describes. */
function onBuses(sys: SysTree, command: Command): Candidate[] {
  const isList = command.opts<{ type?: string }>().type === 'platform';
  if (!isList && !BINDING.has(command.name())) return [];
  return listOnBuses(sys)
    .filter(({ platform: { bus, modalias } }) => isList || bus !== 'platform' || modalias?.startsWith('of:'))
    .map(({ address, platform: { bus }, driver }) => ({
      text: address,
      description: `${bus}${driver === null ? '' : `, ${driver}`}`,
    }));
}

/** Parses words as commander does. @returns the command that they name, and the arguments before the cursor */
function parse(built: Program, words: readonly string[]): { command: Command; given: string[] } {
  const { program, load } = built;
  // `--version` is answered as soon as it is parsed.
  program.exitOverride().configureOutput({ writeOut() {}, outputError() {} });
  let command = program;
  let { operands, unknown } = program.parseOptions(apart(words, built));
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
