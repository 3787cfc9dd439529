import { listDevices } from '../../devices/list';
import { findDevice } from '../../devices/select';
import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { type Names, NO_NAMES } from '../../names/database';
import type { Context } from '../program/context';
import { howToGet } from './none';

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
    hint: `udrv list --type ${framework}`,
    device: device.address,
  });
}

/**
 * Finds the one device that a selector names, whatever its framework.
 *
 * @param framework the one that is meant: where the machine has none of it, the error says what would make one
 */
export function findNamed({ sys }: Context, framework: Framework, selector: string, names: Names): DeviceInfo {
  try {
    return findDevice(sys, names, selector, framework);
  } catch (error) {
    const isMissing = error instanceof UdrvError && error.code === 'ENODEV';
    if (!isMissing || listDevices(sys, NO_NAMES, { type: framework }).length > 0) throw error;
    const { message, code, exit, device } = error;
    const hint = `there is no ${framework.toUpperCase()} device: ${howToGet(framework)}`;
    throw new UdrvError(message, { code, exit, device: device ?? selector, hint });
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
