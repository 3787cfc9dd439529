import { findDevice } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import type { Context } from '../context';
import { describeDevice } from '../output/describe';
import { findOf } from './find';

export function show(context: Context, selector: string): undefined {
  print(context, findDevice(context.sys, context.names, selector));
}

export function showUio(context: Context, selector: string): undefined {
  print(context, findOf(context, 'uio', selector, context.names));
}

export function showVfio(context: Context, selector: string): undefined {
  print(context, findOf(context, 'vfio', selector, context.names));
}

function print(context: Context, found: DeviceInfo): void {
  const device = inDepth(context, found);
  if (context.options.json) context.printJson(device);
  else context.stdout.write(describeDevice(device, context.names, context.style, context.stdout.isTTY));
}

/** With what takes a search through /proc, which a listing does without. */
function inDepth(context: Context, device: DeviceInfo): DeviceInfo {
  if (device.framework !== 'vfio') return device;
  const { vfioDetails } = require('../../vfio/inspect/details') as typeof import('../../vfio/inspect/details');
  return { ...device, vfio: vfioDetails(context.sys, device) };
}
