import type { DeviceInfo } from '../../model/device';
import { inspectPciDetails } from '../../pci/function-details';
import { AttributeReader } from '../../sys/readers/attributes';
import { vfioCandidate } from '../../vfio/inspect/candidate';
import { vfioDetails } from '../../vfio/inspect/details';
import type { Context } from '../program/context';
import { type DeviceInDepth, describeDevice } from './describe';

/** Prints a device in depth. */
export function printDevice(context: Context, found: DeviceInfo): undefined {
  const device = inDepth(context, found);
  const { options, style, width } = context;
  if (options.json) context.printJson(device);
  else context.page(describeDevice(device, { style, width, machine: options }));
}

/** Adds what takes a search through /proc or the modules' aliases, which a listing does without. */
function inDepth({ sys }: Context, device: DeviceInfo): DeviceInDepth {
  if (device.framework !== 'vfio' && device.framework !== 'pci') return device;
  const pci = { ...device.pci, ...inspectPciDetails(new AttributeReader(sys), device.address) };
  if (device.framework === 'vfio') return { ...device, pci, vfio: vfioDetails(sys, device) };
  const candidate = vfioCandidate(sys, device);
  return candidate === null ? { ...device, pci } : { ...device, pci, candidate };
}
