import { kernelDevices } from '../../bind/in-use/kernel-devices';
import { wayToVfio } from '../../bind/way-to-vfio';
import type { DeviceInfo } from '../../model/device';
import { inspectPciDetails } from '../../pci/function-details';
import { AttributeReader } from '../../sys/readers/attributes';
import { vfioCandidate } from '../../vfio/inspect/candidate';
import { vfioDetails } from '../../vfio/inspect/details';
import type { Context } from '../program/context';
import { type DeviceInDepth, describeDevice } from './describe';
import { type BusDeviceInDepth, describeOnBus } from './platform-show';

/** Prints devices in depth: the document of a single one, or a list of them. */
export function printDevices(context: Context, found: readonly (DeviceInfo | BusDeviceInDepth)[]): undefined {
  const devices = found.map((device) => (device.framework === 'platform' ? device : inDepth(context, device)));
  const { options, style, width } = context;
  if (options.json) {
    context.printJson(devices.length === 1 ? devices[0] : { devices });
    return;
  }
  const texts = devices.map((device) =>
    device.framework === 'platform'
      ? describeOnBus(device, { options, style, width })
      : describeDevice(device, { style, width, machine: options }),
  );
  context.page(texts.join('\n'));
}

/** Adds what takes a search through /proc, /sys/class or the modules' aliases, which a listing does without. */
function inDepth({ sys }: Context, device: DeviceInfo): DeviceInDepth {
  if (device.framework !== 'vfio' && device.framework !== 'pci') return device;
  const { address } = device;
  const details = inspectPciDetails(new AttributeReader(sys), address);
  const pci = { ...device.pci, ...details, kernelDevices: kernelDevices(sys).get(address) ?? [] };
  const way = { wayToVfio: wayToVfio(sys, address) };
  if (device.framework === 'vfio') return { ...device, pci, vfio: vfioDetails(sys, device), ...way };
  const candidate = vfioCandidate(sys, device);
  return candidate === null ? { ...device, pci, ...way } : { ...device, pci, candidate, ...way };
}
