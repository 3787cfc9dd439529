import { listDevices } from '../../devices/list';
import { findDevice } from '../../devices/select';
import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { type Names, NO_NAMES } from '../../names/database';
import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import type { Context } from '../program/context';
import { noDevice } from './none';

/**
 * Finds the one device of a framework that a selector names.
 *
 * @param names for commands that show the device's own
 * @throws UdrvError exit 3 where there is none, or one of another framework
 */
export function findOf<F extends Framework>(
  context: Context,
  framework: F,
  selector: string,
  names: Names = NO_NAMES,
): Extract<DeviceInfo, { framework: F }> {
  const device = findNamed(context, framework, selector, names);
  if (device.framework === framework) return device as Extract<DeviceInfo, { framework: F }>;
  throw new UdrvError(`is no ${framework.toUpperCase()} device but ${device.framework.toUpperCase()}`, {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: selector,
    hint: elsewhere(context, framework, device),
    device: device.address,
  });
}

/** Tells what may have been meant by a device of another framework. */
function elsewhere({ sys }: Context, wanted: Framework, { framework, address }: DeviceInfo): string {
  const uio = wanted === 'uio' && framework === 'pci' ? uioOf(sys, address) : undefined;
  if (uio !== undefined) return `its UIO device is ${uio}`;
  const own = framework === 'pci' ? `udrv show ${address} tells of it` : `udrv ${framework} --help shows its commands`;
  return `${own}; udrv list --type ${wanted} shows the ${wanted.toUpperCase()} devices`;
}

/** Returns the name of the UIO device of a PCI function. */
export function uioOf(sys: SysTree, address: string): string | undefined {
  return new AttributeReader(sys).names(pciPath(address, 'uio')).find((name) => /^uio\d+$/.test(name));
}

/**
 * Finds the one device that a selector names, whatever its framework.
 *
 * @param framework the one that is meant, undefined for any: where the machine has none of it, the error says what would
 *   make one
 */
export function findNamed(
  { sys }: Context,
  framework: Framework | undefined,
  selector: string,
  names: Names,
): DeviceInfo {
  try {
    return findDevice(sys, names, selector, framework);
  } catch (error) {
    const isMissing = error instanceof UdrvError && error.code === 'ENODEV';
    const all = framework === undefined;
    if (!isMissing || listDevices(sys, NO_NAMES, { type: framework, all }).length > 0) throw error;
    const { message, code, exit, device } = error;
    throw new UdrvError(message, { code, exit, device: device ?? selector, hint: noDevice(sys, framework) });
  }
}

/** Returns the address of the PCI function that a selector names, whatever drives it. @throws UdrvError exit 3 */
export function pciAddressOf(device: DeviceInfo, selector: string): string {
  const address = device.framework === 'uio' ? device.uio.parent : device.framework === 'usb' ? null : device.address;
  if (address !== null) return address;
  throw new UdrvError('is no PCI function', {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: selector,
    hint: 'udrv list --type pci',
    device: device.address,
  });
}
