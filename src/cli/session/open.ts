import { findDevice } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import type { NameSource, SessionDeviceInfo } from '../../session/scope';
import { Session } from '../../session/session';
import type { VfioOpenOptions } from '../../vfio/device/device';
import { findVfio, openForAccess } from '../devices/vfio';
import { journalOf } from '../journal/open';
import type { Context } from '../program/context';

/** Finds a device that a session can hold open. @throws UdrvError exit 3 */
export function findSessionDevice(context: Context, selector: string): SessionDeviceInfo {
  const device: DeviceInfo = findDevice(context.sys, NO_NAMES, selector);
  // A function of another driver is refused with the command that binds it.
  return device.framework === 'pci' ? findVfio(context, selector) : device;
}

/** Opens a device for a session. */
export function openSession(
  context: Context,
  info: SessionDeviceInfo,
  options: VfioOpenOptions,
  names: NameSource,
): Session {
  const own = { timeoutMs: context.options.timeout, names, journal: journalOf(context) };
  return info.framework === 'vfio'
    ? new Session(context.sys, openForAccess(context, info, options), own)
    : Session.open(context.sys, info, own);
}

/** Returns the open as a step of `--dry-run`. */
export function openStep({ framework, address }: SessionDeviceInfo): string {
  return framework === 'vfio'
    ? `open ${address}: the kernel resets the device, if it can, and switches its bus mastering off`
    : `open ${address}`;
}
