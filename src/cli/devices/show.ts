import type { DeviceInfo } from '../../model/device';
import { vfioDetails } from '../../vfio/inspect/details';
import type { Context } from '../program/context';
import { describeDevice } from './describe';

/** Prints a device in depth. */
export function printDevice(context: Context, found: DeviceInfo): undefined {
  const device = inDepth(context, found);
  if (context.options.json) context.printJson(device);
  else context.stdout.write(describeDevice(device, context.style, context.stdout.isTTY));
}

/** Adds what takes a search through /proc, which a listing does without. */
function inDepth(context: Context, device: DeviceInfo): DeviceInfo {
  return device.framework === 'vfio' ? { ...device, vfio: vfioDetails(context.sys, device) } : device;
}
