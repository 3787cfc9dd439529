import { addressesOf, type BindOptions, changeDrivers, forceOption, stateOf } from './binding/change';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument } from './program/options';

export const command: VerbSpec = {
  description: 'take PCI functions, or platform devices, from their drivers',
  arguments: [argument('<device...>', undefined, { type: 'pci' })],
  options: [forceOption()],
  does: ['change'],
  examples: ['unbind uio0', '-n unbind 0000:00:03.0'],
  run: (context: Context, selectors: string[], options: BindOptions) =>
    changeDrivers(context, stateOf(context), { kind: 'unbind', addresses: addressesOf(context, selectors) }, options),
};
