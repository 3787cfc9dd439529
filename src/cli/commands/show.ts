import { Exit, UdrvError } from '../../errors';
import type { Device, Framework } from '../../model/device';
import { findDevice } from '../../select';
import type { Context } from '../context';
import { describeDevice } from '../output/describe';

export function show(context: Context, selector: string): undefined {
  print(context, findDevice(context.sys, context.names, selector));
}

export function showUio(context: Context, selector: string): undefined {
  print(context, findOf(context, 'uio', selector));
}

export function showVfio(context: Context, selector: string): undefined {
  print(context, findOf(context, 'vfio', selector));
}

/** The one device of a framework; a device of another one by that name is not it. */
export function findOf<F extends Framework>(
  context: Context,
  framework: F,
  selector: string,
): Extract<Device, { framework: F }> {
  const device = findDevice(context.sys, context.names, selector, framework);
  if (device.framework === framework) return device as Extract<Device, { framework: F }>;
  throw new UdrvError(`is no ${framework.toUpperCase()} device but ${device.framework.toUpperCase()}`, {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: selector,
    hint: `udrv list --type ${framework}`,
    device: device.address,
  });
}

function print(context: Context, found: Device): void {
  const device = inDepth(context, found);
  if (context.options.json) context.printJson(device);
  else context.stdout.write(describeDevice(device, context.names, context.style, context.stdout.isTTY));
}

/** With what takes a search through /proc, which a listing does without. */
function inDepth(context: Context, device: Device): Device {
  if (device.framework !== 'vfio') return device;
  const { vfioDetails } = require('../../vfio/details') as typeof import('../../vfio/details');
  return { ...device, vfio: vfioDetails(context.sys, device) };
}
