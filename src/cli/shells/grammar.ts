import type { Argument, Command, Option } from 'commander';
import type { Program } from '../parser/program';
import type { RepeatableOption } from '../program/options';

/** Values of an option or an argument: words to choose from, or a kind that a script finds by itself. */
export type Values = readonly string[] | 'none' | 'file' | 'directory' | 'data' | 'live';

export interface OptionGrammar {
  /** The short name before the long one: `-w`, `--width`. */
  names: string[];
  description: string;
  repeats: boolean;
  /** Absent where it takes no value. */
  value?: { name: string; values: Values; isOptional: boolean };
}

export interface ArgumentGrammar {
  name: string;
  values: Values;
  isOptional: boolean;
  repeats: boolean;
}

/** A command, with all that may stand behind it. */
export interface Grammar {
  /** From the first word on, each with its aliases: `uio`, `read`; empty for the program. */
  path: string[][];
  description: string;
  /** Those of its own: the global ones stand behind every command. */
  options: OptionGrammar[];
  arguments: ArgumentGrammar[];
  commands: Grammar[];
}

/** Returns the options that may stand behind every command. */
export function globalOptions({ program }: Program): OptionGrammar[] {
  return visibleOptions(program).filter(isGlobal).map(optionGrammar);
}

/** The words that an argument may be, by its name, where commander does not know them. */
export type Words = Readonly<Record<string, readonly string[]>>;

/** Returns the whole command line as commander has it, what the help hides left out. */
export function grammarOf({ program }: Program, words: Words): Grammar {
  function grammar(command: Command, path: string[][]): Grammar {
    const own = (option: Option) => (command === program ? !isGlobal(option) : option.long !== '--help');
    return {
      path,
      description: command.description(),
      options: visibleOptions(command).filter(own).map(optionGrammar),
      // Commands alone are offered where they may stand: a device too begins a line, but is seldom meant.
      arguments:
        command === program ? [] : command.registeredArguments.map((argument) => argumentGrammar(argument, words)),
      commands: command
        .createHelp()
        .visibleCommands(command)
        .map((child) => grammar(child, [...path, [child.name(), ...child.aliases()]])),
    };
  }
  return grammar(program, []);
}

function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

/** Whether an option of the program is one behind a command too. */
function isGlobal({ long }: Option): boolean {
  return long !== '--version';
}

/** Lists a command and all below it. */
export function flat(grammar: Grammar): Grammar[] {
  return [grammar, ...grammar.commands.flatMap(flat)];
}

function optionGrammar(option: RepeatableOption): OptionGrammar {
  const { short, long, description, flags, required, optional, argChoices } = option;
  const name = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1] ?? '';
  return {
    names: [short, long].filter((one) => one !== undefined),
    description,
    repeats: option.repeats ?? option.variadic,
    ...((required || optional) && { value: { name, values: argChoices ?? kindOf(name), isOptional: optional } }),
  };
}

function argumentGrammar(argument: Argument, words: Words): ArgumentGrammar {
  const { required, variadic, argChoices } = argument;
  const name = argument.name();
  const values = words[name] ?? argChoices ?? kindOf(name);
  return { name, values, isOptional: !required, repeats: variadic };
}

/** Values by the name that they have in the help: the one in the angle brackets. */
const KINDS: readonly (readonly [RegExp, Values])[] = [
  [/^(?:file|dump)$/, 'file'],
  [/^dir$/, 'directory'],
  [/^data$/, 'data'],
  [/^(?:device|uio|selector|region|endpoint|interface|driver)$/, 'live'],
];

function kindOf(name: string): Values {
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'none';
}
