import { kernelDevices } from '../../bind/in-use/kernel-devices';
import { wayToVfio } from '../../bind/way-to-vfio';
import type { DeviceInfo } from '../../model/device';
import { inspectPciDetails } from '../../pci/function-details';
import { AttributeReader } from '../../sys/readers/attributes';
import { vfioCandidate } from '../../vfio/inspect/candidate';
import { vfioDetails } from '../../vfio/inspect/details';
import type { BusDeviceInDepth, DeviceInDepth, ShowDocument, ShownDevice } from '../documents/devices';
import type { Context } from '../program/context';
import { describeDevice } from './describe';
import { describeOnBus } from './platform-show';

/** Prints devices in depth: the document of a single one, or a list of them. */
export function printDevices(context: Context, found: readonly (DeviceInfo | BusDeviceInDepth)[]): undefined {
  const devices = found.map((device) => (device.framework === 'platform' ? device : inDepth(context, device)));
  const { options, style, width } = context;
  if (options.json) {
    context.printJson(documentOf(devices));
    return;
  }
  const texts = devices.map((device) =>
    device.framework === 'platform'
      ? describeOnBus(device, { options, style, width })
      : describeDevice(device, { style, width, machine: options }),
  );
  context.page(texts.join('\n'));
}

function documentOf(devices: readonly ShownDevice[]): ShowDocument {
  const [only] = devices;
  const schema = 'udrv.show/1';
  return only !== undefined && devices.length === 1 ? { schema, ...only } : { schema, devices };
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
