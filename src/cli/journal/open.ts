import { errnoMessage } from '../../errors';
import { Journal } from '../../sys/journal';
import { DirectoryState } from '../../sys/state';
import type { Context } from '../program/context';
import { journalDirectory } from './directory';

/**
 * Opens the journal of what commands take for their own time. A user without a directory for it, and machines that end
 * with the command, have none.
 */
export function journalOf(context: Context): Journal | undefined {
  if (context.journal !== undefined) return context.journal;
  const directory = journalDirectory(context);
  if (directory === null) return undefined;
  return new Journal(new DirectoryState(directory), ({ code }) =>
    context.note(
      `${directory}: ${errnoMessage(code)}: should this udrv be killed, the next one will not know what it had taken`,
    ),
  );
}
