import { findDevice } from '../../devices/select';
import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo, Framework } from '../../model/device';
import { type Names, NO_NAMES } from '../../names/database';
import type { Context } from '../context';

/**
 * The one device of a framework; a device of another one by that name is not it.
 *
 * @param names for who shows the device's own
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
