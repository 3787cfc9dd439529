import { listDevices } from '../../devices/list';
import type { DeviceInfo, Framework } from '../../model/device';
import type { ReadError } from '../../sys/readers/attributes';
import { driverlessForUio, PLATFORM_ADVICE } from '../../uio/platform';
import type { List } from '../lists/column';
import type { ListView } from '../lists/options';
import { arranged, chosenFields, listTable, noMatch } from '../lists/print';
import { visible } from '../output/escape';
import { completeHint } from '../output/hint';
import type { Context } from '../program/context';

export interface ListOptions extends ListView {
  type?: Framework;
  all?: boolean;
}

/** Lists the devices that selectors name; without one, all that `options` ask for. */
export function listSelected(
  context: Context,
  list: List<DeviceInfo>,
  selectors: string[],
  options: ListOptions,
): undefined {
  const errors: ReadError[] = [];
  const found =
    selectors.length === 0
      ? listDevices(context.sys, context.names, { ...options, errors })
      : selected(context, selectors, options.type);
  const isOfAll = options.all === true || options.type === 'pci';
  const devices = isOfAll ? usesOf().withUses(context.sys, found) : found;
  print(context, isOfAll ? usesOf().listWithUses(list) : list, devices, options, selectors.length > 0);
  const { type = 'uio' } = options;
  const hasUio = devices.some(({ framework }) => framework === 'uio');
  if (selectors.length === 0 && type === 'uio' && !hasUio) noteDriverless(context);
  remarkErrors(context, [...errors, ...devices.flatMap((device) => device.errors)]);
}

/** Loads what the usual list does without. */
function usesOf(): typeof import('../lists/uses') {
  return require('../lists/uses');
}

/** Returns the devices that selectors name, each once. @throws UdrvError exit 3 for one that matches nothing */
export function selected(context: Context, selectors: string[], type: Framework | undefined): DeviceInfo[] {
  const { findDevices, noSuchDevice } = require('../../devices/select') as typeof import('../../devices/select');
  const found = new Map<string, DeviceInfo>();
  for (const selector of selectors) {
    const devices = findDevices(context.sys, context.names, selector, type).filter(
      (device) => type === undefined || device.framework === type || (type === 'pci' && device.framework === 'vfio'),
    );
    if (devices.length === 0) throw noSuchDevice(context.sys, selector, type);
    for (const device of devices) found.set(device.address, device);
  }
  return [...found.values()];
}

function print(
  context: Context,
  list: List<DeviceInfo>,
  found: DeviceInfo[],
  options: ListOptions,
  isNamed: boolean,
): void {
  const devices = arranged(context, list, found, options);
  if (context.options.json) {
    context.printJson({ schema: 'udrv.list/1', devices: chosenFields(list, devices, options) });
    return;
  }
  if (devices.length === 0) {
    context.note(
      found.length > 0
        ? nothingMatches(context, list, found, options, isNamed)
        : nothingListed(context, options.type, options.all),
    );
    return;
  }
  if (context.options.quiet) context.page(devices.map((device) => `${visible(device.address)}\n`).join(''));
  else context.page(listTable(context, list, devices, options));
}

/** Says that a filter leaves nothing, and whether it would with `--all`. */
function nothingMatches(
  context: Context,
  list: List<DeviceInfo>,
  found: readonly DeviceInfo[],
  options: ListOptions,
  isNamed: boolean,
): string {
  const { sys, names } = context;
  if (isNamed || options.all || options.type !== undefined) return noMatch(options);
  const shown = new Set(found.map(({ address }) => address));
  const more = listDevices(sys, names, { all: true }).filter(({ address }) => !shown.has(address));
  const matching = arranged(context, list, more, options);
  if (matching.length === 0) return noMatch(options);
  const ones = matching.length === 1 ? 'PCI function that does' : 'PCI functions that do';
  return `${noMatch(options)}; --all adds ${matching.length} ${ones}`;
}

/** Says that there is no device of a type, and what would make one. */
export function nothingListed({ sys, options }: Context, type: Framework | undefined, all = false): string {
  if (all) return 'no such device';
  if (type === undefined)
    return 'no device that user space can drive; udrv list --all shows the PCI functions that the kernel drives; udrv --sim list to try without';
  // Loaded here: most lists have something.
  const { howToGet } = require('./none') as typeof import('./none');
  const how = completeHint(howToGet(sys, type), options, false);
  return [`no ${type.toUpperCase()} device`, how].filter((part) => part !== undefined).join('; ');
}

/** Remarks that there are devices which lack nothing but a UIO driver. */
function noteDriverless(context: Context): void {
  const devices = driverlessForUio(context.sys);
  if (devices.length === 0) return;
  context.note(`meant for UIO, but without a driver: ${devices.join(', ')}`);
  const how = completeHint(PLATFORM_ADVICE, context.options, false);
  if (how !== undefined) context.note(how);
}

/** Remarks that attributes could not be read; with `--verbose`, which. */
export function remarkErrors(context: Context, errors: readonly ReadError[]): void {
  if (errors.length === 0) return;
  if (context.options.verbose)
    for (const { path, code } of errors) context.note(`${path}: could not be read (${code})`);
  else context.note(`attributes that could not be read: ${errors.length}; -v names them`);
}
