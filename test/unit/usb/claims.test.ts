import { SysError } from '../../../src/errors';
import type { UsbDeviceInfo } from '../../../src/model/device';
import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import {
  getDriver,
  USBDEVFS_CONNECT,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_GETDRIVER,
  USBDEVFS_IOCTL,
  USBDEVFS_RELEASEINTERFACE,
  wrappedIoctl,
} from '../../../src/uapi/usbdevfs';
import { Claims, type NotGivenBack } from '../../../src/usb/device/claims';
import { inspectUsb } from '../../../src/usb/inspect/inspect';

/** A node of a device with three interfaces, each with a driver, as usbfs knows it. */
class Node {
  readonly drivers: (string | null)[] = ['first', 'second', 'third'];
  /** Errno, or null for a look that finds no driver, of CONNECT by interface. */
  readonly refusals = new Map<number, string | null>();
  isThere = true;

  get sys(): Sys {
    return {
      access: () => (this.isThere ? 'rw' : null),
      ioctl: (_: number, request: number, argument: Buffer) => this.#ioctl(request, argument),
    } as never;
  }

  #ioctl(request: number, argument: Buffer): number {
    const intf = argument.readUInt32LE(0);
    switch (request) {
      case USBDEVFS_GETDRIVER: {
        const driver = this.drivers[intf];
        if (driver === null || driver === undefined) throw new SysError('ioctl', 'ENODATA', 'node');
        argument.fill(0, getDriver.driver).write(driver, getDriver.driver);
        return 0;
      }
      case USBDEVFS_DISCONNECT_CLAIM:
        this.drivers[intf] = 'usbfs';
        return 0;
      case USBDEVFS_RELEASEINTERFACE:
        this.drivers[intf] = null;
        return 0;
      case USBDEVFS_IOCTL: {
        expect(argument.readUInt32LE(wrappedIoctl.request)).toBe(USBDEVFS_CONNECT);
        const refusal = this.refusals.get(intf);
        if (refusal === null) return 0;
        if (refusal !== undefined) throw new SysError('ioctl', refusal, 'node');
        this.drivers[intf] = 'again';
        return 1;
      }
      default:
        throw new SysError('ioctl', 'ENOTTY', 'node');
    }
  }
}

function claimed() {
  const node = new Node();
  const disk = inspectUsb(simulatedMachine().sys, NO_NAMES, '1-4') as UsbDeviceInfo;
  const [intf] = disk.usb.interfaces as [UsbDeviceInfo['usb']['interfaces'][number]];
  const interfaces = [0, 1, 2].map((number) => ({ ...intf, number }));
  const claims = new Claims(node.sys, 3, () => ({ ...disk, usb: { ...disk.usb, interfaces } }), undefined);
  for (const number of [0, 1, 2]) claims.claim(number, { detach: true });
  const missing: NotGivenBack[] = [];
  return { node, missing, giveBack: () => claims.giveBack(missing) };
}

test('all interfaces are given back', () => {
  const { node, missing, giveBack } = claimed();
  giveBack();
  expect(node.drivers).toEqual(['again', 'again', 'again']);
  expect(missing).toEqual([]);
});

test.each([
  ['EIO', 'EIO'],
  [null, 'ENODATA'],
  // The kernel says that a driver has it, and none has.
  ['EBUSY', 'ENODATA'],
])('giving back goes on past the first that fails: CONNECT answers %s', (refusal, code) => {
  const { node, missing, giveBack } = claimed();
  node.refusals.set(0, refusal).set(2, refusal);
  giveBack();
  expect(node.drivers).toEqual([null, 'again', null]);
  expect(missing.map((one) => [one.interface, one.driver, one.code])).toEqual([
    ['1-4:1.0', 'first', code],
    ['1-4:1.2', 'third', code],
  ]);
});

test('there is nothing to say of a device that is gone', () => {
  const { node, missing, giveBack } = claimed();
  for (const intf of [0, 1, 2]) node.refusals.set(intf, 'ENODEV');
  node.isThere = false;
  giveBack();
  expect(missing).toEqual([]);
});
