import { inspectPci } from '../../../src/devices/pci-functions';
import { UdrvError } from '../../../src/errors';
import type { PciDeviceInfo, VfioDeviceInfo } from '../../../src/model/device';
import { NO_NAMES } from '../../../src/names/database';
import { PciDevice } from '../../../src/pci/device';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';

const NVME = '0000:01:00.0';
const RESOURCE = `/sys/bus/pci/devices/${NVME}/resource0`;
const LOCKDOWN = '/sys/kernel/security/lockdown';

function infoOf(sys: Sys, address: string): PciDeviceInfo | VfioDeviceInfo {
  const info = inspectPci(sys, NO_NAMES, address);
  if (info === null) throw new Error(`${address} is not there`);
  return info;
}

function errorOf(call: () => unknown): UdrvError {
  try {
    call();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Puts files over those of a machine, and counts what is mapped. */
function over(sys: Sys, files: Readonly<Record<string, string>>, mapped: [number, number][] = []): Sys {
  return new Proxy(sys, {
    get(target, key) {
      if (key === 'readFile')
        return (path: string) => (path in files ? Buffer.from(files[path] ?? '') : target.readFile(path));
      if (key === 'mmap')
        return (fd: number, length: number, write: boolean, offset: number) => {
          mapped.push([length, offset]);
          return target.mmap(fd, length, write, offset);
        };
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('a refusal names its cause and what mends it', () => {
  const readNvme = (files: Readonly<Record<string, string>> = {}, code?: string, call: 'mmap' | 'open' = 'mmap') => {
    const { sys, controls } = simulatedMachine();
    if (code !== undefined) controls.fail(call, RESOURCE, code);
    const info = infoOf(sys, NVME);
    return errorOf(() => {
      using device = PciDevice.open(over(sys, files), info, { write: false });
      device.region('bar0').read(0, 4);
    });
  };

  test('lockdown', () => {
    expect(readNvme({ [LOCKDOWN]: 'none [integrity] confidentiality\n' }, 'EPERM')).toMatchObject({
      subject: `${NVME} bar0`,
      message: expect.stringContaining('it is locked down (integrity)'),
      hint: expect.stringContaining(`sudo udrv bind ${NVME} vfio-pci`),
      exit: 4,
    });
  });

  test('a security policy, where there is no lockdown', () => {
    expect(readNvme({ [LOCKDOWN]: '[none] integrity confidentiality\n' }, 'EPERM')).toMatchObject({
      message: 'the kernel forbids the access',
      hint: expect.stringContaining('SELinux'),
      exit: 4,
    });
  });

  test.each(['EINVAL', 'EBUSY'])('%s: the kernel keeps it for its driver', (code) => {
    expect(readNvme({}, code)).toMatchObject({
      message: expect.stringContaining('nvme has claimed it'),
      hint: expect.stringMatching(/iomem=relaxed.*sudo udrv unbind 0000:01:00\.0/),
      exit: 5,
    });
  });

  test('permission', () => {
    expect(readNvme({}, 'EACCES', 'open')).toMatchObject({ exit: 4, hint: expect.stringContaining('sudo') });
  });

  test('a function that goes away', () => {
    expect(readNvme({}, 'ENOENT', 'open')).toMatchObject({ exit: 8, message: 'the device went away' });
  });

  test('a function that sleeps', () => {
    const { sys, controls } = simulatedMachine();
    controls.setPower(NVME, 'D3hot');
    using device = PciDevice.open(sys, infoOf(sys, NVME), { write: false });
    expect(errorOf(() => device.region('bar0').read(0, 4))).toMatchObject({
      exit: 1,
      message: expect.stringContaining('D3hot'),
    });
  });

  test('ports of a machine that is locked down can be read, and not written', () => {
    const { sys, controls } = simulatedMachine();
    const ports = '0000:00:0b.0';
    controls.fail('pwrite', `/sys/bus/pci/devices/${ports}/resource0`, 'EPERM');
    using device = PciDevice.open(over(sys, { [LOCKDOWN]: '[integrity]' }), infoOf(sys, ports), { write: true });
    expect(device.region('bar0').read(0, 1)).toBe(0xcb);
    expect(errorOf(() => device.region('bar0').write(0, 1, 0))).toMatchObject({
      message: expect.stringContaining('locked down (integrity)'),
    });
  });

  test('a BAR that the kernel found no place for', () => {
    const { sys } = simulatedMachine();
    const info = infoOf(sys, NVME);
    const regions = info.pci.regions.map((region) => ({ ...region, address: null }));
    using device = PciDevice.open(sys, { ...info, pci: { ...info.pci, regions } }, { write: false });
    expect(errorOf(() => device.region('bar0').read(0, 4))).toMatchObject({ exit: 9 });
  });

  test('no other region is reached', () => {
    const { sys } = simulatedMachine();
    using device = PciDevice.open(sys, infoOf(sys, NVME), { write: false });
    expect(errorOf(() => device.region('bar2'))).toMatchObject({ exit: 3, hint: 'it has bar0' });
  });
});

describe('a BAR of gigabytes', () => {
  test('is mapped in windows, the last as long as what is left', () => {
    const { sys } = simulatedMachine();
    const info = infoOf(sys, NVME);
    const mapped: [number, number][] = [];
    const window = 2 ** 24;
    const regions = info.pci.regions.map((region) => ({ ...region, size: 2 ** 33 + 0x1000 }));
    // The file of the real BAR has 16 KiB: each window lies over its begin.
    const onto = new Proxy(over(sys, {}), {
      get(target, key) {
        if (key === 'mmap')
          return (fd: number, length: number, write: boolean, offset: number) => {
            mapped.push([length, offset]);
            return target.mmap(fd, Math.min(length, 0x4000), write, 0);
          };
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    using device = PciDevice.open(onto, { ...info, pci: { ...info.pci, regions } }, { write: false });
    const bar = device.region('bar0');
    for (const offset of [0x8, 2 ** 32 + 0x8, 0x8, 2 ** 33 + 0x8]) expect(bar.read(offset, 4)).toBe(0x00010400);
    expect(mapped).toEqual([
      [window, 0],
      [window, 2 ** 32],
      [0x1000, 2 ** 33],
    ]);
  });
});
