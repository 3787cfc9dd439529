import { Exit, UdrvError } from '../../errors';
import { NO_NAMES } from '../../names/database';
import { inspectUio } from '../../uio/inspect';
import { findNamed, uioOf } from '../devices/find';
import { findVfio } from '../devices/vfio';
import type { Context } from '../program/context';
import type { Target } from './target';
import { uioTarget } from './uio';
import { vfioTarget } from './vfio';

/** Finds a device with registers, by UIO or VFIO, as the device is. @throws UdrvError exit 3 */
export function findAnyTarget(context: Context, selector: string): Target {
  const device = findNamed(context, undefined, selector, NO_NAMES);
  if (device.framework === 'uio') return uioTarget(context, device);
  const name = device.framework === 'pci' ? uioOf(context.sys, device.address) : undefined;
  const uio = name === undefined ? null : inspectUio(context.sys, name);
  if (uio !== null) return uioTarget(context, uio);
  if (device.framework === 'vfio') return vfioTarget(context, device, {});
  if (device.framework === 'pci') return vfioTarget(context, findVfio(context, selector, 'dump'), {});
  throw new UdrvError('is a USB device: it has no registers', {
    code: 'ENODEV',
    exit: Exit.notFound,
    device: selector,
  });
}
