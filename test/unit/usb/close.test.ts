import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { traced } from '../../../src/sys/trace';
import { UsbDevice } from '../../../src/usb/device/device';
import { inspectUsb } from '../../../src/usb/inspect/inspect';

const DISK = '/dev/bus/usb/001/002';

/** The disk, taken from its driver, with what is asked of the kernel in `calls`. */
function opened() {
  const { sys, controls } = simulatedMachine();
  const calls: string[] = [];
  const inspected = () => {
    const info = inspectUsb(sys, new NameDatabase(sys), '1-4');
    if (info === null) throw new Error('1-1 is not there');
    return info;
  };
  const device = UsbDevice.open(
    traced(sys, (line) => calls.push(line)),
    inspected(),
  );
  device.claim(0, { detach: true });
  return { controls, calls, device, driver: () => inspected().usb.interfaces[0]?.driver ?? null };
}

test('a transfer that cannot be ended keeps no driver from its interface', async () => {
  const { controls, calls, device, driver } = opened();
  expect(driver()).toBe('usbfs');
  const reading = device.read(0x81, 512);
  controls.fail('ioctl', DISK, 'EIO', 1);
  expect(() => device.close()).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(driver()).toBe('usb-storage');
  expect(calls.filter((call) => call.startsWith('close('))).toHaveLength(1);
  expect(await reading).toMatchObject({ status: 'cancelled', actual: 0 });
  expect(device.close()).toEqual([]);
});

test('an interface that is not released is not taken for one that its driver has', () => {
  const { controls, calls, device, driver } = opened();
  controls.fail('ioctl', DISK, 'EIO', 1);
  expect(() => device.close()).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(calls.filter((call) => call.startsWith('close('))).toHaveLength(1);
  // The kernel releases it with the descriptor, and looks for no driver then.
  expect(driver()).toBeNull();
});

test('an error of the kernel that comes up in the event loop is that of who waits', async () => {
  const { sys, controls } = simulatedMachine();
  const info = inspectUsb(sys, new NameDatabase(sys), '1-3.1');
  if (info?.node == null) throw new Error('there is no keyboard');
  const device = UsbDevice.open(sys, info);
  device.claim(0, { detach: true });
  const reading = device.read(0x81, 8);
  await new Promise((resolve) => setTimeout(resolve, 10));
  controls.fail('ioctl', info.node, 'EBADMSG');
  controls.key('1-3.1', 4);
  await expect(reading).rejects.toMatchObject({ code: 'EBADMSG', exit: 1, device: '1-3.1' });
  controls.clearFaults();
  expect(device.close()).toEqual([]);
});
