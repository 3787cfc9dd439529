import { findDevices } from '../../devices/select';
import { Exit, UdrvError, usageError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { parseSize } from '../../model/notation';
import { NO_NAMES } from '../../names/database';
import { attempt } from '../../sys/attempt';
import { notAuthorized } from '../../usb/errors';
import { interfaceName } from '../../usb/inspect/address';
import { findOf } from '../devices/find';
import type { UsbChange } from '../documents/transfers';
import type { Context } from '../program/context';

export interface DrivenInterface {
  interface: string;
  number: number;
  driver: string;
}

/** Lists the interfaces that a kernel driver has. */
export function driversOf(info: UsbDeviceInfo): DrivenInterface[] {
  const active = info.usb.interfaces.filter((i) => i.active);
  return active.flatMap(({ number, driver }) =>
    driver === null || driver === 'usbfs' ? [] : [{ interface: interfaceName(info, number), number, driver }],
  );
}

/** Finds an interface by `1-2:1.0`, as the kernel names it, or by any selector of a device with `:INTERFACE` behind it. */
export function findInterface(context: Context, target: string): { info: UsbDeviceInfo; intf: number; name: string } {
  const match = /^(.+):(?:(\d{1,3})\.)?(\d{1,3})$/.exec(target);
  const ids = /^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(target);
  if (match?.[1] === undefined || ids)
    throw usageError(target, 'names no interface', interfacesOf(context, target) ?? FORM);
  const root = /^(\d+)-0$/.exec(match[1])?.[1];
  const info = findOf(context, 'usb', root === undefined ? match[1] : `usb${root}`);
  const intf = Number(match[3]);
  const name = interfaceName(info, intf);
  const { configuration, interfaces } = info.usb;
  const exists = interfaces.some(({ number }) => number === intf);
  if (!exists && info.usb.authorized === false) throw notAuthorized(info);
  if (!exists || (match[2] !== undefined && Number(match[2]) !== configuration))
    throw new UdrvError(
      configuration === null ? 'the device is not configured: it has no interfaces' : 'no such interface now',
      {
        code: 'ENOENT',
        exit: Exit.notFound,
        subject: target,
        hint: exists
          ? `its configuration is ${configuration}: ${name}`
          : interfaces.length === 0
            ? `udrv usb show ${info.address}`
            : `it has ${[...new Set(interfaces.map(({ number }) => interfaceName(info, number)))].join(', ')}`,
        device: info.address,
      },
    );
  return { info, intf, name };
}

const FORM = 'write 1-2:1.0, or DEVICE:INTERFACE as in 1d6b:0002:0';

/** Says which interfaces a device has, where one is named in the place of an interface. */
function interfacesOf({ sys }: Context, selector: string): string | undefined {
  const devices = attempt(() => findDevices(sys, NO_NAMES, selector, 'usb'), []);
  const names = devices.flatMap((device) =>
    device.framework === 'usb' ? device.usb.interfaces.map(({ number }) => interfaceName(device, number)) : [],
  );
  return names.length === 0 ? undefined : `it has ${[...new Set(names)].join(', ')}`;
}

/** Parses a value of one byte. @param what names it in the error */
export function parseByte(what: string, text: string): number {
  const value = parseSize(text, what);
  if (value > 0xff) throw usageError(text, `is not ${what}: at most 255`);
  return value;
}

/** Prints the document of a change, for `--json`. */
export function printChange(context: Context, address: string, change: UsbChange): void {
  if (context.options.json) context.printJson({ schema: 'udrv.usb.change/1', address, ...change });
}
