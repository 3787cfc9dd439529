import { existsSync } from 'node:fs';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { journalDirectory } from './directory';

/**
 * Has a command look first for what a udrv that was killed has left behind. One that works with devices mends it, others
 * only say so. The plain list, which has to be quick, does not look.
 */
export function lookingFirst(
  verb: VerbSpec | undefined,
  run: (context: Context) => unknown,
): (context: Context) => unknown {
  return (context) => {
    if (verb?.mends !== true && mayBeLeft(context)) {
      const { mendLeft, tellLeft } = require('./mend') as typeof import('./mend');
      const does = verb?.does ?? [];
      const isAtWork = does.includes('open') || does.includes('change');
      if (isAtWork && context.options.dryRun !== true) mendLeft(context);
      else tellLeft(context);
    }
    return run(context);
  };
}

/** Tells whether there is a journal at all: most machines never have one. */
function mayBeLeft(context: Context): boolean {
  if (context.journal !== undefined) return true;
  const directory = journalDirectory(context);
  return directory !== null && existsSync(directory);
}
