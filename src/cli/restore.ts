import { withChanged } from '../bind/group';
import { addressesOf, type BindOptions, changeDrivers, forceOption, stateOf } from './binding/change';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';

export const command: VerbSpec = {
  description: 'give PCI functions back to the drivers that had them before the first bind or unbind',
  arguments: [argument('<device...>', undefined, { type: 'pci' })],
  options: [option('--group', 'those of the IOMMU group that were changed, too'), forceOption()],
  examples: ['restore 0000:01:00.0', '-n restore 0000:00:03.0 --group'],
  run: restore,
};

function restore(context: Context, selectors: string[], options: BindOptions) {
  const state = stateOf(context);
  const named = addressesOf(context, selectors);
  const addresses = options.group ? withChanged(context.sys, state, named) : named;
  return changeDrivers(context, state, { kind: 'restore', addresses }, options);
}
