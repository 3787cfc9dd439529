import { findDriver } from '../bind/driver';
import { withGroups } from '../bind/group';
import { addressesOf, type BindOptions, changeDrivers, forceOption, stateOf } from './binding/change';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';

export const command: VerbSpec = {
  description: 'give PCI functions to a driver: vfio-pci, uio_pci_generic or another',
  // Commander wants the argument of many values last, but the driver is behind the devices.
  usage: '[options] <device...> <driver>',
  arguments: [
    argument('<device>', 'the function; more may follow', { type: 'pci' }),
    argument('<driver...>', 'the last argument', { type: 'pci' }),
  ],
  options: [option('--group', 'the whole IOMMU group, but for its bridges'), forceOption()],
  does: ['change'],
  examples: ['bind uio0 vfio-pci', '-n bind 0000:02:01.0 vfio-pci --group'],
  run: bind,
};

function bind(context: Context, first: string, rest: string[], options: BindOptions) {
  const driver = findDriver(context.sys, rest.at(-1) ?? '');
  const named = addressesOf(context, [first, ...rest.slice(0, -1)]);
  const addresses = options.group ? withGroups(context.sys, named) : named;
  return changeDrivers(context, stateOf(context), { kind: 'bind', addresses, driver }, options);
}
