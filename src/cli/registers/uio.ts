import type { UioDeviceInfo } from '../../model/device';
import { UioDevice } from '../../uio/device';
import { findOf } from '../devices/find';
import type { Context } from '../program/context';
import type { Target } from './target';

/** Finds a UIO device by a selector, to open it for its registers. */
export function findUioTarget(context: Context, selector: string): Target {
  return uioTarget(context, findOf(context, 'uio', selector));
}

/** Makes a target of a UIO device. */
export function uioTarget(context: Context, device: UioDeviceInfo): Target {
  return {
    address: device.address,
    regions: device.uio.regions,
    open: (options) => UioDevice.open(context.sys, device, options),
  };
}
