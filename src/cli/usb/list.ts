import { Exit, UdrvError, usageError } from '../../errors';
import type { DeviceInfo, UsbDeviceInfo } from '../../model/device';
import type { ReadError } from '../../sys/readers/attributes';
import { listUsb } from '../../usb/inspect/inspect';
import { listUsbNodes, type UsbNode } from '../../usb/inspect/nodes';
import { nothingListed, remarkErrors, selected } from '../devices/list';
import { drawUsbTree } from '../devices/usb-tree';
import { type ListView, listOptions } from '../lists/options';
import { arranged, chosenFields, listTable, noMatch } from '../lists/print';
import { usbList } from '../lists/usb-devices';
import { visible } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { type BusDevice, parseBusDevice, parseUsbIds, type UsbIds } from '../program/parse';

export const command: VerbSpec = {
  description: 'the USB devices',
  arguments: [argument('[selector...]', 'only these devices')],
  options: [
    option('-t, --tree', 'hubs, ports and interfaces as a tree'),
    option(
      '-d, --id <vid:pid>',
      'only devices of this vendor and product, in hex; either may be left out',
      parseUsbIds,
    ),
    option(
      '-s, --device <bus:dev>',
      'only this bus and device number; 2 or :2 on any bus, 1: the whole bus',
      parseBusDevice,
    ),
    ...listOptions('speed>=480 && !driver'),
  ],
  examples: ['usb list -t', 'usb list -d 0525:a4a0'],
  run: list,
};

interface UsbListOptions extends ListView {
  tree?: boolean;
  id?: UsbIds;
  device?: BusDevice;
}

function list(context: Context, selectors: string[], options: UsbListOptions): undefined {
  if (options.tree && (options.columns ?? options.sort) !== undefined)
    throw usageError('--tree', 'has no columns to choose or to sort by');
  const errors: ReadError[] = [];
  const all =
    selectors.length === 0
      ? listUsb(context.sys, context.names, errors)
      : selected(context, selectors, 'usb').filter(isUsb);
  const found = all.filter((device) => matches(device, options));
  if (found.length === 0 && (options.id !== undefined || options.device !== undefined)) throw nothingMatches(options);
  let nodes: readonly UsbNode[] | undefined;
  const columns = usbList(() => {
    nodes ??= listUsbNodes(context.sys);
    return nodes;
  });
  const devices = arranged(context, columns, found, options);
  if (context.options.json)
    context.printJson({ schema: 'udrv.list/1', devices: chosenFields(columns, devices, options) });
  else if (devices.length === 0) context.note(found.length > 0 ? noMatch(options) : nothingListed(context, 'usb'));
  else if (context.options.quiet) context.page(devices.map(({ address }) => `${visible(address)}\n`).join(''));
  else if (options.tree) context.page(drawUsbTree(context, devices));
  else context.page(listTable(context, columns, devices, options));
  remarkErrors(context, [...errors, ...found.flatMap((device) => device.errors)]);
}

function isUsb(device: DeviceInfo): device is UsbDeviceInfo {
  return device.framework === 'usb';
}

function matches({ vendorId, deviceId, usb }: UsbDeviceInfo, { id, device }: UsbListOptions): boolean {
  const is = <T>(wanted: T | undefined, actual: T | null) => wanted === undefined || wanted === actual;
  return (
    is(id?.vendor, vendorId) && is(id?.product, deviceId) && is(device?.bus, usb.bus) && is(device?.device, usb.device)
  );
}

/** Returns the error of filters that leave nothing, as for a selector that matches nothing. */
function nothingMatches({ id, device }: UsbListOptions): UdrvError {
  const asked = [
    ...(id === undefined ? [] : [`-d ${id.vendor ?? ''}:${id.product ?? ''}`]),
    ...(device === undefined ? [] : [`-s ${device.bus ?? ''}:${device.device ?? ''}`]),
  ];
  return new UdrvError('no such device', {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: asked.join(' '),
    hint: 'udrv usb list shows what there is',
  });
}
