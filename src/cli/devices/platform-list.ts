import { type BusDeviceInfo, listOnBuses } from '../../bind/bus';
import { Exit, UdrvError } from '../../errors';
import type { ListView } from '../lists/options';
import { PLATFORM_LIST } from '../lists/platform';
import { arranged, chosenFields, listTable, noMatch } from '../lists/print';
import { visible } from '../output/escape';
import type { Context } from '../program/context';

/** Lists the devices of other buses than PCI that bind takes: platform devices, and those of buses with driver_override. */
export function listPlatform(context: Context, selectors: readonly string[], view: ListView): undefined {
  const found = selected(listOnBuses(context.sys), selectors);
  const devices = arranged(context, PLATFORM_LIST, found, view);
  if (context.options.json) {
    context.printJson({ schema: 'udrv.list/1', devices: chosenFields(PLATFORM_LIST, devices, view) });
    return;
  }
  if (devices.length === 0)
    context.note(found.length > 0 ? noMatch(view) : 'no bus but PCI has devices with driver_override');
  else if (context.options.quiet) context.page(devices.map(({ address }) => `${visible(address)}\n`).join(''));
  else context.page(listTable(context, PLATFORM_LIST, devices, view));
}

function selected(devices: readonly BusDeviceInfo[], selectors: readonly string[]): readonly BusDeviceInfo[] {
  if (selectors.length === 0) return devices;
  const missing = selectors.find((selector) => devices.every(({ address }) => address !== selector));
  if (missing === undefined) return devices.filter(({ address }) => selectors.includes(address));
  throw new UdrvError('no such device', {
    code: 'ENODEV',
    exit: Exit.notFound,
    device: missing,
    hint: 'udrv list --type platform',
  });
}
