import { withChanged } from '../bind/group';
import { remembered } from '../bind/remember';
import { usageError } from '../errors';
import type { StateStore } from '../sys/state';
import { addressesOf, type BindOptions, changeDrivers, forceOption, restoreAll, stateOf } from './binding/change';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, type Candidates, missingArgument, option } from './program/options';

export const command: VerbSpec = {
  description:
    'give PCI functions, or platform devices, back to the drivers that had them before the first bind or unbind',
  arguments: [
    argument('[device...]', 'the functions, or names of platform devices; required without --all', { type: 'pci' }),
  ],
  options: [
    option('-a, --all', 'all functions that bind or unbind has changed and nobody has restored yet'),
    option('--group', 'those of the IOMMU group that were changed, too'),
    option('--forget', 'also end what bind --save saved: nothing is bound at the next boot'),
    forceOption(),
  ],
  does: ['change'],
  examples: ['restore 0000:01:00.0 --forget', '-n restore --all'],
  run: restore,
};

interface RestoreOptions extends BindOptions {
  all?: boolean;
  forget?: boolean;
}

function restore(context: Context, selectors: string[], options: RestoreOptions) {
  const state = stateOf(context);
  if (options.all) {
    if (selectors.length > 0 || options.group)
      throw usageError('--all', 'means every function that was changed: give no device and no --group');
    if (options.forget)
      throw usageError('--forget', 'needs devices, and --all names none', 'udrv bind --list-saved shows what is saved');
    return restoreAll(context, state, options);
  }
  if (selectors.length === 0) throw missingArgument('device', '--all', recorded(context, state));
  const { findForgotten, forgetOnly, savedNotes } = require('./binding/saved') as typeof import('./binding/saved');
  const forgotten = options.forget ? findForgotten(context, selectors) : undefined;
  const named = forgotten?.addresses ?? addressesOf(context, selectors);
  if (forgotten !== undefined && named.length === 0) return forgetOnly(context, forgotten.files);
  const addresses = options.group ? withChanged(context.sys, state, named) : named;
  const files = forgotten?.files ?? { changes: [], notes: savedNotes(context.sys, addresses) };
  return changeDrivers(
    context,
    state,
    { kind: 'restore', addresses, isForgotten: forgotten !== undefined },
    options,
    files,
  );
}

/** Lists the functions that can be given back, for a line that names none. */
function recorded({ sys }: Context, state: StateStore): Candidates | undefined {
  try {
    return { values: remembered(sys, state), none: 'no earlier binding is recorded' };
  } catch {
    // The memory cannot be read; that is not the error of this line.
    return undefined;
  }
}
