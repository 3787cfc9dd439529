import { busOf } from '../bind/bus';
import { findDriver, mustBeDriverName } from '../bind/driver';
import { withGroups } from '../bind/group';
import { usageError } from '../errors';
import { addressesOf, type BindOptions, changeDrivers, forceOption, stateOf } from './binding/change';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, missingArgument, option } from './program/options';

export const command: VerbSpec = {
  description: 'give PCI functions, or platform devices, to a driver: vfio-pci, uio_pci_generic or another',
  // Commander wants the argument of many values last, but the driver is behind the devices.
  usage: '[options] <device...> <driver>\n       udrv bind --list-saved',
  arguments: [
    argument('[device]', 'the function, or the name of a platform device; more may follow', { type: 'pci' }),
    argument('[driver...]', 'the last argument', { type: 'pci' }),
  ],
  options: [
    option('--group', 'the whole IOMMU group, but for its bridges'),
    forceOption(),
    option('--save', 'also at each boot, by a udev rule that restore --forget removes'),
    option('--by-id', 'with --save: all functions with the same vendor and device, not this address'),
    option('--list-saved', 'show the bindings that udrv and driverctl saved'),
  ],
  does: ['change'],
  examples: ['bind uio0 vfio-pci', '-n bind nvme0n1 vfio-pci --save'],
  run: bind,
};

interface SaveOptions extends BindOptions {
  save?: boolean;
  byId?: boolean;
  listSaved?: boolean;
}

function bind(context: Context, first: string | undefined, rest: string[], options: SaveOptions) {
  if (options.listSaved) {
    if (first !== undefined || options.save)
      throw usageError('--list-saved', 'shows all: give no device, and no --save');
    const { printSaved } = require('./binding/saved') as typeof import('./binding/saved');
    return printSaved(context);
  }
  if (options.byId && !options.save)
    throw usageError('--by-id', 'is for --save', 'udrv bind DEVICE DRIVER --save --by-id');
  if (first === undefined) throw missingArgument('device');
  if (rest.length === 0) throw missingArgument('driver');
  const driver = rest.at(-1) ?? '';
  mustBeDriverName(driver);
  const named = addressesOf(context, [first, ...rest.slice(0, -1)]);
  const addresses = options.group ? withGroups(context.sys, named) : named;
  const files = options.save ? saving(context, addresses, driver, options) : undefined;
  return changeDrivers(context, stateOf(context), { kind: 'bind', addresses, driver }, options, files);
}

function saving({ sys }: Context, addresses: readonly string[], driver: string, options: SaveOptions) {
  const { prepareSaving } = require('../bind/saved/changes') as typeof import('../bind/saved/changes');
  return prepareSaving(sys, addresses, findDriver(sys, driver, busOf(sys, addresses[0] ?? '')), options);
}
