import { type Command, CommanderError } from 'commander';
import { Exit, type UdrvError, usageError } from '../../errors';
import type { MachineOptions } from '../output/hint';
import { columnsOf } from '../output/terminal';
import { type TypedOptions, withMachine } from '../program/machine';
import { conclude, exitOf, tryToShow } from '../program/report';
import type { Surroundings } from '../program/run-on';
import { apart } from './flags';
import { buildProgram, type Program } from './program';

/** Runs one command line by the parser. @returns the exit code */
export async function runLine(line: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, env } = surroundings;
  // Commander's own `help` goes one level deep, and takes any word.
  const isHelp = line[0] === 'help' && line.length > 1;
  const built = buildProgram(stdout, stderr, env, false);
  const { program, outcome } = built;
  const text = { help: '' };
  // Commands that are loaded later take this over from their parent.
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      writeOut: (chunk) => stdout.write(chunk),
      // Kept back: main prints every error, in one form.
      writeErr: (chunk) => {
        text.help += chunk;
      },
      outputError: () => {},
      getOutHelpWidth: () => columnsOf(stdout, env),
      getErrHelpWidth: () => columnsOf(stdout, env),
    });
  const argv = apart(isHelp ? [...line.slice(1), '--help'] : line, built);
  const reporting = () => ({
    asJson: argv.includes('--json'),
    debug: env['UDRV_DEBUG'] === '1',
    machine: machineOf(program, env),
    decides: outcome.decides === true,
  });
  try {
    if (isHelp) mustBeCommand(built, line.slice(1));
    await program.parseAsync(argv, { from: 'user' });
    return outcome.exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) return conclude(error, stderr, reporting());
    if (error.exitCode === 0) return Exit.ok;
    // Commander has shown the subcommands to choose from, where none was given.
    if (error.code !== 'commander.help' || argv.includes('--json'))
      return conclude(explained(error, built), stderr, reporting());
    tryToShow(() => stderr.write(text.help));
    return exitOf(error);
  }
}

/** Adds to an error of the parser the names that may stand there. */
function explained(error: CommanderError, built: Program): Error {
  const { explain } = require('../guess/explain') as typeof import('../guess/explain');
  return explain(error, built) ?? error;
}

/** @throws UdrvError exit 2 where there is no such command to be helped with */
function mustBeCommand(built: Program, words: readonly string[]): void {
  const { program, load } = built;
  let command: Command | undefined = program;
  for (const word of words.filter((word) => !word.startsWith('-'))) {
    const commands: readonly Command[] = command.commands;
    command = commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (command === undefined) throw noSuchHelp(built, word, commands);
    load(command);
  }
}

function noSuchHelp(built: Program, word: string, commands: readonly Command[]): UdrvError {
  const { commandElsewhere } = require('../guess/without-command') as typeof import('../guess/without-command');
  const { didYouMean } = require('../../text/nearest') as typeof import('../../text/nearest');
  const names = commands.map((one) => one.name());
  return usageError(
    'usage',
    `unknown command '${word}'`,
    commandElsewhere(built, [word, '--help']) ?? didYouMean(word, names) ?? '--help shows what there is',
  );
}

/** Returns the machine that the command worked with, or was to work with. */
function machineOf(program: Command, env: NodeJS.ProcessEnv): MachineOptions {
  try {
    return withMachine(program.opts<TypedOptions>(), env);
  } catch {
    return {};
  }
}
