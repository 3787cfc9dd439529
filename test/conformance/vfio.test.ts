// VfioDevice as a user's program sees it, by either backend. The edu at 0000:00:03.0 is vfio-pci's;
// 0000:02:01.0 is too, in a group that is not viable. vfio-kernel.test.ts says what the kernel does beneath.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { findDevice } from '../../src/devices/select';
import { UdrvError } from '../../src/errors';
import type { VfioDeviceInfo } from '../../src/model/device';
import { NameDatabase } from '../../src/names/database';
import type { Memory } from '../../src/sys/sys';
import { VfioDevice } from '../../src/vfio/device/device';
import type { DmaAccess } from '../../src/vfio/dma/iommu';
import { EDU, makeSys, onKernel, sinceLinux7, title } from './target';

const DEVICE = '0000:00:03.0';
const BLOCKED = '0000:02:01.0';
const MASTER = 0x04;
const RW: DmaAccess = { read: true, write: true };
const MSI_WINDOW = 0xfee00000n;

const sys = makeSys();
const PAGE = BigInt(sys.pageSize);
const backends = sys.access('/dev/iommu') === null ? (['group'] as const) : (['group', 'iommufd'] as const);

function inspected(address = DEVICE): VfioDeviceInfo {
  const device = findDevice(sys, new NameDatabase(sys), address);
  if (device.framework !== 'vfio') throw new Error(`${address} is not bound to a VFIO driver`);
  return device;
}

/** Reads the command register of the bus, not VFIO's view of it. */
const command = () => sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`).readUInt16LE(4);

/** Descriptors and mappings of VFIO that this process has. */
function owned(): string[] {
  if (!onKernel) return [];
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return [...links, ...readFileSync('/proc/self/maps', 'latin1').split('\n')].filter((line) =>
    /\/dev\/(?:vfio|iommu)|anon_inode:.*vfio/.test(line),
  );
}

/** Returns the error that a call fails with, which must be one for a user to see. */
function failure(call: () => unknown): Pick<UdrvError, 'code' | 'exit' | 'message'> {
  try {
    call();
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    const { code, exit, message } = error;
    return { code, exit, message };
  }
  throw new Error('it did not fail');
}

function eventsOf(fd: number): bigint {
  const buffer = Buffer.alloc(8);
  sys.read(fd, buffer);
  return buffer.readBigUInt64LE();
}

describe.each(backends)(title('a device opened by %s'), (backend) => {
  let device: VfioDevice;
  let closing: (() => void)[];
  beforeEach(() => {
    closing = [];
    expect(owned()).toEqual([]);
    device = VfioDevice.open(sys, inspected(), { backend });
  });
  afterEach(() => {
    device.close();
    for (const close of closing) close();
    expect(owned()).toEqual([]);
    expect(command() & MASTER).toBe(0);
  });
  const allocate = (pages: number): Memory => {
    const memory = sys.allocate(pages * sys.pageSize);
    closing.push(() => memory.close());
    return memory;
  };
  const eventfd = (): number => {
    const fd = sys.eventfd();
    closing.push(() => sys.close(fd));
    return fd;
  };

  test('tells what it is', () => {
    expect(device.backend).toBe(backend);
    expect(device.flags).toEqual(['pci']);
    const common = { offset: 0, read: true, write: true, sparse: null, type: null, msixMappable: false };
    const [start = ''] = sys.readFile(`/sys/bus/pci/devices/${DEVICE}/resource`).toString().split(' ');
    const address = `0x${BigInt(start).toString(16)}`;
    expect(device.regions).toEqual([
      { ...common, index: 0, name: 'bar0', kind: 'mmio', address, size: 0x100000, mmap: true },
      { ...common, index: 7, name: 'config', kind: 'config', address: null, size: 0x100, mmap: false },
    ]);
    const one = { count: 1, eventfd: true, maskable: false, automasked: false, noresize: true };
    const none = { count: 0, eventfd: false, maskable: false, automasked: false, noresize: false };
    expect(device.irqs.map((irq) => irq.info)).toEqual([
      { ...one, index: 0, name: 'intx', maskable: true, automasked: true, noresize: false },
      { ...one, index: 1, name: 'msi' },
      { ...device.irq('msix').info, index: 2, name: 'msix', count: 0 },
      { ...sinceLinux7(one, none), index: 3, name: 'err' },
      { ...one, index: 4, name: 'req' },
    ]);
    expect(device.features()).not.toContain('migration');
  });

  test('its registers are read and written, by calls and by mappings', () => {
    for (const mmap of [false, true]) {
      device.close();
      device = VfioDevice.open(sys, inspected(), { backend, mmap });
      const bar = device.region('bar0');
      expect(bar.read(EDU.id, 4)).toBe(0x010000ed);
      bar.write(EDU.liveness, 4, 0x12345678);
      expect([...bar.words({ offset: 0, length: 8 }, 4)]).toEqual([0x010000ed, 0xedcba987]);
      bar.write(0x80, 8, 0x1_2345_6788n);
      expect(bar.read(0x80, 8)).toBe(0x1_2345_6788n);
      bar.write(0x80, 8, 0n);
      expect(device.region('config').read(0, 2)).toBe(0x1234);
    }
  });

  test('what it has not is said before anything is touched', () => {
    expect(failure(() => device.region('rom'))).toMatchObject({ exit: 3 });
    expect(failure(() => device.region('bar0').read(0x100000, 4))).toMatchObject({ exit: 2 });
    expect(failure(() => device.region('bar0').read(2, 4))).toMatchObject({ exit: 2 });
    expect(failure(() => device.region('config').read(0x100, 4))).toMatchObject({ exit: 2 });
    expect(failure(() => device.irq('msix').enable(0, [eventfd()]))).toMatchObject({ exit: 9 });
    expect(failure(() => device.irq('msi').enable(0, [eventfd(), eventfd()]))).toMatchObject({ exit: 3 });
    expect(failure(() => device.reset())).toMatchObject({ code: 'EINVAL', exit: 9 });
    expect(device.hotReset()).toBeNull();
  });

  test('is had by one at a time, whichever way', () => {
    for (const other of backends) {
      const { code, exit } = failure(() => VfioDevice.open(sys, inspected(), { backend: other }));
      // A cdev opens again, and is not bound again.
      const again = backend === 'iommufd' && other === 'iommufd';
      expect({ code, exit }).toEqual(again ? { code: 'EINVAL', exit: 1 } : { code: 'EBUSY', exit: 5 });
    }
    device.close();
    device.close();
    expect(() => device.features()).toThrow('is closed');
    expect(() => device.region('bar0').read(EDU.id, 4)).toThrow('is closed');
    device = VfioDevice.open(sys, inspected(), { backend });
    expect(device.region('bar0').read(EDU.id, 4)).toBe(0x010000ed);
  });

  describe('loops over its interrupts', () => {
    const raising = { irq: 'msi', loopback: true } as const;

    test('are one at a time for each interrupt', async () => {
      const first = device.interrupts({ irq: 'msi', timeoutMs: 5000 });
      const waiting = first.next();
      await expect(device.interrupts(raising).next()).rejects.toMatchObject({ exit: 5, code: 'EBUSY' });
      device.irq('msi').trigger(0);
      expect((await waiting).value).toMatchObject({ index: 1, irq: 'msi' });
      await first.return(undefined);
      const second = device.interrupts(raising);
      expect((await second.next()).value).toMatchObject({ index: 1 });
      await second.return(undefined);
    });

    test('and beside them the request of the kernel is heard by whoever listened first', async () => {
      device.mustAnswer();
      const loop = device.interrupts(raising);
      await loop.next();
      await loop.return(undefined);
      device.irq('req').trigger(0);
      expect(() => device.mustAnswer()).toThrow(expect.objectContaining({ exit: 8 }));
    });

    test('end with the device', async () => {
      const waiting = device.interrupts({ irq: 'msi', timeoutMs: 60_000 }).next();
      await new Promise((resolve) => setTimeout(resolve, 30));
      device.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(owned()).toEqual([]);
      device = VfioDevice.open(sys, inspected(), { backend });
    });

    test.each([Number.NaN, -1])('within %d ms are refused', async (timeoutMs) => {
      await expect(device.interrupts({ ...raising, timeoutMs }).next()).rejects.toMatchObject({ exit: 2 });
    });

    test('of vectors that are none are refused', () => {
      for (const vectors of [
        { first: 1, last: 0 },
        { first: -1, last: 0 },
        { first: Number.NaN, last: 0 },
      ])
        expect(failure(() => device.eventfds('msi', vectors))).toMatchObject({ exit: 2 });
    });
  });

  test('memory of a pool that is kept past the close is empty', () => {
    const kept = device.pool().allocate(4096).bytes;
    kept.fill(1);
    device.close();
    expect(kept.every((byte) => byte === 0)).toBe(true);
    device = VfioDevice.open(sys, inspected(), { backend });
  });

  describe('bus mastering', () => {
    test('is off at first, and put back', () => {
      expect(device.busMaster).toBe(false);
      device.setBusMaster(true);
      device.setBusMaster(true);
      expect({ shown: device.busMaster, real: command() & MASTER }).toEqual({ shown: true, real: MASTER });
      device.close();
      expect(command() & MASTER).toBe(0);
    });

    test('that was switched off and on again stays as it was found', () => {
      device.setBusMaster(true);
      device.setBusMaster(false);
      expect(command() & MASTER).toBe(0);
    });
  });

  describe('an interrupt', () => {
    test('is raised by the kernel, and by the device', () => {
      for (const name of ['intx', 'msi', 'req'] as const) {
        const fd = eventfd();
        device.irq(name).enable(0, [fd]);
        device.irq(name).trigger(0);
        device.irq(name).trigger(0);
        expect(eventsOf(fd)).toBe(2n);
        device.irq(name).disable();
        device.irq(name).disable();
      }
      const fd = eventfd();
      device.setBusMaster(true);
      device.irq('msi').enable(0, [fd]);
      const bar = device.region('bar0');
      bar.write(EDU.raise, 4, 1);
      expect(sys.poll(fd, 5000)).toBe('ready');
      expect(eventsOf(fd)).toBe(1n);
      bar.write(EDU.acknowledge, 4, bar.read(EDU.irqStatus, 4));
    });

    test('INTx is masked once it came, and comes again when it is unmasked while the device asserts it', () => {
      const fd = eventfd();
      const bar = device.region('bar0');
      device.irq('intx').enable(0, [fd]);
      bar.write(EDU.raise, 4, 1);
      expect(sys.poll(fd, 5000)).toBe('ready');
      expect(eventsOf(fd)).toBe(1n);
      bar.write(EDU.raise, 4, 2);
      expect(sys.poll(fd, 50)).toBe('timeout');
      device.irq('intx').unmask();
      expect(sys.poll(fd, 5000)).toBe('ready');
      expect(eventsOf(fd)).toBe(1n);
      bar.write(EDU.acknowledge, 4, bar.read(EDU.irqStatus, 4));
      device.irq('intx').unmask();
      expect(sys.poll(fd, 50)).toBe('timeout');
    });

    test('of one kind keeps the others off', () => {
      device.irq('intx').enable(0, [eventfd()]);
      expect(failure(() => device.irq('msi').enable(0, [eventfd()]))).toEqual({
        code: 'EINVAL',
        exit: 5,
        message: 'MSI cannot be switched on: another interrupt is',
      });
      device.irq('intx').disable();
      device.irq('msi').enable(0, [eventfd()]);
    });
  });

  describe('its address space', () => {
    const map = (iova: bigint, memory: { address: bigint }, length = PAGE, access = RW) =>
      device.iommu.map(iova, memory, length, access);

    test('is empty, and has a hole where interrupts are written', () => {
      const { pageSizes, ranges, dmaAvail } = device.iommu.info();
      expect(device.iommu.kind).toBe(backend === 'group' ? 'type1' : 'iommufd');
      expect(pageSizes[0]).toBe(PAGE);
      expect(ranges.some(({ start, end }) => start <= MSI_WINDOW && end >= MSI_WINDOW)).toBe(false);
      expect(ranges.some(({ end }) => end === MSI_WINDOW - 1n)).toBe(true);
      expect(dmaAvail).toBe(backend === 'group' ? 65535 : null);
    });

    test('takes mappings and gives them back', () => {
      const memory = allocate(3);
      map(0x100000n, memory, 2n * PAGE);
      map(0x200000n, { address: memory.address + 2n * PAGE }, PAGE, { read: true, write: false });
      if (backend === 'group') expect(device.iommu.info().dmaAvail).toBe(65533);
      expect(device.iommu.unmap(0x100000n, 2n * PAGE)).toBe(Number(2n * PAGE));
      map(0x100000n, memory);
      device.iommu.unmapAll();
      map(0x200000n, memory);
    });

    test('is mapped and unmapped again and again', () => {
      const mapping = device.iommu.mapping(0x100000n, allocate(1), PAGE, RW);
      for (let i = 0; i < 3; i++) {
        mapping.map();
        expect(failure(() => mapping.map())).toMatchObject({ code: 'EEXIST', exit: 1 });
        expect(mapping.unmap()).toBe(Number(PAGE));
        // The kernel says with the same field what it unmapped: the next time must not ask for that.
        if (backend === 'group') expect(mapping.unmap()).toBe(0);
        else expect(failure(() => mapping.unmap())).toMatchObject({ code: 'ENOENT', exit: 1 });
      }
      device.close();
      expect(failure(() => mapping.map()).code).toBe('EBADF');
      device = VfioDevice.open(sys, inspected(), { backend });
    });

    test('is gone with the device, and new with the next', () => {
      const memory = allocate(1);
      map(0x100000n, memory);
      device.close();
      device = VfioDevice.open(sys, inspected(), { backend });
      map(0x100000n, memory);
    });

    test('refuses what overlaps', () => {
      const memory = allocate(2);
      map(0x100000n, memory, 2n * PAGE);
      const overlap = { code: 'EEXIST', exit: 1, message: 'overlaps an existing mapping' };
      expect(failure(() => map(0x100000n, memory, 2n * PAGE))).toEqual(overlap);
      expect(failure(() => map(0x100000n + PAGE, memory))).toEqual(overlap);
    });

    test.each([
      ['an IOVA off its page', 0x100800n, 0n, 1n, RW, 'IOVA 0x100800 is not a multiple of the page size, 0x1000'],
      ['memory off its page', 0x100000n, 0x10n, 1n, RW, /^memory 0x[0-9a-f]+10 is not a multiple of the page size/],
      ['no access', 0x100000n, 0n, 1n, { read: false, write: false }, 'a mapping must allow reading, writing or both'],
      ['no length', 0x100000n, 0n, 0n, RW, 'a mapping needs a length'],
      ['the interrupt window', MSI_WINDOW, 0n, 1n, RW, /^outside the IOVA ranges of this device: 0x0-0xfedfffff, /],
      ['what reaches into it', MSI_WINDOW - PAGE, 0n, 2n, RW, /^outside the IOVA ranges of this device: /],
      ['more bits than the IOMMU has', 1n << 48n, 0n, 1n, RW, /^outside the IOVA ranges of this device: /],
      ['the end of all addresses', 2n ** 64n - PAGE, 0n, 2n, RW, /^outside the IOVA ranges of this device: /],
    ])('refuses %s, by the rule', (_name, iova, off, pages, access, message) => {
      const memory = allocate(2);
      expect(failure(() => map(iova, { address: memory.address + off }, pages * PAGE, access))).toEqual({
        code: expect.stringMatching(/^E(INVAL|OVERFLOW|ADDRINUSE)$/),
        exit: 2,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      });
    });

    test('refuses memory that is not there', () => {
      expect(failure(() => map(0x100000n, { address: PAGE }))).toMatchObject({ code: 'EFAULT', exit: 1 });
    });

    test('unmaps whole mappings only', () => {
      const memory = allocate(2);
      map(0x100000n, memory, 2n * PAGE);
      expect(failure(() => device.iommu.unmap(0x100000n, PAGE))).toMatchObject({
        code: backend === 'group' ? 'EINVAL' : 'ENOENT',
        exit: 1,
      });
      expect(device.iommu.unmap(0x100000n, 2n * PAGE)).toBe(Number(2n * PAGE));
      const nothing = () => device.iommu.unmap(0x100000n, PAGE);
      if (backend === 'group') expect(nothing()).toBe(0);
      else expect(failure(nothing)).toMatchObject({ code: 'ENOENT', exit: 1 });
      device.iommu.unmapAll();
    });
  });
});

describe.each(backends)(title('a device that cannot be opened by %s'), (backend) => {
  afterEach(() => expect(owned()).toEqual([]));

  test('because its group is not viable: what blocks it', () => {
    expect(failure(() => VfioDevice.open(sys, inspected(BLOCKED), { backend }))).toEqual({
      code: 'EPERM',
      exit: 5,
      message: expect.stringMatching(/^its group, \d+, is not viable: blocked by 0000:02:02\.0$/),
    });
  });
});
