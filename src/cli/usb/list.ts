import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, UsbDeviceInfo } from '../../model/device';
import type { ReadError } from '../../sys/readers/attributes';
import { idPair } from '../../text/ids';
import { speedText } from '../../text/speed';
import { threeDigits } from '../../usb/inspect/address';
import { listUsb } from '../../usb/inspect/inspect';
import { listUsbNodes } from '../../usb/inspect/nodes';
import { driverText } from '../devices/driver';
import { nothingListed, remarkErrors, selected } from '../devices/list';
import { drawUsbTree } from '../devices/usb-tree';
import { visible } from '../output/escape';
import { columns } from '../output/table';
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
  ],
  examples: ['usb list -t', 'usb list -d 0525:a4a0'],
  run: list,
};

interface UsbListOptions {
  tree?: boolean;
  id?: UsbIds;
  device?: BusDevice;
}

function list(context: Context, selectors: string[], options: UsbListOptions): undefined {
  const errors: ReadError[] = [];
  const all =
    selectors.length === 0
      ? listUsb(context.sys, context.names, errors)
      : selected(context, selectors, 'usb').filter(isUsb);
  const devices = all.filter((device) => matches(device, options));
  if (devices.length === 0 && (options.id !== undefined || options.device !== undefined)) throw nothingMatches(options);
  if (context.options.json) context.printJson({ schema: 'udrv.list/1', devices });
  else if (devices.length === 0) context.note(nothingListed(context, 'usb'));
  else if (context.options.quiet) context.stdout.write(devices.map(({ address }) => `${visible(address)}\n`).join(''));
  else if (options.tree) context.stdout.write(drawUsbTree(context, devices));
  else printTable(context, devices);
  remarkErrors(context, [...errors, ...devices.flatMap((device) => device.errors)]);
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

const TITLES = ['ADDRESS', 'BUS/DEV', 'ID', 'SPEED', 'CLASS', 'DRIVER', 'ACCESS', 'NODES', 'SERIAL', 'NAME'];

function printTable(context: Context, devices: readonly UsbDeviceInfo[]): void {
  const nodes = listUsbNodes(context.sys);
  const rows = devices.map((device) => {
    const { address, vendorId, deviceId, access, name, usb } = device;
    const own = nodes.filter((node) => node.device === address).map(({ node }) => node);
    return [
      address,
      `${threeDigits(usb.bus)}/${threeDigits(usb.device)}`,
      idPair(vendorId, deviceId),
      speedText(usb.speedMbps),
      classText(device),
      driverText(device) ?? '-',
      access ?? '-',
      own.join(',') || '-',
      usb.serial ?? '-',
      name,
    ].map(visible);
  });
  context.stdout.write(columns(rows, { titles: TITLES, style: context.style }));
}

/** Classes of a device that refer to its interfaces. */
const CLASS_OF_INTERFACES = new Set(['00', 'ef', 'ff']);

function classText({ usb }: UsbDeviceInfo): string {
  const names = usb.interfaces.filter(({ active }) => active).map(({ className }) => className);
  const own = usb.class !== null && !CLASS_OF_INTERFACES.has(usb.class);
  return (own ? '' : [...new Set(names)].join(', ')) || (names[0] ?? '-');
}
