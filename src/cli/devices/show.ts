import type { DeviceInfo } from '../../model/device';
import { vfioCandidate } from '../../vfio/inspect/candidate';
import { vfioDetails } from '../../vfio/inspect/details';

import { nameMachine } from '../output/hint';
import type { Context } from '../program/context';
import { type DeviceInDepth, describeDevice } from './describe';

/** Prints a device in depth. */
export function printDevice(context: Context, found: DeviceInfo): undefined {
  const device = inDepth(context, found);
  if (context.options.json) context.printJson(device);
  else {
    const text = describeDevice(device, context.style, context.stdout.isTTY);
    context.stdout.write(nameMachine(text, context.options));
  }
}

/** Adds what takes a search through /proc, which a listing does without. */
function inDepth({ sys }: Context, device: DeviceInfo): DeviceInDepth {
  if (device.framework === 'vfio') return { ...device, vfio: vfioDetails(sys, device) };
  const candidate = device.framework === 'pci' ? vfioCandidate(sys, device) : null;
  return candidate === null ? device : { ...device, candidate };
}
