import { findDevice } from '../../../src/devices/select';
import { NO_NAMES } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { VfioDevice } from '../../../src/vfio/device/device';

const EDU = '0000:00:03.0';

let sim: SimulatedMachine;
let device: VfioDevice;
beforeEach(() => {
  sim = simulatedMachine();
  const info = findDevice(sim.sys, NO_NAMES, EDU);
  if (info.framework !== 'vfio') throw new Error('edu is not bound to a VFIO driver');
  device = VfioDevice.open(sim.sys, info);
});
afterEach(() => device.close());

/** The lowest descriptor that is free: more than before where one was not closed. */
function nextDescriptor(): number {
  const fd = sim.sys.eventfd();
  sim.sys.close(fd);
  return fd;
}

const failIoctls = (times?: number) =>
  sim.controls.fail('ioctl', `/dev/vfio/devices/${device.info.vfio.cdev}`, 'EIO', times);

test('closing goes on past a step that fails: the eventfds are closed, and bus mastering is off', () => {
  const free = nextDescriptor();
  const eventfds = device.eventfds('msi');
  expect(device.busMaster).toBe(true);
  failIoctls();
  expect(() => eventfds.close()).toThrow(expect.objectContaining({ code: 'EIO' }));
  sim.controls.clearFaults();
  expect(device.busMaster).toBe(false);
  expect(nextDescriptor()).toBe(free);
  eventfds.close();
});

test('what was switched on before a failure is switched off', () => {
  device.irq('msi');
  device.irq('req');
  const free = nextDescriptor();
  failIoctls(1);
  expect(() => device.eventfds('msi')).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(device.busMaster).toBe(false);
  expect(nextDescriptor()).toBe(free);
  device.eventfds('msi').close();
});

test("an error of the acknowledge is the watch's, whatever putting back does", async () => {
  const free = nextDescriptor();
  const outcome = device
    .interrupts({
      irq: 'msi',
      loopback: true,
      timeoutMs: 5000,
      acknowledge: () => {
        failIoctls();
        throw new Error('not acknowledged');
      },
    })
    .next();
  await expect(outcome).rejects.toThrow('not acknowledged');
  sim.controls.clearFaults();
  expect(nextDescriptor()).toBe(free);
});

test('loopback raises the vectors in turns; counts are those of each vector', async () => {
  const seen: object[] = [];
  for await (const { index, irq, vector, count, missed } of device.interrupts({ irq: 'msi', loopback: true })) {
    seen.push({ index, irq, vector, count, missed });
    if (index === 2) break;
  }
  const one = { irq: 'msi', vector: 0, missed: 0 };
  expect(seen).toEqual([
    { ...one, index: 1, count: 1 },
    { ...one, index: 2, count: 2 },
  ]);
  expect(device.busMaster).toBe(false);
});

test('a request of the kernel ends the wait: exit 8', async () => {
  const interrupts = device.interrupts({ irq: 'msi', beforeWait: () => device.irq('req').trigger(0), timeoutMs: 5000 });
  await expect(interrupts.next()).rejects.toMatchObject({ exit: 8, code: 'ENODEV' });
  const onLatency = () => {};
  const trigger = () => device.irq('req').trigger(0);
  await expect(
    device.latencies({ irq: 'msi', vector: 0, trigger, onLatency, count: 1, timeoutMs: 50 }),
  ).rejects.toMatchObject({ exit: 8 });
});

test('a request that is watched for is an interrupt first, and then the end', async () => {
  const interrupts = device.interrupts({ irq: 'req', beforeWait: () => device.irq('req').trigger(0), timeoutMs: 5000 });
  expect((await interrupts.next()).value).toMatchObject({ irq: 'req', index: 1, count: 1 });
  await expect(interrupts.next()).rejects.toMatchObject({ exit: 8 });
});
