// The UIO driver on the simulated edu at uio0.
import { findDevice } from '../../../src/devices/select';
import { Edu } from '../../../src/drivers/edu';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { UioDevice } from '../../../src/uio';

let sim: SimulatedMachine;
let device: UioDevice;

function open(address: string): UioDevice {
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), address);
  if (info.framework !== 'uio') throw new Error(`${address} is no UIO device`);
  return UioDevice.open(sim.sys, info, { write: true });
}

beforeEach(() => {
  sim = simulatedMachine();
  device = open('uio0');
});
afterEach(() => device.close());

test('it identifies the device', async () => {
  await using edu = Edu.open(device);
  expect(edu.version).toEqual({ major: 1, minor: 0 });
  expect(edu.liveness(0x12345678)).toBe(0xedcba987);
});

test('factorials end with an interrupt, one after another', async () => {
  await using edu = Edu.open(device);
  const values = Array.from({ length: 13 }, (_, i) => i);
  expect(await Promise.all(values.map((value) => edu.factorial(value)))).toEqual([
    1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600,
  ]);
  expect(edu.interrupts).toBe(13);
});

test.each([-1, 13, 1.5, Number.NaN])('%s is refused before anything is written', async (value) => {
  await using edu = Edu.open(device);
  sim.controls.record();
  await expect(edu.factorial(value)).rejects.toThrow(RangeError);
  expect(sim.controls.accesses).toEqual([]);
});

test('interrupts that are raised are served and acknowledged, with a factorial under way too', async () => {
  await using edu = Edu.open(device);
  for (let i = 1; i <= 100; i++) expect(await edu.raise(0x10)).toBe(0x10);
  const [served, result] = await Promise.all([edu.raise(0x20), edu.factorial(5)]);
  expect([served & 0x20, result]).toEqual([0x20, 120]);
  expect(sim.controls.edu('uio0').irqStatus).toBe(0);
});

test('an interrupt that was pending before the open does not count as an answer', async () => {
  sim.controls.raise('uio0', 0x40);
  await using edu = Edu.open(device);
  expect(await edu.raise(0x1)).toBe(0x1);
});

test('the close silences the device, and ends who waits', async () => {
  const edu = Edu.open(device);
  await edu.raise(1);
  const waiting = edu.factorial(3);
  const ended = expect(waiting).rejects.toMatchObject({ message: 'was closed', subject: 'uio0' });
  await Promise.resolve();
  await edu.close();
  await ended;
  await edu.close();
  expect(device.region('map0').read(0x20, 4)).toBe(0);
  expect(sim.controls.edu('uio0').irqStatus).toBe(0);
  await expect(edu.raise(1)).rejects.toThrow('closed');
  expect(() => edu.liveness(1)).toThrow('closed');
});

test('an interrupt that does not come is an error', async () => {
  await using edu = Edu.open(device);
  // Another program has switched interrupts off.
  const registers = device.region('map0');
  registers.write(0x20, 4, 0);
  await expect(edu.factorial(3)).rejects.toMatchObject({ exit: 6, message: 'no interrupt within 1000 ms' });
  registers.write(0x20, 4, 0x80);
  expect(await edu.factorial(3)).toBe(6);
});

test('a device that is pulled out ends who waits', async () => {
  await using edu = Edu.open(device);
  await edu.raise(1);
  sim.controls.unplug('0000:00:04.0');
  await expect(edu.raise(1)).rejects.toMatchObject({ exit: 8 });
});

test('another device is refused', () => {
  using other = open('uio1');
  expect(() => Edu.open(other)).toThrow('is no edu');
});
