// All that the library throws because of a machine is a UdrvError, in whichever call the machine fails; nothing is thrown
// where nobody can catch it, and no descriptor is left.
import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import type { DeviceInfo } from '../../../src/model/device';
import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import { UioDevice } from '../../../src/uio/device';
import { UsbDevice } from '../../../src/usb/device/device';
import { VfioDevice } from '../../../src/vfio/device/device';
import { READ_WRITE } from '../../../src/vfio/dma/buffer';
import { FailingSys } from './failing-sys';

type Kind<F extends DeviceInfo['framework']> = Extract<DeviceInfo, { framework: F }>;

function inspected<F extends DeviceInfo['framework']>(sys: Sys, address: string, framework: F): Kind<F> {
  const info = findDevice(sys, NO_NAMES, address);
  if (info.framework !== framework) throw new Error(`${address} is ${info.framework}`);
  return info as Kind<F>;
}

interface Use {
  sys: Sys;
  info: DeviceInfo;
}

/** What a program does with a device, and how it closes it. */
interface Scenario {
  open: (use: Use) => { close(): unknown };
  work: (device: never) => Promise<unknown> | unknown;
}

const uio = (work: (device: UioDevice) => Promise<unknown> | unknown): Scenario => ({
  open: ({ sys, info }) => UioDevice.open(sys, info as Kind<'uio'>, { write: true }),
  work,
});
const vfio =
  (backend: 'group' | 'iommufd', mmap = false) =>
  (work: (device: VfioDevice) => Promise<unknown> | unknown): Scenario => ({
    open: ({ sys, info }) => VfioDevice.open(sys, info as Kind<'vfio'>, { backend, mmap }),
    work,
  });
const usb = (work: (device: UsbDevice) => Promise<unknown> | unknown): Scenario => ({
  open: ({ sys, info }) => UsbDevice.open(sys, info as Kind<'usb'>),
  work,
});

const raised = (write: (offset: number, value: number) => void, read: (offset: number) => number) => ({
  beforeWait: () => write(0x60, 1),
  acknowledge: () => write(0x64, read(0x24)),
  timeoutMs: 200,
});

const uioLoop = async (device: UioDevice) => {
  const map = device.region('map0');
  const options = raised(
    (offset, value) => map.write(offset, 4, value),
    (offset) => Number(map.read(offset, 4)),
  );
  for await (const { index } of device.interrupts(options)) if (index === 2) break;
};
const vfioLoop = async (device: VfioDevice) => {
  for await (const { index } of device.interrupts({ irq: 'msi', loopback: true, timeoutMs: 200 }))
    if (index === 2) break;
};

const SCENARIOS: Record<string, [address: string, framework: DeviceInfo['framework'], scenario: Scenario]> = {
  'uio: registers': ['uio0', 'uio', uio((device) => [device.region('map0').read(0, 4), device.mustAnswer('map0')])],
  'uio: interrupts': ['uio0', 'uio', uio(uioLoop)],
  'uio: a switch': ['uio0', 'uio', uio((device) => device.setInterrupt(true))],
  'uio: latencies': [
    'uio0',
    'uio',
    uio((device) => {
      const map = device.region('map0');
      const trigger = () => map.write(0x60, 4, 1);
      const acknowledge = () => map.write(0x64, 4, map.read(0x24, 4));
      return device.latencies({ trigger, acknowledge, onLatency: () => {}, count: 2, timeoutMs: 200 });
    }),
  ],
  ...Object.fromEntries(
    (['group', 'iommufd'] as const).flatMap((backend): [string, ['0000:00:03.0', 'vfio', Scenario]][] => [
      [
        `vfio by ${backend}: registers`,
        [
          '0000:00:03.0',
          'vfio',
          vfio(backend)((device) => {
            device.region('bar0').read(0, 4);
            device.region('bar0').write(0x4, 4, 1);
            device.setBusMaster(true);
            return [device.busMaster, device.features(), device.hotReset(), device.faults(), device.mustAnswer()];
          }),
        ],
      ],
      [`vfio by ${backend}: interrupts`, ['0000:00:03.0', 'vfio', vfio(backend)(vfioLoop)]],
      [`vfio by ${backend}: a reset`, ['0000:00:03.0', 'vfio', vfio(backend)((device) => device.reset())]],
      [
        `vfio by ${backend}: memory`,
        [
          '0000:00:03.0',
          'vfio',
          vfio(backend)((device) => {
            const buffer = device.pool().allocate(8192);
            buffer.map(READ_WRITE);
            buffer.unmap();
            buffer.map(READ_WRITE);
          }),
        ],
      ],
      [
        `vfio by ${backend}: a mapping`,
        ['0000:00:03.0', 'vfio', vfio(backend, true)((device) => device.region('bar0').read(0, 4))],
      ],
    ]),
  ),
  'usb: control': [
    '1-4',
    'usb',
    usb((device) => device.controlIn({ bmRequestType: 0x80, bRequest: 6, wValue: 0x100, wIndex: 0 }, 18)),
  ],
  'usb: bulk': [
    '3-1',
    'usb',
    usb(async (device) => {
      device.claim(0);
      await device.read(0x81, 64 * 1024, { timeoutMs: 300 });
      await device.write(0x01, [Buffer.alloc(40_000)], { timeoutMs: 300 });
      for await (const { status } of device.messages(0x81, 512, { count: 2, timeoutMs: 300 }))
        if (status !== 'ok') break;
    }),
  ],
  'usb: a wait': ['3-1', 'usb', usb((device) => device.read(0x81, 512, { timeoutMs: 300 }))],
  'usb: a driver': ['1-4', 'usb', usb((device) => device.claim(0, { detach: true }))],
  'usb: settings': [
    '1-2',
    'usb',
    usb(async (device) => {
      device.claim(0, { detach: true, alt: 1 });
      for await (const { status } of device.isochronous(0x01, { count: 1, timeoutMs: 300 })) if (status !== 'ok') break;
    }),
  ],
  'usb: a measurement': [
    '3-1',
    'usb',
    usb((device) => {
      const { signal } = new AbortController();
      return device.measure(0x81, { size: 512, queue: 2, seconds: 0.001, timeoutMs: 300, signal });
    }),
  ],
  'usb: halt, reset, driver': [
    '1-4',
    'usb',
    usb((device) => {
      device.claim(0, { detach: true });
      device.clearHalt(0x81);
      device.reset();
    }),
  ],
};

const strangers: unknown[] = [];
const onStranger = (error: unknown) => strangers.push(error);
beforeAll(() => {
  process.on('unhandledRejection', onStranger);
});
afterAll(() => {
  process.off('unhandledRejection', onStranger);
});

/** Runs a scenario with one call that fails. @returns the errors that are none for a user, and whether the call came */
async function run(name: string, at: number, code: string): Promise<{ wrong: string[]; came: boolean }> {
  const [address, framework, { open, work }] = SCENARIOS[name] as (typeof SCENARIOS)[string];
  const { sys } = simulatedMachine();
  const failing = new FailingSys(sys);
  const info = inspected(sys, address, framework);
  const free = sys.eventfd();
  sys.close(free);
  const wrong: string[] = [];
  const note = (when: string, error: unknown) => {
    if (!(error instanceof UdrvError))
      wrong.push(`${name}: ${code} of call ${at}, ${failing.failed}: ${when}: ${error}`);
  };
  failing.arm(at, code);
  let device: { close(): unknown } | undefined;
  try {
    device = open({ sys: failing.sys, info });
    await work(device as never);
  } catch (error) {
    note('work', error);
  }
  try {
    device?.close();
  } catch (error) {
    note('close', error);
  }
  await new Promise((resolve) => setImmediate(resolve));
  for (const error of strangers.splice(0)) wrong.push(`${name}: ${code} of call ${at}: nobody catches ${error}`);
  const left = sys.eventfd();
  if (left !== free) wrong.push(`${name}: ${code} of call ${at}, ${failing.failed}: a descriptor is left`);
  return { wrong, came: failing.failed !== null };
}

test.each(Object.keys(SCENARIOS))('%s', async (name) => {
  const wrong: string[] = [];
  for (const code of ['ENODEV', 'errno 524'])
    for (let at = 1; ; at++) {
      const { wrong: found, came } = await run(name, at, code);
      wrong.push(...found);
      if (!came) break;
    }
  expect(wrong).toEqual([]);
});
