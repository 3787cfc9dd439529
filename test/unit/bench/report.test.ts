// Figures of the simulated machine: which there are, why others are not, and that a device is as it was.
import type { Bounds, Result } from '../../../src/bench/figure';
import { measured, timeEach, timeOpens, within } from '../../../src/bench/figure';
import { readBenchMachine } from '../../../src/bench/machine';
import { benchDevice, benchKernel, benchSteps, describeBenchDevice } from '../../../src/bench/report';
import { type DeviceWork, workFor } from '../../../src/bench/work';
import { findDevice } from '../../../src/devices/select';
import { Exit, SysError, UdrvError } from '../../../src/errors';
import { NO_NAMES } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import { TreeSys } from '../../support/tree-sys';

const EDU = '0000:00:03.0';
const NO_WORK: DeviceWork = {
  registers: [],
  trigger: [],
  acknowledge: [],
  endpoints: [],
  queues: [1],
  maxSize: 4096,
};
/** The edu behind a region: its interrupt is raised by 0x60, its causes are at 0x24, and taken back by 0x64. */
const edu = (region: string): Pick<DeviceWork, 'registers' | 'trigger' | 'acknowledge'> => {
  const at = (offset: number) => ({ region, offset, width: 4 as const });
  return {
    registers: [at(0x4)],
    trigger: [{ target: at(0x60), value: 1 }],
    acknowledge: [{ target: at(0x64), value: at(0x24) }],
  };
};
const bounds = (signal = new AbortController().signal): Bounds => ({ count: 5, seconds: 5, timeoutMs: 2000, signal });

let sim: SimulatedMachine;
beforeEach(() => {
  sim = simulatedMachine();
});

async function resultsOf(address: string, work: Partial<DeviceWork> = {}, sys: Sys = sim.sys): Promise<Result[]> {
  const results: Result[] = [];
  const device = findDevice(sys, NO_NAMES, address);
  await benchDevice(sys, device, { ...NO_WORK, ...work }, bounds(), (result) => results.push(result));
  return results;
}

/** `open backend=group`, and behind a slash why it is not there. */
const shown = (results: readonly Result[]) =>
  results.map((result) => {
    const variant = Object.entries(result.variant).map(([name, value]) => ` ${name}=${value}`);
    return `${result.figure}${variant.join('')}${'reason' in result ? ` / ${result.reason}` : ''}`;
  });

describe('a VFIO device', () => {
  test('by both backends, with a register and a trigger', async () => {
    const results = await resultsOf(EDU, edu('bar0'));
    expect(shown(results)).toEqual([
      'open backend=group',
      'close backend=group',
      expect.stringMatching(/^reset \/ cannot be reset alone/),
      'read register=config:0x0/2 by=pread',
      'read register=bar0:0x4/4 by=pread',
      'interrupt irq=intx by=kernel',
      'interrupt irq=msi by=kernel',
      'interrupt irq=msix by=kernel / has no MSI-X interrupt',
      'read register=bar0:0x4/4 by=mmap',
      'interrupt irq=intx by=device',
      'interrupt irq=msi by=device',
      'interrupt irq=msix by=device / has no MSI-X interrupt',
      'map backend=group size=4096 pages=4K',
      'unmap backend=group size=4096 pages=4K',
      ...tooLarge('group'),
      'open backend=iommufd',
      'close backend=iommufd',
      'map backend=iommufd size=4096 pages=4K',
      'unmap backend=iommufd size=4096 pages=4K',
      ...tooLarge('iommufd'),
    ]);
    for (const result of results)
      if (!('reason' in result)) {
        expect(result.count).toBe(5);
        expect(result.latencyUs.min).toBeGreaterThanOrEqual(0);
        expect(result.latencyUs.max).toBeGreaterThanOrEqual(result.latencyUs.p50);
      }
  });

  const tooLarge = (backend: string) =>
    [
      [2 ** 16, '4K'],
      [2 ** 21, '4K'],
      [2 ** 21, '2M'],
      [2 ** 26, '4K'],
      [2 ** 26, '2M'],
      [2 ** 30, '4K'],
      [2 ** 30, '2M'],
    ].map(([size, pages]) => `map backend=${backend} size=${size} pages=${pages} / more than --max-size, 4K`);

  test('nothing of it is touched that is not named', async () => {
    const results = shown(await resultsOf(EDU));
    expect(results).toContain('read by=mmap / no --register was named');
    for (const irq of ['intx', 'msi', 'msix'])
      expect(results).toContain(`interrupt irq=${irq} by=device / no --trigger tells how the device raises it`);
  });

  test('huge pages where there are so many, and mappings as large as is safe', async () => {
    const results = shown(await resultsOf(EDU, { maxSize: 2 ** 30 }));
    expect(results).toContain('map backend=group size=2097152 pages=2M');
    expect(results).toContain('map backend=group size=67108864 pages=2M / 32 huge pages of 2M are needed, 8 are free');
    expect(results).toContain(
      'map backend=iommufd size=1073741824 pages=4K / the machine does not tell how much memory is available',
    );
  });

  test('an interrupt that does not come is a reason, and the device is free afterwards', async () => {
    const trigger = [{ target: { region: 'bar0', offset: 0x8, width: 4 as const }, value: 0 }];
    const results: Result[] = [];
    const device = findDevice(sim.sys, NO_NAMES, EDU);
    const short = { ...bounds(), timeoutMs: 20 };
    await benchDevice(sim.sys, device, { ...NO_WORK, trigger }, short, (result) => results.push(result));
    expect(shown(results)).toContain('interrupt irq=msi by=device / no interrupt within 20 ms');
    expect(shown(await resultsOf(EDU))).toContain('open backend=group');
  });

  test('one that cannot be opened has the reason, and nothing else', async () => {
    const results = shown(await resultsOf('0000:02:01.0'));
    expect(results).toHaveLength(2);
    for (const result of results) expect(result).toMatch(/^open backend=(group|iommufd) \/ /);
  });
});

test('a UIO device beside it', async () => {
  expect(shown(await resultsOf('uio0', edu('map0')))).toEqual([
    'open',
    'close',
    'read register=map0:0x4/4 by=mmap',
    'interrupt by=device',
  ]);
  expect(shown(await resultsOf('uio0', edu('bar0')))).toEqual([
    'open',
    'close',
    'read by=mmap / no --register was named',
    'interrupt by=device / no --trigger tells how the device raises it',
  ]);
});

test('a USB device, its endpoints by queue depth', async () => {
  const device = findDevice(sim.sys, NO_NAMES, '1-2');
  const results: Result[] = [];
  const work = { ...NO_WORK, endpoints: [0x81, 0x8f], queues: [1, 4] };
  await benchDevice(sim.sys, device, work, { ...bounds(), seconds: 0.02 }, (result) => results.push(result));
  expect(shown(results)).toEqual([
    'open',
    'close',
    'control',
    'bulk endpoint=0x81 queue=1',
    'bulk endpoint=0x81 queue=4',
    expect.stringMatching(/^bulk endpoint=0x8f queue=1 \/ /),
    expect.stringMatching(/^bulk endpoint=0x8f queue=4 \/ /),
  ]);
  expect(results.find(({ figure }) => figure === 'bulk')).toMatchObject({ bytesPerSecond: expect.any(Number) });
});

test('a function of a driver of the kernel is not opened', async () => {
  expect(shown(await resultsOf('0000:01:00.0'))).toEqual([
    'open / not bound to a driver of VFIO or UIO (driver: nvme)',
  ]);
});

test('without a device: two figures, and no node is opened', async () => {
  const results: Result[] = [];
  const sys = new Proxy(sim.sys, {
    get(target, name) {
      if (name === 'open') throw new Error('a node is opened');
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await benchKernel(sys, bounds(), (result) => results.push(result));
  expect(shown(results)).toEqual(['eventfd', 'list']);
});

test('a signal ends it, and nothing stays open', async () => {
  const controller = new AbortController();
  const opened = new Set<number>();
  const sys = new Proxy(sim.sys, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        const result = value.apply(target, given);
        if (name === 'open' || name === 'ioctlOpen' || name === 'eventfd') opened.add(result as number);
        if (name === 'close') opened.delete(given[0] as number);
        return result;
      };
    },
  });
  const results: Result[] = [];
  const device = findDevice(sys, NO_NAMES, EDU);
  const work = { ...NO_WORK, ...edu('bar0') };
  await benchDevice(sys, device, work, bounds(controller.signal), (result) => {
    results.push(result);
    if (result.figure === 'interrupt') controller.abort();
  });
  expect(shown(results).at(-1)).toBe('interrupt irq=intx by=kernel');
  expect(opened).toEqual(new Set());
});

test('a device that goes away ends its figures, with the reason', async () => {
  const device = findDevice(sim.sys, NO_NAMES, '1-2');
  const sys = new Proxy(sim.sys, {
    get(target, name) {
      if (name === 'open')
        return () => {
          throw new UdrvError('went away', { code: 'ENODEV', exit: Exit.gone, device: '1-2' });
        };
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const results: Result[] = [];
  await benchDevice(sys, device, NO_WORK, bounds(), (result) => results.push(result));
  expect(shown(results)).toEqual(['device / went away']);
});

describe('steps', () => {
  const steps = (address: string, work: Partial<DeviceWork> = {}) =>
    benchSteps(findDevice(sim.sys, NO_NAMES, address), { ...NO_WORK, ...work });

  test('tell of resets, reads and interrupts', () => {
    expect(steps(EDU, edu('bar0'))).toEqual([
      `${EDU}: open and close it up to 10 times by group and by iommufd, which resets it each time`,
      `${EDU}: reset it up to 5 times`,
      `${EDU}: read bar0:0x4/4`,
      `${EDU}: have the kernel signal INTx, MSI and MSI-X without the device`,
      `${EDU}: have it raise INTx, MSI and MSI-X, with bus mastering on`,
      `${EDU}: map up to 4K of memory for its DMA, and unmap it`,
    ]);
    expect(steps(EDU)).toHaveLength(4);
    expect(steps('uio0')).toEqual(['uio0: open and close it up to 100 times']);
    expect(steps('1-2', { endpoints: [0x81, 0x01] }).slice(2)).toEqual([
      '1-2: claim the interface of 0x81, and read from it',
      '1-2: claim the interface of 0x01, and write zeros to it',
    ]);
    expect(steps('0000:01:00.0')).toEqual([]);
  });
});

test('a register that is not in its region is refused before anything is opened', () => {
  const device = findDevice(sim.sys, NO_NAMES, EDU);
  const register = { region: 'bar0', offset: 2 ** 20, width: 4 as const };
  expect(() => workFor(device, { ...NO_WORK, registers: [register] })).toThrow('outside of the region');
  const trigger = [{ target: { region: 'bar0', offset: 2, width: 4 as const }, value: 1 }];
  expect(() => workFor(device, { ...NO_WORK, trigger })).toThrow('not a multiple of the width');
});

test('the IOMMU of a device, and its mode', () => {
  const describe = (address: string) => describeBenchDevice(sim.sys, findDevice(sim.sys, NO_NAMES, address));
  expect(describe(EDU).iommu).toEqual({ name: 'dmar0', kind: 'Intel VT-d', mode: 'DMA' });
  expect(describe('uio0').iommu?.name).toBe('dmar0');
  expect(describe('1-2').iommu).toBeNull();
});

test('the machine, as far as it tells', () => {
  const sys = new TreeSys({
    '/proc/sys/kernel/hostname': 'lab\n',
    '/proc/sys/kernel/osrelease': '6.12.0\n',
    '/sys/class/dmi/id/sys_vendor': 'QEMU\n',
    '/sys/class/dmi/id/product_name': 'Standard PC (Q35 + ICH9, 2009)\n',
    '/proc/cpuinfo': 'processor\t: 0\nmodel name\t: Some CPU\n\nprocessor\t: 1\nmodel name\t: Some CPU\n',
    '/proc/meminfo': 'MemTotal:        2048000 kB\nMemAvailable:    1024000 kB\n',
    '/sys/class/iommu/dmar0/x': '',
    '/sys/kernel/iommu_groups/0/type': 'DMA-FQ\n',
    '/sys/kernel/iommu_groups/1/type': 'identity\n',
    '/sys/kernel/iommu_groups/2/type': 'DMA-FQ\n',
  });
  expect(readBenchMachine(sys)).toEqual({
    name: 'lab',
    product: 'QEMU Standard PC (Q35 + ICH9, 2009)',
    kernel: '6.12.0',
    cpu: 'Some CPU',
    cpus: 2,
    memory: 2048000 * 1024,
    iommus: ['dmar0'],
    iommuModes: ['DMA-FQ', 'identity'],
    node: process.version,
  });
  expect(readBenchMachine(new TreeSys())).toMatchObject({ name: null, product: null, cpus: null, memory: null });
});

describe('timing', () => {
  test('ends at the count, at the time, and has one at least', async () => {
    let calls = 0;
    const call = () => void calls++;
    const [counted] = await timeEach('x', {}, call, bounds());
    expect([counted?.count, calls]).toEqual([5, 5]);
    const [timed] = await timeEach('x', {}, call, { ...bounds(), seconds: 0 });
    expect(timed?.count).toBe(1);
    const aborted = AbortSignal.abort();
    expect(await timeEach('x', {}, call, bounds(aborted))).toEqual([]);
  });

  test('opens and closes in turns', async () => {
    const calls: string[] = [];
    const open = () => {
      calls.push('open');
      return { close: () => void calls.push('close') };
    };
    const figures = await timeOpens({}, open, { ...bounds(), count: 2 });
    expect(calls).toEqual(['open', 'close', 'open', 'close']);
    expect(figures.map(({ figure, count }) => [figure, count])).toEqual([
      ['open', 2],
      ['close', 2],
    ]);
  });

  test('a signal lets the time pass alone until it is asked', () => {
    const over = within({ ...bounds(), seconds: 0 });
    expect(over.signal.aborted).toBe(false);
    over.onServed();
    expect(over.signal.aborted).toBe(true);
    const left = within(bounds());
    left.onServed();
    expect(left.signal.aborted).toBe(false);
  });

  test('errors of the device are reasons, those of udrv are not', async () => {
    const results: Result[] = [];
    const failing = (error: unknown) =>
      measured(
        (result) => results.push(result),
        bounds(),
        'x',
        {},
        () => Promise.reject(error),
      );
    expect(await failing(new UdrvError('busy', { code: 'EBUSY', exit: Exit.busy, device: '1-2' }))).toBe(false);
    expect(await failing(new SysError('ioctl', 'EINVAL', '/dev/x'))).toBe(false);
    await expect(failing(new UdrvError('gone', { code: 'ENODEV', exit: Exit.gone, device: '1-2' }))).rejects.toThrow(
      'gone',
    );
    await expect(failing(new RangeError('a defect'))).rejects.toThrow('a defect');
    expect(shown(results)).toEqual(['x / busy', expect.stringMatching(/^x \/ [Ii]nvalid/)]);
  });
});
