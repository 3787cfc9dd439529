import { usageError } from '../../errors';
import type { RegisterNames } from '../../regmap/names';
import type { NameSource, SessionDeviceInfo } from '../../session/scope';
import type { VfioOpenOptions } from '../../vfio/device/device';
import type { Context } from '../program/context';
import { registerNames } from '../registers/maps';
import { uioTarget } from '../registers/uio';
import { vfioTarget } from '../registers/vfio';

/**
 * Returns the source of the names of a device's registers. Maps that `--map` gives are read at once; the one that is kept
 * for the device is, when a step first has a word that is no region.
 *
 * @throws UdrvError as {@link registerNames} does
 */
export function sessionNames(
  context: Context,
  info: SessionDeviceInfo,
  { map = [], ...options }: VfioOpenOptions & { map?: string[] },
): NameSource {
  if (info.framework === 'usb') {
    if (map.length > 0) throw usageError('--map', `${info.address} is a USB device, which has no registers`);
    return () => null;
  }
  const target = info.framework === 'uio' ? uioTarget(context, info) : vfioTarget(context, info, options);
  let names: RegisterNames | null | undefined = map.length > 0 ? registerNames(context, target, map) : undefined;
  return () => {
    if (names === undefined) names = registerNames(context, target);
    return names;
  };
}
