import { type Command, CommanderError } from 'commander';
import { Exit, type ExitCode, errnoNumber, fromSysError, SysError, UdrvError, usageError } from '../errors';
import { apart } from './flags';
import { json, visible } from './output/escape';
import { completeHint, type MachineOptions } from './output/hint';
import { BrokenPipe, OutputStream } from './output/stream';
import { buildProgram } from './program';

/** Runs one command line. @returns the exit code */
export async function main(line: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // commander's own `help` goes one level deep, and takes any word.
  const isHelp = line[0] === 'help' && line.length > 1;
  const argv = apart(isHelp ? [...line.slice(1), '--help'] : line);
  const stdout = new OutputStream(1, 'standard output');
  const stderr = new OutputStream(2, 'standard error');
  const { program, outcome } = buildProgram(stdout, stderr, env, isHelp);
  const text = { help: '' };
  // What comes in later has it from its parent.
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      writeOut: (chunk) => stdout.write(chunk),
      // Kept back: main prints every error, in one form.
      writeErr: (chunk) => {
        text.help += chunk;
      },
      outputError: () => {},
      getOutHelpWidth: () => helpWidth(env),
    });
  try {
    if (isHelp) mustBeCommand(program, line.slice(1));
    await program.parseAsync(argv, { from: 'user' });
    return outcome.exit;
  } catch (error) {
    if (error instanceof BrokenPipe) return Exit.ok;
    if (error instanceof CommanderError && error.exitCode === 0) return Exit.ok;
    try {
      // A command without its subcommand: commander shows what there is to choose from.
      if (error instanceof CommanderError && error.code === 'commander.help' && !argv.includes('--json')) {
        stderr.write(text.help);
        return Exit.usage;
      }
      return report(error, stderr, argv.includes('--json'), env['UDRV_DEBUG'] === '1', program.opts());
    } catch (again) {
      // The error could not be shown (stderr is closed, or its disk full); the exit code still tells.
      if (again instanceof BrokenPipe || again instanceof UdrvError) return exitCode(error);
      throw again;
    }
  }
}

/** @throws UdrvError exit 2 where there is no such command to be helped with */
function mustBeCommand(program: Command, words: readonly string[]): void {
  let command: Command | undefined = program;
  for (const word of words.filter((word) => !word.startsWith('-'))) {
    command = command.commands.find((one) => one.name() === word);
    if (command === undefined) throw usageError('usage', `unknown command '${word}'`, '--help shows what there is');
  }
}

function helpWidth(env: NodeJS.ProcessEnv): number {
  return process.stdout.columns || Number(env['COLUMNS']) || 80;
}

/** One line on stderr, or one JSON object, and the hint where there is one. */
function report(
  error: unknown,
  stderr: OutputStream,
  asJson: boolean,
  debug: boolean,
  machine: MachineOptions,
): ExitCode {
  const known = asUdrvError(error);
  if (debug && typeof (error as Error)?.stack === 'string')
    stderr.write(`${(error as Error).stack?.split('\n').map(visible).join('\n')}\n`);
  if (known === null) {
    stderr.write(`udrv: internal error: ${visible(String(error))}\n${debug ? '' : 'hint: UDRV_DEBUG=1 shows where\n'}`);
    return Exit.failed;
  }
  const { code, message, subject, device, exit } = known;
  const hint = completeHint(known.hint, machine, process.geteuid?.() === 0);
  if (asJson) {
    stderr.write(`${json({ error: { code, message: `${subject}: ${message}`, hint, device, exit } })}\n`);
  } else {
    const errno = errnoNumber(code) !== undefined ? ` (${code})` : '';
    stderr.write(`udrv: ${visible(subject) || "''"}: ${visible(message)}${errno}\n`);
    if (hint !== undefined) stderr.write(`hint: ${visible(hint)}\n`);
  }
  return exit;
}

function exitCode(error: unknown): ExitCode {
  return asUdrvError(error)?.exit ?? Exit.failed;
}

function asUdrvError(error: unknown): UdrvError | null {
  if (error instanceof UdrvError) return error;
  if (error instanceof SysError) return fromSysError(error);
  if (error instanceof CommanderError) {
    // Its message is `(outputHelp)`.
    if (error.code === 'commander.help') return usageError('usage', 'missing command', '--help shows what there is');
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    return usageError('usage', message, suggestion?.replace(/^\(|\)$/g, ''));
  }
  return null;
}
