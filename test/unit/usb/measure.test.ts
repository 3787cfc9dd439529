import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { UsbDevice } from '../../../src/usb/device/device';
import { inspectUsb } from '../../../src/usb/inspect/inspect';

test('a measurement tells how far it is, and what that takes is in no latency', async () => {
  const { sys } = simulatedMachine();
  const info = inspectUsb(sys, NO_NAMES, '1-2');
  if (info === null) throw new Error('no 1-2');
  const usb = UsbDevice.open(sys, info);
  usb.claim(0);
  const told: number[] = [];
  const DELAY_MS = 120;
  const onServed = (seconds: number) => {
    told.push(seconds);
    const until = performance.now() + DELAY_MS;
    while (performance.now() < until);
    return true;
  };
  const { signal } = new AbortController();
  const measured = await usb.measure(0x81, { size: 512, queue: 1, seconds: 1, timeoutMs: 2000, signal, onServed });
  usb.close();
  expect(measured.status).toBe('ok');
  expect(measured.transfers).toBeGreaterThan(0);
  expect(told.length).toBeGreaterThan(2);
  expect([...told].sort((a, b) => a - b)).toEqual(told);
  expect(told.at(-1)).toBeLessThanOrEqual(1 + DELAY_MS / 1000 + 0.2);
  expect(measured.latencyUs.max).toBeLessThan(DELAY_MS * 1000);
});

test('a time that is over with the first transfer still measures one', async () => {
  const { sys } = simulatedMachine();
  const info = inspectUsb(sys, NO_NAMES, '1-2');
  if (info === null) throw new Error('no 1-2');
  using usb = UsbDevice.open(sys, info);
  usb.claim(0);
  const { signal } = new AbortController();
  const measured = await usb.measure(0x81, { size: 512, queue: 1, seconds: 1e-9, timeoutMs: 2000, signal });
  expect(measured).toMatchObject({ status: 'ok', transfers: 1, actual: 512 });
});
