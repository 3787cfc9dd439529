// Errors of opening VFIO devices, and the reading of the kernel's answers.
import fc from 'fast-check';
import { listGroups } from '../../../src/devices/iommu-groups';
import { findDevice } from '../../../src/devices/select';
import { SysError, UdrvError } from '../../../src/errors';
import type { VfioDeviceInfo } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import { hotResetInfo, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO } from '../../../src/uapi/vfio';
import { VfioDevice } from '../../../src/vfio/device/device';
import { readHotReset } from '../../../src/vfio/device/hot-reset';
import type { IommuInfo, MapRequest } from '../../../src/vfio/dma/iommu';
import { MapIoctls } from '../../../src/vfio/dma/map-ioctls';
import { unmapFailed } from '../../../src/vfio/errors';
import { query } from '../../../src/vfio/query';
import { TreeSys } from '../../support/tree-sys';

const EDU = '0000:00:03.0';
const GROUP = '/dev/vfio/1';

let sim: SimulatedMachine;
beforeEach(() => {
  sim = simulatedMachine();
});

function edu(): VfioDeviceInfo {
  const device = findDevice(sim.sys, new NameDatabase(sim.sys), EDU);
  if (device.framework !== 'vfio') throw new Error('edu is not bound to a VFIO driver');
  return device;
}

function failure(call: () => unknown): UdrvError {
  try {
    call();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('an open that fails', () => {
  test.each([
    ['group', GROUP, 'EACCES', 4, 'permission denied', /^run as root, or: sudo chown "\$USER" \/dev\/vfio\/1 /],
    ['group', GROUP, 'EPERM', 4, 'not permitted', /container/],
    ['group', GROUP, 'ENOENT', 3, 'the node is missing', /udevadm trigger/],
    ['group', '/dev/vfio/vfio', 'ENOENT', 3, 'the node is missing', /^sudo modprobe vfio-pci$/],
    ['group', GROUP, 'ENODEV', 8, 'the device went away', undefined],
    ['group', GROUP, 'EIO', 1, /./, undefined],
    ['iommufd', '/dev/iommu', 'EACCES', 4, 'permission denied', /\/dev\/iommu/],
    ['iommufd', '/dev/iommu', 'ENOENT', 3, 'the node is missing', /^sudo modprobe iommufd, or use --backend group$/],
    ['iommufd', '/dev/vfio/devices/vfio0', 'EACCES', 4, 'permission denied', /devices\/vfio0/],
    ['iommufd', '/dev/vfio/devices/vfio0', 'ENXIO', 8, 'the device went away', undefined],
  ] as const)('%s: %s with %s', (backend, node, code, exit, message, hint) => {
    sim.controls.fail('open', node, code);
    const error = failure(() => VfioDevice.open(sim.sys, edu(), { backend }));
    expect(error).toMatchObject({ code, exit, device: EDU });
    expect(error.message).toMatch(message);
    if (hint === undefined) expect(error.hint).toBeUndefined();
    else expect(error.hint).toMatch(hint);
    // Nothing of it is still open.
    sim.controls.clearFaults();
    VfioDevice.open(sim.sys, edu(), { backend }).close();
  });

  test.each([
    ['group', GROUP],
    ['iommufd', GROUP],
  ] as const)('%s: another process has %s', (backend, node) => {
    const release = sim.controls.hold(node, { pid: 4711, command: 'qemu-system-x86' });
    expect(failure(() => VfioDevice.open(sim.sys, edu(), { backend }))).toMatchObject({
      code: 'EBUSY',
      exit: 5,
      message: `in use: qemu-system-x86 (pid 4711) has ${node}`,
      hint: 'udrv vfio groups shows the processes',
    });
    expect(listGroups(sim.sys, new NameDatabase(sim.sys)).groups.find(({ group }) => group === 1)).toMatchObject({
      holders: [{ pid: 4711, command: 'qemu-system-x86', node, by: 'descriptor' }],
    });
    release();
    VfioDevice.open(sim.sys, edu(), { backend }).close();
  });

  test('no group, no cdev', () => {
    const device = edu();
    const without = { ...device, vfio: { ...device.vfio, group: null, cdev: null } };
    expect(failure(() => VfioDevice.open(sim.sys, without, { backend: 'group' }))).toMatchObject({ exit: 9 });
    expect(failure(() => VfioDevice.open(sim.sys, without, { backend: 'iommufd' }))).toMatchObject({
      exit: 9,
      hint: expect.stringContaining('--backend group'),
    });
  });

  test('a device that does not answer is not read', () => {
    const device = VfioDevice.open(sim.sys, edu());
    sim.controls.unplug(EDU);
    expect(failure(() => device.region('bar0').read(0, 4))).toMatchObject({
      code: 'ENODEV',
      exit: 8,
      message: 'does not answer: its configuration space reads as all ones',
    });
    device.close();
  });

  test('memory decoding that is switched off is an error and no SIGBUS', () => {
    using device = VfioDevice.open(sim.sys, edu(), { mmap: true });
    device.region('config').write(4, 2, 0);
    expect(failure(() => device.region('bar0').read(0, 4))).toMatchObject({
      code: 'EIO',
      exit: 1,
      message: 'memory decoding of the device is switched off: its registers do not answer',
    });
  });
});

test('memory decoding that goes off behind a mapping is an error of the access, and of each later one', () => {
  using device = VfioDevice.open(sim.sys, edu(), { mmap: true });
  const bar = device.region('bar0');
  expect(bar.read(0, 4)).toBe(0x010000ed);
  device.region('config').write(4, 2, 0);
  const unanswered = { code: 'EIO', exit: 7, subject: `${EDU} bar0`, device: EDU };
  expect(failure(() => bar.read(8, 4))).toMatchObject({
    ...unanswered,
    message: 'nothing answers an access of 4 bytes at 0x8',
  });
  expect(failure(() => bar.write(0x80, 8, 0n))).toMatchObject(unanswered);
  // Other memory is in its place by now.
  device.region('config').write(4, 2, 2);
  expect(failure(() => bar.read(0, 4))).toMatchObject(unanswered);
});

describe('a mapping that is refused', () => {
  const info: IommuInfo = { pageSizes: [0x1000n], ranges: [{ start: 0n, end: 0xfedfffffn }], dmaAvail: null };
  const good: MapRequest = {
    iova: 0x100000n,
    vaddr: 0x7f0000000000n,
    length: 0x1000n,
    access: { read: true, write: true },
  };
  const explained = (code: string, request: Partial<MapRequest> = {}, kind: 'type1' | 'iommufd' = 'type1') => {
    const ioctls = new MapIoctls(sim.sys, EDU, { kind, info: () => info });
    // Mapped already, for the message.
    ioctls.map(() => 0, { ...good, length: 0x3000n })();
    const refuse = () => {
      throw new SysError('ioctl', code, 'x');
    };
    return failure(ioctls.map(refuse, { ...good, ...request }));
  };

  test.each([
    ['ENOSPC', 1, 'the limit of mappings is reached'],
    ['EEXIST', 1, 'overlaps an existing mapping'],
    ['EFAULT', 1, 'the memory at 0x7f0000000000 cannot be pinned'],
    ['EPERM', 4, 'the memory is read-only, and cannot be mapped for the device to write'],
    // No rule is broken that could be named.
    ['EINVAL', 1, 'invalid argument'],
    ['EIO', 1, 'i/o error'],
    ['ENOTTY', 9, 'inappropriate ioctl for device'],
  ])('%s', (code, exit, message) => {
    expect(explained(code)).toMatchObject({ code, exit, message, device: EDU, subject: `${EDU} IOVA 0x100000+0x1000` });
  });

  test('iommufd takes no memory of devices', () => {
    expect(explained('EFAULT', {}, 'iommufd').hint).toContain('iommufd refuses device memory');
  });

  test('ENOMEM is the limit of locked memory, where there is one', () => {
    sim.controls.setMemlock(65536);
    expect(explained('ENOMEM')).toMatchObject({
      exit: 4,
      message: 'RLIMIT_MEMLOCK is too small: 65536 bytes may be locked, 12288 are mapped and 4096 more were asked for',
    });
    sim.controls.setMemlock(Number.POSITIVE_INFINITY);
    expect(explained('ENOMEM')).toMatchObject({ exit: 1, message: 'the kernel has no memory to map it' });
  });

  test.each([
    [{ length: 0n }, 'a mapping needs a length'],
    [{ access: { read: false, write: false } }, 'a mapping must allow reading, writing or both'],
    [{ iova: 0x100800n }, 'IOVA 0x100800 is not a multiple of the page size, 0x1000'],
    [{ length: 0x800n }, 'length 0x800 is not a multiple of the page size, 0x1000'],
    [{ vaddr: 0x7f0000000010n }, 'memory 0x7f0000000010 is not a multiple of the page size, 0x1000'],
    [{ iova: 0xfedff000n, length: 0x2000n }, 'outside the IOVA ranges of this device: 0x0-0xfedfffff'],
  ])('by its rule: %j', (request, message) => {
    for (const code of ['EINVAL', 'EOVERFLOW', 'EADDRINUSE'])
      expect(explained(code, request)).toMatchObject({ code, exit: 2, message });
  });

  test('unmapping', () => {
    const refused = (code: string) =>
      unmapFailed(EDU, { iova: 0x100000n, length: 0x1000n }, new SysError('ioctl', code, 'x'));
    expect(refused('EINVAL')).toMatchObject({
      code: 'EINVAL',
      exit: 1,
      message: expect.stringMatching(/larger mapping/),
    });
    expect(refused('ENOENT')).toMatchObject({
      code: 'ENOENT',
      exit: 1,
      message: expect.stringMatching(/^is not mapped/),
    });
    expect(refused('EIO').message).toBe('i/o error');
  });
});

/** A device that answers one ioctl. */
function answering(answer: (argument: Buffer) => void): Sys {
  const ioctl = (_fd: number, _request: number, argument: Buffer) => {
    answer(argument);
    return 0;
  };
  return { ioctl } as unknown as Sys;
}

describe('what a reset of the bus would reset', () => {
  const entry = (struct: Buffer, i: number, id: number, bus: number, devfn: number) => {
    const at = hotResetInfo.devices + i * hotResetInfo.deviceSize;
    struct.writeUInt32LE(id, at);
    struct.writeUInt8(bus, at + 6);
    struct.writeUInt8(devfn, at + 7);
  };
  const kernel = (count: number, flags: number) =>
    answering((struct) => {
      struct.writeUInt32LE(count, hotResetInfo.count);
      struct.writeUInt32LE(flags, hotResetInfo.flags);
      if (struct.length < hotResetInfo.size + count * hotResetInfo.deviceSize)
        throw new SysError('ioctl', 'ENOSPC', 'device');
      for (let i = 0; i < count; i++) entry(struct, i, 10 + i, 1, (i << 3) | 1);
    });

  test('is asked for until there is room', () => {
    expect(readHotReset(kernel(2, 0), 3)).toEqual([
      { address: '0000:01:00.1', group: 10 },
      { address: '0000:01:01.1', group: 11 },
    ]);
  });

  test('comes with ids of iommufd instead of groups', () => {
    expect(readHotReset(kernel(1, 1), 3)).toEqual([{ address: '0000:01:00.1', group: null }]);
  });

  test('is null where there is nothing to reset', () => {
    for (const code of ['ENODEV', 'EPERM', 'ENOTTY']) {
      const none = answering(() => {
        throw new SysError('ioctl', code, 'device');
      });
      expect(readHotReset(none, 3)).toBeNull();
    }
  });

  test('is not asked for again and again where the count grows', () => {
    expect(() => readHotReset(kernel(0xffffffff, 0), 3)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  });

  test('of NVMe in the simulation is itself', () => {
    sim.sys.writeFile('/sys/bus/pci/devices/0000:01:00.0/driver/unbind', '0000:01:00.0');
    sim.sys.writeFile('/sys/bus/pci/devices/0000:01:00.0/driver_override', 'vfio-pci');
    sim.sys.writeFile('/sys/bus/pci/drivers/vfio-pci/bind', '0000:01:00.0');
    const device = findDevice(sim.sys, new NameDatabase(sim.sys), '0000:01:00.0');
    for (const [backend, group] of [
      ['group', expect.any(Number)],
      ['iommufd', null],
    ] as const) {
      using open = VfioDevice.open(sim.sys, device as VfioDeviceInfo, { backend });
      expect(open.hotReset()).toEqual([{ address: '0000:01:00.0', group }]);
      open.reset();
    }
  });
});

describe('a struct with capabilities', () => {
  test('is asked for once more where it needs more room, with the same question', () => {
    const asked: [number, number][] = [];
    const sys = answering((struct) => {
      asked.push([struct.readUInt32LE(0), struct.readUInt32LE(8)]);
      struct.writeUInt32LE(56, 0);
    });
    expect(query(sys, 3, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, 32, (struct) => struct.writeUInt32LE(5, 8))).toHaveLength(
      56,
    );
    expect(asked).toEqual([
      [32, 5],
      [56, 5],
    ]);
  });

  test('that says it needs gigabytes is not believed', () => {
    const sys = answering((struct) => struct.writeUInt32LE(0xffffffff, 0));
    expect(() => query(sys, 3, 0, 32)).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }));
  });
});

describe('reserved regions of a group', () => {
  const groups = (reserved: string) => {
    const sys = new TreeSys({
      '/sys/kernel/iommu_groups/5/reserved_regions': reserved,
      '/sys/kernel/iommu_groups/5/type': 'DMA\n',
    });
    return listGroups(sys, new NameDatabase(sys)).groups[0]?.reservedRegions;
  };

  test('are read line by line', () => {
    expect(
      groups(
        '0x0000000000000000 0x0000000000ffffff direct-relaxable\n0x00000000fee00000 0x00000000feefffff msi\nnonsense\n',
      ),
    ).toEqual([
      { start: '0x0', end: '0xffffff', type: 'direct-relaxable' },
      { start: '0xfee00000', end: '0xfeefffff', type: 'msi' },
    ]);
  });

  test('of any text are addresses or nothing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { start, end } of groups(text) ?? []) expect(`${start} ${end}`).toMatch(/^0x[0-9a-f]+ 0x[0-9a-f]+$/);
      }),
    );
  });
});
