// Rates on the simulated machine, by what is done to it between two looks.
import { ActivityMeter, isPresent, presence } from '../../../src/devices/activity';
import { listDevices } from '../../../src/devices/list';
import { NO_NAMES } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { UioDevice } from '../../../src/uio/device';
import { UsbDevice } from '../../../src/usb/device/device';
import type { UsbTraffic } from '../../../src/usb/usbmon';

let machine: SimulatedMachine;
beforeEach(() => {
  machine = simulatedMachine();
});

const devices = () => listDevices(machine.sys, NO_NAMES, { all: true });
const device = (address: string) => devices().filter((one) => one.address === address);

/** Measures what `act` does: the counts behind the rates. */
async function counts(address: string, act: () => unknown, traffic?: Pick<UsbTraffic, 'take'>) {
  const meter = new ActivityMeter(machine.sys, device(address), traffic as UsbTraffic | undefined);
  await act();
  // An interval of which a rate can be made.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { seconds, activities } = meter.measure(device(address));
  expect(seconds).toBeGreaterThan(0.01);
  const { device: _, ...rates } = activities[0] ?? {};
  return Object.fromEntries(
    Object.entries(rates).map(([name, rate]) => [name, rate === null ? null : Math.round(rate * seconds)]),
  );
}

const NOTHING = { interruptsPerSecond: null, eventsPerSecond: null, urbsPerSecond: null, bytesPerSecond: null };

test('a UIO device: its interrupt line, and the events that its driver counted', async () => {
  const { controls, sys } = machine;
  const [info] = device('uio0');
  if (info?.framework !== 'uio') throw new Error('no uio0');
  using uio = UioDevice.open(sys, info, { write: true });
  uio.setInterrupt(true);
  const raise = () => {
    for (let i = 0; i < 4; i++) {
      controls.raise('uio0');
      uio.region('map0').write(0x64, 4, 1);
      uio.setInterrupt(true);
    }
  };
  expect(await counts('uio0', raise)).toEqual({ ...NOTHING, interruptsPerSecond: 4, eventsPerSecond: 4 });
  expect(await counts('uio0', () => {})).toEqual({ ...NOTHING, interruptsPerSecond: 0, eventsPerSecond: 0 });
});

test('a platform device has no line that sysfs tells of', async () => {
  expect(await counts('uio1', () => machine.controls.setEventCount('uio1', 0))).toMatchObject({
    interruptsPerSecond: null,
  });
});

test('a count that wraps goes on, and one that begins anew is not known', async () => {
  const set = (count: number) => machine.controls.setEventCount('uio2', count);
  set(-4);
  expect(await counts('uio2', () => set(6))).toMatchObject({ eventsPerSecond: 10 });
  set(1000);
  expect(await counts('uio2', () => set(3))).toMatchObject({ eventsPerSecond: null });
});

test('a USB device: its transfers, and its bytes where somebody counts them', async () => {
  const [info] = device('1-2');
  if (info?.framework !== 'usb') throw new Error('no 1-2');
  const usb = UsbDevice.open(machine.sys, info);
  const ask = async () => {
    for (let i = 0; i < 6; i++)
      await usb.controlIn({ bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 }, 18, { timeoutMs: 1000 });
  };
  expect(await counts('1-2', ask)).toEqual({ ...NOTHING, urbsPerSecond: 6 });
  const place = `${info.usb.bus}/${info.usb.device}`;
  const bytes = (found: Map<string, number> | null) => counts('1-2', () => {}, { take: () => found });
  expect(await bytes(new Map([[place, 3000]]))).toMatchObject({ urbsPerSecond: 0, bytesPerSecond: 3000 });
  expect(await bytes(new Map())).toMatchObject({ bytesPerSecond: 0 });
  expect(await bytes(null)).toMatchObject({ bytesPerSecond: null });
  usb.close();
});

test('a device that has come since has no rates yet', () => {
  const meter = new ActivityMeter(machine.sys, []);
  expect(meter.measure(device('uio0')).activities).toEqual([{ ...NOTHING, device: device('uio0')[0] }]);
});

test('without /proc/interrupts, and of a device that is gone, nothing is known', async () => {
  const [info] = device('1-2');
  if (info === undefined) throw new Error('no 1-2');
  const before = presence(machine.sys);
  const meter = new ActivityMeter(machine.sys, [info]);
  expect(isPresent(machine.sys, info)).toBe(true);
  machine.controls.unplug('1-2');
  expect(isPresent(machine.sys, info)).toBe(false);
  expect(presence(machine.sys)).not.toBe(before);
  expect(meter.measure([info]).activities).toEqual([{ ...NOTHING, device: info }]);
});
