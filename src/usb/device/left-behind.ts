import { Cleanup, closing, withLater } from '../../cleanup';
import { Exit, fromSysError, SysError, type UdrvError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import type { Sys } from '../../sys/sys';
import { openFailed } from '../errors';
import { interfaceName } from '../inspect/address';
import { inspectUsb } from '../inspect/inspect';
import { USBFS_DRIVER } from '../usbfs';
import { hasDriverAgain, probeCommand } from './claims';
import type { UsbDevice } from './device';
import { plugOf, type TakenInterfaces } from './taken';

/** An interface that has no driver, because the process which took it from one was killed. */
export interface LeftInterface {
  /** `1-2:1.0` */
  name: string;
  number: number;
  driver: string;
}

/**
 * Finds the interfaces of a note that still have no driver.
 *
 * @returns null where another process uses one of them: then it is too early to give back the others
 */
export function leftInterfaces(sys: Sys, taken: TakenInterfaces): LeftInterface[] | null {
  const device = deviceOf(sys, taken);
  if (device === null) return [];
  const driverNow = (intf: number) => device.usb.interfaces.find(({ number }) => number === intf)?.driver;
  if (taken.drivers.some(([number]) => driverNow(number) === USBFS_DRIVER)) return null;
  return taken.drivers
    .filter(([number]) => driverNow(number) === null)
    .sort(([a], [b]) => a - b)
    .map(([number, driver]) => ({ name: interfaceName(device, number), number, driver }));
}

/**
 * Has the kernel look for drivers of interfaces that a note tells of.
 *
 * @returns the errors of those that no driver took
 * @throws UdrvError where the device does not open
 */
export function giveBackInterfaces(sys: Sys, taken: TakenInterfaces, left: readonly LeftInterface[]): UdrvError[] {
  const device = deviceOf(sys, taken);
  if (device === null) return [];
  const fd = openNode(sys, device);
  const node = { close: () => sys.close(fd) };
  try {
    const errors = left.flatMap((one) => giveBack(sys, fd, device, one) ?? []);
    node.close();
    return errors;
  } catch (error) {
    throw closing(node, error);
  }
}

function giveBack(sys: Sys, fd: number, device: UsbDeviceInfo, { name, number, driver }: LeftInterface) {
  try {
    return hasDriverAgain(sys, fd, number) ? null : notTakenBack(device, name, driver, 'ENODATA');
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return notTakenBack(device, name, driver, error.code);
  }
}

/**
 * Closes a device.
 *
 * @throws what closing failed with; for each interface that its driver did not take back, a UdrvError goes with it
 */
export function closeWhole(device: UsbDevice): void {
  const cleanup = new Cleanup();
  const close = () => {
    const [first, ...others] = device
      .close()
      .map(({ interface: name, driver, code }) => notTakenBack(device.info, name, driver, code));
    if (first !== undefined) throw withLater(first, others);
  };
  // Twice: where one throws, the next returns what was not given back.
  cleanup.defer(close);
  cleanup.defer(close);
  cleanup.close();
}

/** An interface that its driver does not take back. @param code the errno of the kernel; ENODATA: none took it */
function notTakenBack({ address }: UsbDeviceInfo, name: string, driver: string, code: string): UdrvError {
  return fromSysError(new SysError('ioctl', code, name), {
    message: `${driver} did not take it back`,
    exit: code === 'ENODEV' ? Exit.gone : Exit.failed,
    hint: probeCommand(name),
    device: address,
  });
}

function deviceOf(sys: Sys, { address, device }: TakenInterfaces): UsbDeviceInfo | null {
  const found = inspectUsb(sys, NO_NAMES, address);
  return found !== null && plugOf(found) === device ? found : null;
}

function openNode(sys: Sys, device: UsbDeviceInfo): number {
  try {
    return sys.open(device.node ?? '', { write: true });
  } catch (error) {
    throw error instanceof SysError ? openFailed(device, error) : error;
  }
}
