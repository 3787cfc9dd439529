import { CommanderError } from 'commander';
import { Exit, type ExitCode, errnoNumber, fromSysError, SysError, UdrvError, usageError } from '../../errors';
import { json, visible } from '../output/escape';
import { completeHint, type MachineOptions, wrapAdvice } from '../output/hint';
import type { OutputStream } from '../output/stream';
import { columnsOf } from '../output/terminal';

/**
 * Takes apart the errors of a command that failed, and whose cleanup failed then: `using` wraps each error of a disposal
 * with the one before it into a SuppressedError. A command that did several things has an AggregateError.
 *
 * @returns the errors in the order in which they happened, at least one
 */
export function failuresIn(error: unknown): [first: unknown, ...later: unknown[]] {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.flatMap(failuresIn) as [unknown, ...unknown[]];
  if (!isSuppressedError(error)) return [error];
  return [...failuresIn(error.suppressed), ...failuresIn(error.error)];
}

/** Recognizes it by its name: Node 20 and 22 have no such class, and the code that stands in for `using` makes one. */
function isSuppressedError(error: unknown): error is { suppressed: unknown; error: unknown } {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error && 'error' in error;
}

/**
 * Prints an error with its hint, and a line for each of those that followed from it.
 *
 * @param machine the machine that the command worked with, which the commands in a hint name
 */
export function report(
  first: unknown,
  later: readonly unknown[],
  stderr: OutputStream,
  { asJson, debug, machine }: { asJson: boolean; debug: boolean; machine: MachineOptions },
): void {
  const columns = stderr.isTTY ? columnsOf(stderr, process.env) : undefined;
  for (const error of [first, ...later]) {
    if (debug && error instanceof Error && error.stack !== undefined)
      stderr.write(`${error.stack.split('\n').map(visible).join('\n')}\n`);
    const known = asUdrvError(error);
    const hint = completeHint(known?.hint, machine, process.geteuid?.() === 0);
    if (known === null) {
      stderr.write(`udrv: internal error: ${visible(String(error))}\n`);
      if (!debug && error === first) stderr.write('hint: UDRV_DEBUG=1 shows where\n');
    } else if (asJson) {
      stderr.write(jsonLine(known, hint));
    } else {
      stderr.write(textLine(known));
      if (hint !== undefined && error === first) stderr.write(wrapAdvice(visible(hint), 'hint: ', columns));
    }
  }
}

export function exitOf(error: unknown): ExitCode {
  return asUdrvError(error)?.exit ?? Exit.failed;
}

function jsonLine({ code, message, subject, device, exit }: UdrvError, hint: string | undefined): string {
  return `${json({ error: { code, message: `${subject}: ${message}`, hint, device, exit } })}\n`;
}

function textLine({ code, message, subject }: UdrvError): string {
  const errno = errnoNumber(code) !== undefined ? ` (${code})` : '';
  return `udrv: ${visible(subject) || "''"}: ${visible(message)}${errno}\n`;
}

function asUdrvError(error: unknown): UdrvError | null {
  if (error instanceof UdrvError) return error;
  if (error instanceof SysError) return fromSysError(error);
  if (error instanceof CommanderError) {
    // Its message is `(outputHelp)`.
    if (error.code === 'commander.help') return usageError('usage', 'missing command', '--help shows what there is');
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    return usageError('usage', message, suggestion?.replace(/^\(|\)$/g, '').replace(/^Did/, 'did'));
  }
  return null;
}
