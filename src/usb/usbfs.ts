import { SysError } from '../errors';
import type { Sys } from '../sys/sys';
import {
  disconnectClaim,
  getDriver,
  setInterface,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_CONNECT,
  USBDEVFS_DISCARDURB,
  USBDEVFS_DISCONNECT,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_GETDRIVER,
  USBDEVFS_IOCTL,
  USBDEVFS_REAPURBNDELAY,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_SETCONFIGURATION,
  USBDEVFS_SETINTERFACE,
  USBDEVFS_SUBMITURB,
  wrappedIoctl,
} from '../uapi/usbdevfs';

/**
 * The ioctls of a usbfs node (drivers/usb/core/devio.c), one function each, without policy: a call that fails throws the
 * kernel's SysError, except where the errno is an answer, such as "no driver is bound".
 */

/** The driver's name that stands for a claim by a process. */
export const USBFS_DRIVER = 'usbfs';

function word(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

/**
 * Makes the call that submits an URB, again and again.
 *
 * @param urb struct usbdevfs_urb in memory that stays until the URB is reaped: the kernel writes to it then
 */
export function urbSubmitter(sys: Sys, fd: number, urb: Buffer): () => number {
  return sys.preparedIoctl(fd, USBDEVFS_SUBMITURB, urb);
}

/**
 * Discards an URB. It has to be reaped all the same, and may have ended otherwise, or with data.
 *
 * @param address the pointer that SUBMITURB was given
 * @returns false where it had already completed
 */
export function discardUrb(sys: Sys, fd: number, address: number): boolean {
  try {
    sys.ioctl(fd, USBDEVFS_DISCARDURB, address);
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === 'EINVAL') return false;
    throw error;
  }
}

/**
 * Makes the call that reaps a completed URB: only then its results and data are in memory. The call returns the URB's
 * address, or 0 where none has completed, and throws ENODEV where the device is gone and none is left.
 */
export function urbReaper(sys: Sys, fd: number): () => number {
  const pointer = Buffer.alloc(8);
  const reap = sys.preparedIoctl(fd, USBDEVFS_REAPURBNDELAY, pointer, 'EAGAIN');
  return () => (reap() < 0 ? 0 : pointer.readUInt32LE(0) + pointer.readUInt32LE(4) * 2 ** 32);
}

/** Asks for the USBDEVFS_CAP_ bits. @returns null where the kernel (before 3.6) does not tell */
export function capabilities(sys: Sys, fd: number): number | null {
  const buffer = word(0);
  try {
    sys.ioctl(fd, USBDEVFS_GET_CAPABILITIES, buffer);
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENOTTY') return null;
    throw error;
  }
  return buffer.readUInt32LE();
}

/** Asks for the driver of an interface. @returns {@link USBFS_DRIVER} for a process, null for none */
export function driverOf(sys: Sys, fd: number, intf: number): string | null {
  const buffer = Buffer.alloc(getDriver.size);
  buffer.writeUInt32LE(intf, getDriver.interface);
  try {
    sys.ioctl(fd, USBDEVFS_GETDRIVER, buffer);
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENODATA') return null;
    throw error;
  }
  const name = buffer.subarray(getDriver.driver, getDriver.driver + getDriver.driverSize);
  const end = name.indexOf(0);
  return name.toString('latin1', 0, end < 0 ? name.length : end);
}

/** Claims an interface. Succeeds too where the descriptor already has it. */
export function claimInterface(sys: Sys, fd: number, intf: number): void {
  sys.ioctl(fd, USBDEVFS_CLAIMINTERFACE, word(intf));
}

/** Releases an interface. Kills its URBs, and sets it to alternate setting 0. */
export function releaseInterface(sys: Sys, fd: number, intf: number): void {
  sys.ioctl(fd, USBDEVFS_RELEASEINTERFACE, word(intf));
}

/** Takes an interface from its driver and claims it, in one step; not from another process. @throws ENOTTY before 3.7 */
export function disconnectAndClaim(sys: Sys, fd: number, intf: number): void {
  const buffer = Buffer.alloc(disconnectClaim.size);
  buffer.writeUInt32LE(intf, disconnectClaim.interface);
  buffer.writeUInt32LE(USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER, disconnectClaim.flags);
  buffer.write(USBFS_DRIVER, disconnectClaim.driver, 'latin1');
  sys.ioctl(fd, USBDEVFS_DISCONNECT_CLAIM, buffer);
}

/** Takes an interface from its driver, or from a process. @returns false where it has none */
export function disconnectDriver(sys: Sys, fd: number, intf: number): boolean {
  try {
    wrapped(sys, fd, intf, USBDEVFS_DISCONNECT);
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENODATA') return false;
    throw error;
  }
}

/** Has the kernel look for a driver. @returns whether one took the interface @throws EBUSY where it has one */
export function connectDriver(sys: Sys, fd: number, intf: number): boolean {
  return wrapped(sys, fd, intf, USBDEVFS_CONNECT) > 0;
}

function wrapped(sys: Sys, fd: number, intf: number, request: number): number {
  const buffer = Buffer.alloc(wrappedIoctl.size);
  buffer.writeInt32LE(intf, wrappedIoctl.interface);
  buffer.writeInt32LE(request, wrappedIoctl.request);
  return sys.ioctl(fd, USBDEVFS_IOCTL, buffer);
}

/** Selects a configuration. @param value bConfigurationValue; 0: none @throws EBUSY while any interface has a driver or is claimed */
export function setConfiguration(sys: Sys, fd: number, value: number): void {
  sys.ioctl(fd, USBDEVFS_SETCONFIGURATION, word(value));
}

/** Selects an alternate setting of a claimed interface. Kills its URBs. */
export function setAlternateSetting(sys: Sys, fd: number, intf: number, alt: number): void {
  const buffer = Buffer.alloc(setInterface.size);
  buffer.writeUInt32LE(intf, setInterface.interface);
  buffer.writeUInt32LE(alt, setInterface.alternateSetting);
  sys.ioctl(fd, USBDEVFS_SETINTERFACE, buffer);
}

/** Clears the halt of an endpoint on both sides. Must not be called while URBs are in flight. */
export function clearHalt(sys: Sys, fd: number, endpoint: number): void {
  sys.ioctl(fd, USBDEVFS_CLEAR_HALT, word(endpoint));
}

/** Resets the port. Claims end. @throws ENODEV where the device came back as another one */
export function resetDevice(sys: Sys, fd: number): void {
  sys.ioctl(fd, USBDEVFS_RESET, 0);
}
