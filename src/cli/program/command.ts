import type { Argument, Option } from 'commander';
import type { Context } from './context';

/** A word of the command line, `udrv WORD` or `udrv NOUN WORD`: the file of that name exports it as `command`. */
export type CommandSpec = NounSpec | VerbSpec;

/** A command that has commands of its own. */
export interface NounSpec {
  description: string;
  /** Two lines to type, without `udrv`. They work on the simulated machine. */
  examples: readonly [string, string];
  commands: CommandIndex;
  run?: never;
}

/** The commands of a noun by name, in the order of the help. Each is loaded when it is named, or its help is shown. */
export type CommandIndex = Readonly<Record<string, () => { command: CommandSpec }>>;

export interface VerbSpec {
  description: string;
  /** Stands in the help instead of the usage that commander makes of the options and arguments. */
  usage?: string;
  arguments?: readonly Argument[];
  options?: readonly Option[];
  /** Commands whose names stand in the place of its first argument: `udrv bench report` beside `udrv bench DEVICE`. */
  commands?: CommandIndex;
  /** It mends itself what a udrv that was killed has left behind, and reports the errors of that. */
  mends?: true;
  /** Its work beyond looking at sysfs, which tells the global options that matter to it. */
  does?: readonly Does[];
  /** Its output is a document of one machine: of several hosts, each goes to a file of its own (`-o`, `%h`). */
  makesFile?: boolean;
  /** Its work is more than its output: where the reader of that goes away it was not done, or its verdict not told. */
  decides?: boolean;
  /** Two lines to type, without `udrv`. They work on the simulated machine. */
  examples: readonly [string, string];
  /** Runs the command, with one value for each argument, then the options. Returns the exit code where that is not 0. */
  run(context: Context, ...given: never[]): ExitOrNothing | Promise<ExitOrNothing>;
}

/** Opens device nodes, waits for something, or changes what `--dry-run` only tells of. */
export type Does = 'open' | 'wait' | 'change';

export type ExitOrNothing = number | undefined;
