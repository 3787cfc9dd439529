import { Exit, UdrvError, usageError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { pause } from '../../sys/wait';
import type { UsbDevice } from '../../usb/device/device';
import { findEndpoint } from '../../usb/device/endpoints';
import { notAuthorized } from '../../usb/errors';
import { endpointName, interfaceName } from '../../usb/inspect/address';
import { inspectUsb } from '../../usb/inspect/inspect';
import type { Context } from '../context';
import { parseSize } from '../parse';
import { findOf } from './find';
import { steps } from './usb-bulk';
import { claimedSteps, mustBeIdle, parseEndpoint, type TakeOptions, withUsb } from './usb-open';

/** How long a device that was reset may take to come back as another one. */
const RETURN_MS = 5000;
const LOOK_MS = 50;

export async function reset(context: Context, selector: string, options: TakeOptions): Promise<number | undefined> {
  const info = findOf(context, 'usb', selector);
  const { address } = info;
  const drivers = driversOf(info);
  mustBeIdle(context, info, null, options.force);
  if (context.options.dryRun) {
    context.printSteps([
      `${address}: reset its port`,
      ...drivers.map((d) => `${d.interface}: ${d.driver} starts anew`),
    ]);
    return undefined;
  }
  for (const { interface: name, driver } of drivers) context.note(`${name}: ${driver} starts anew`);
  const code = await withUsb(context, info, async (usb) => {
    try {
      usb.reset();
    } catch (error) {
      // Its descriptors are not what they were: it is enumerated again, under another number.
      if (!(error instanceof UdrvError) || error.exit !== Exit.gone) throw error;
      await comesBack(context, address, context.options.timeout ?? RETURN_MS);
    }
  });
  if (code === undefined) report(context, address, 'reset');
  return code;
}

async function comesBack(context: Context, address: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    await pause(LOOK_MS);
    const device = inspectUsb(context.sys, context.names, address);
    if (device !== null && device.access !== null && device.usb.configuration !== null) {
      context.note(`${address}: it came back as another device: ${device.node}`);
      return;
    }
    if (performance.now() >= deadline)
      throw new UdrvError('did not come back after the reset', {
        code: 'ENODEV',
        exit: Exit.gone,
        subject: address,
        hint: `udrv monitor --type usb shows when it does; a hub's port can be off: udrv usb list --tree`,
        device: address,
      });
  }
}

export async function config(
  context: Context,
  selector: string,
  valueText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const value = small('a configuration', valueText);
  const info = findOf(context, 'usb', selector);
  const drivers = driversOf(info);
  mustBeIdle(context, info, null, options.force);
  if (context.options.dryRun) {
    const lost = drivers.map((d) => `${d.interface}: take it from ${d.driver}`);
    context.printSteps([...lost, `${info.address}: select configuration ${value}`]);
    return undefined;
  }
  for (const { interface: name, driver } of drivers)
    context.note(`${name}: ${driver} ${value === info.usb.configuration ? 'starts anew' : 'loses it'}`);
  const code = await withUsb(context, info, async (usb) => {
    // The kernel changes nothing while an interface has a driver. Where it fails, they come back.
    const taken = drivers.filter(({ number }) => usb.detachDriver(number));
    try {
      usb.setConfiguration(value);
    } catch (error) {
      giveBack(usb, taken);
      throw error;
    }
    // For another configuration the kernel looks for drivers itself; the same one it only resets.
    if (value === info.usb.configuration) giveBack(usb, taken);
  });
  if (code === undefined) report(context, info.address, 'config', { configuration: value });
  return code;
}

function giveBack(usb: UsbDevice, taken: readonly DrivenInterface[]): void {
  for (const { number } of taken) usb.attachDriver(number);
}

export async function alt(
  context: Context,
  target: string,
  valueText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const value = small('an alternate setting', valueText);
  const { info, intf, name } = findInterface(context, target);
  if (!info.usb.interfaces.some((i) => i.number === intf && i.alt === value))
    throw new UdrvError(`has no alternate setting ${value}`, {
      code: 'ENOENT',
      exit: Exit.notFound,
      subject: name,
      hint: `it has ${info.usb.interfaces
        .filter((i) => i.number === intf)
        .map((i) => i.alt)
        .join(', ')}`,
      device: info.address,
    });
  if (options.detach) mustBeIdle(context, info, intf, options.force);
  if (context.options.dryRun) {
    context.printSteps(
      claimedSteps(info, intf, options.detach ?? false, [`${name}: select alternate setting ${value}`]),
    );
    return undefined;
  }
  const code = await withUsb(context, info, async (usb) => {
    usb.claim(intf, { detach: options.detach ?? false, alt: value });
  });
  if (code !== undefined) return code;
  // usb_unbind_interface() in drivers/usb/core/driver.c.
  if (value !== 0)
    context.note(
      `${name}: the device took it; the kernel goes back to setting 0 when udrv lets go of the interface: to work with it, give --alt ${value} to bulk, int or iso`,
    );
  report(context, name, 'alt', { alt: value });
  return undefined;
}

export async function clearHalt(
  context: Context,
  selector: string,
  endpointText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const address = parseEndpoint(endpointText);
  const info = findOf(context, 'usb', selector);
  const found = findEndpoint(info, address);
  const { setting } = found;
  if (options.detach) mustBeIdle(context, info, setting.number, options.force);
  if (context.options.dryRun) {
    context.printSteps(steps(info, found, options, 'clear its halt'));
    return undefined;
  }
  const code = await withUsb(context, info, async (usb) => {
    usb.claim(setting.number, { detach: options.detach ?? false });
    usb.clearHalt(address);
  });
  if (code === undefined) report(context, info.address, 'clear-halt', { endpoint: endpointName(address) });
  return code;
}

export async function detach(context: Context, target: string, options: TakeOptions): Promise<number | undefined> {
  const { info, intf, name } = findInterface(context, target);
  mustBeIdle(context, info, intf, options.force);
  if (context.options.dryRun) {
    context.printSteps([`${name}: take it from its driver`]);
    return undefined;
  }
  let driver: string | null = null;
  const code = await withUsb(context, info, async (usb) => {
    driver = usb.driverOf(intf);
    if (usb.detachDriver(intf)) context.note(`${name}: taken from ${driver}; udrv usb attach ${name} gives it back`);
    else context.note(`${name}: has no driver`);
  });
  if (code === undefined) report(context, name, 'detach', { driver });
  return code;
}

export async function attach(context: Context, target: string): Promise<number | undefined> {
  const { info, intf, name } = findInterface(context, target);
  if (context.options.dryRun) {
    context.printSteps([`${name}: have the kernel look for a driver`]);
    return undefined;
  }
  let driver: string | null = null;
  const code = await withUsb(context, info, async (usb) => {
    if (!usb.attachDriver(intf))
      throw new UdrvError('no driver takes it', {
        code: 'ENODATA',
        exit: Exit.failed,
        subject: name,
        hint: `is its driver there? modprobe -R "$(cat /sys/bus/usb/devices/${name}/modalias)"`,
        device: info.address,
      });
    driver = usb.driverOf(intf);
    context.note(`${name}: ${driver} has it`);
  });
  if (code === undefined) report(context, name, 'attach', { driver });
  return code;
}

function report(context: Context, address: string, action: string, facts: object = {}): void {
  if (context.options.json) context.printJson({ address, action, ...facts });
}

interface DrivenInterface {
  interface: string;
  number: number;
  driver: string;
}

/** The interfaces that a kernel driver has. */
function driversOf(info: UsbDeviceInfo): DrivenInterface[] {
  const active = info.usb.interfaces.filter((i) => i.active);
  return active.flatMap(({ number, driver }) =>
    driver === null || driver === 'usbfs' ? [] : [{ interface: interfaceName(info, number), number, driver }],
  );
}

/** `1-2:1.0` as the kernel has it, or any selector of a device with `:INTERFACE` behind it. */
function findInterface(context: Context, target: string): { info: UsbDeviceInfo; intf: number; name: string } {
  const match = /^(.+):(?:(\d{1,3})\.)?(\d{1,3})$/.exec(target);
  const ids = /^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(target);
  if (match?.[1] === undefined || ids)
    throw usageError(target, 'names no interface', 'write 1-2:1.0, or DEVICE:INTERFACE as in 1d6b:0002:0');
  const root = /^(\d+)-0$/.exec(match[1])?.[1];
  const info = findOf(context, 'usb', root === undefined ? match[1] : `usb${root}`);
  const intf = Number(match[3]);
  const name = interfaceName(info, intf);
  const { configuration, interfaces } = info.usb;
  const there = interfaces.some(({ number }) => number === intf);
  if (!there && info.usb.authorized === false) throw notAuthorized(info);
  if (!there || (match[2] !== undefined && Number(match[2]) !== configuration))
    throw new UdrvError(
      configuration === null ? 'the device is not configured: it has no interfaces' : 'no such interface now',
      {
        code: 'ENOENT',
        exit: Exit.notFound,
        subject: target,
        hint: there ? `its configuration is ${configuration}: ${name}` : `udrv usb show ${info.address}`,
        device: info.address,
      },
    );
  return { info, intf, name };
}

function small(what: string, text: string): number {
  const value = parseSize(text, what);
  if (value > 0xff) throw usageError(text, `is not ${what}: at most 255`);
  return value;
}
