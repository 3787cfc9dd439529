import type { CommanderError } from 'commander';
import { laterFailures, withLater } from '../../cleanup';
import { closeFailed, Exit, type ExitCode, errnoNumber, SysError, UdrvError, usageError } from '../../errors';
import type { ErrorLine } from '../documents/administration';
import { json, visible } from '../output/escape';
import { completeHint, type MachineOptions } from '../output/hint';
import { BrokenPipe, type OutputStream } from '../output/stream';
import { columnsOf } from '../output/terminal';
import { wrapAdvice } from '../output/wrap-advice';

/**
 * Takes apart the errors of a command that failed, and whose cleanup failed then: an error has the failures that came
 * after it, and `using` wraps each error of a disposal with the one before it into a SuppressedError. A command that did
 * several things has an AggregateError.
 *
 * @returns the errors in the order in which they happened, at least one
 */
export function failuresIn(error: unknown): [first: unknown, ...later: unknown[]] {
  return [...apart(error), ...laterFailures(error).flatMap(apart)];
}

function apart(error: unknown): [first: unknown, ...later: unknown[]] {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.flatMap(failuresIn) as [unknown, ...unknown[]];
  if (isSuppressedError(error)) return [...failuresIn(error.suppressed), ...failuresIn(error.error)];
  return [error];
}

/** Recognizes it by its name: Node 20 and 22 have no such class, and the code that stands in for `using` makes one. */
function isSuppressedError(error: unknown): error is { suppressed: unknown; error: unknown } {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error && 'error' in error;
}

interface Reporting {
  asJson: boolean;
  debug: boolean;
  /** The machine that the command worked with, which the commands in a hint name. */
  machine: MachineOptions;
  /** A reader of the output who goes away is a failure, which needs no line: see {@link VerbSpec.decides}. */
  decides?: boolean;
}

/**
 * Ends a command that failed: prints its errors.
 *
 * @returns the exit code
 */
export function conclude(error: unknown, stderr: OutputStream, reporting: Reporting): ExitCode {
  const [first, ...later] = failuresIn(error);
  if (first instanceof BrokenPipe) {
    if (later.length === 0) return reporting.decides ? Exit.failed : Exit.ok;
    // Nobody reads any more; what could not be given back is told all the same.
    return conclude(withLater(later[0], later.slice(1)), stderr, reporting);
  }
  // To a device that is gone, nothing can be given back: one line says it all.
  const told = exitOf(first) === Exit.gone ? later.filter((one) => exitOf(one) !== Exit.gone) : later;
  tryToShow(() => report(first, told, stderr, reporting));
  return exitOf(first);
}

/** Shows an error, where it can be shown: stderr may be closed, or its disk full. The exit code still tells. */
export function tryToShow(show: () => void): void {
  try {
    show();
  } catch (error) {
    if (!(error instanceof BrokenPipe || error instanceof UdrvError)) throw error;
  }
}

/** Prints an error with its hint, and a line for each of those that followed from it. */
export function report(
  first: unknown,
  later: readonly unknown[],
  stderr: OutputStream,
  { asJson, debug, machine }: Reporting,
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
  const told = { ...(hint !== undefined && { hint }), ...(device !== undefined && { device }) };
  return `${json({ error: { code, message: `${subject}: ${message}`, ...told, exit } } satisfies ErrorLine)}\n`;
}

function textLine({ code, message, subject }: UdrvError): string {
  const errno = errnoNumber(code) !== undefined ? ` (${code})` : '';
  return `udrv: ${visible(subject) || "''"}: ${visible(message)}${errno}\n`;
}

/** Recognizes an error of commander by its code: a list does without commander, and so does this file. */
export function isOfParser(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

function asUdrvError(error: unknown): UdrvError | null {
  if (error instanceof SysError && error.syscall === 'close') return closeFailed(error);
  if (error instanceof UdrvError) return error;
  if (isOfParser(error)) {
    // Its message is `(outputHelp)`.
    if (error.code === 'commander.help') return usageError('usage', 'missing command', '--help shows what there is');
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    return usageError('usage', message, suggestion?.replace(/^\(|\)$/g, '').replace(/^Did/, 'did'));
  }
  return null;
}
