import type { UioDeviceInfo } from '../../model/device';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';
import { UioDevice } from '../../uio/device';
import { findOf } from '../devices/find';
import { journalOf } from '../journal/open';
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
    isPhysical: device.uio.parent === null,
    kinds: () => kindsOf(context.sys, device),
    open: (options) => UioDevice.open(context.sys, device, { ...options, journal: journalOf(context) }),
  };
}

function kindsOf(sys: SysTree, { address, vendorId, deviceId }: UioDeviceInfo): string[] {
  if (vendorId !== null && deviceId !== null) return [`${vendorId}:${deviceId}`];
  // A list of strings, each with its NUL; the most specific first.
  const path = `/sys/class/uio/${address}/device/of_node/compatible`;
  return attempt(() => sys.readFile(path).toString('latin1').split('\0'), []).filter((kind) => kind !== '');
}
