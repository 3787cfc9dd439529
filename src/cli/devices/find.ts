import { findDevice } from '../../devices/select';
import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { type Names, NO_NAMES } from '../../names/database';
import type { Context } from '../program/context';

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
  const device = findDevice(context.sys, names, selector, framework);
  if (device.framework === framework) return device as Extract<DeviceInfo, { framework: F }>;
  throw new UdrvError(`is no ${framework.toUpperCase()} device but ${device.framework.toUpperCase()}`, {
    code: 'ENODEV',
    exit: Exit.notFound,
    subject: selector,
    hint: `udrv list --type ${framework}`,
    device: device.address,
  });
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
