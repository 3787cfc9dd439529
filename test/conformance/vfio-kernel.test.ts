// The kernel's answers to VFIO's ioctls, byte for byte: the simulation is held to them. The edu at 0000:00:03.0 is
// vfio-pci's; 0000:02:01.0 is too, in a group that is not viable.
import * as iommufd from '../../src/uapi/iommufd';
import * as vfio from '../../src/uapi/vfio';
import {
  allocateIoas,
  attach,
  BOOL,
  bind,
  CONFIG,
  cdevNode,
  command,
  destroy,
  detach,
  deviceFd,
  deviceInfo,
  ERR,
  EVENTFD,
  eduTransfer,
  eventCount,
  groupNode,
  groupStatus,
  INTX,
  iovaRanges,
  irqInfo,
  MASK,
  MSI,
  MSIX,
  mapDma,
  mapIoas,
  NONE,
  type Opened,
  openThroughGroup,
  openThroughIommufd,
  PAGE,
  REQ,
  read,
  read32,
  regionInfo,
  setCommand,
  setContainer,
  setIrqs,
  TRIGGER,
  UNMASK,
  unmapDma,
  unmapIoas,
  withMemory,
  words,
  write32,
} from '../support/vfio-ioctls';
import { EDU, errnoOf, makeSys, sinceLinux7, title } from './target';

const DEVICE = '0000:00:03.0';
const BLOCKED = '0000:02:01.0';
const sys = makeSys();
const P = BigInt(PAGE);
const GROUP = groupNode(sys, DEVICE);
const ALL = 2n ** 64n - 1n;
const physicalCommand = () => sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`).readUInt16LE(4);

const open = (node: string) => sys.open(node, { write: true });
const probe = (fd: number, request: number, argument: Buffer | number) =>
  errnoOf(() => sys.ioctl(fd, request, argument));

describe(title('a container'), () => {
  let fd: number;
  beforeEach(() => {
    fd = open('/dev/vfio/vfio');
  });
  afterEach(() => sys.close(fd));

  test('says what it can do', () => {
    expect(sys.ioctl(fd, vfio.VFIO_GET_API_VERSION, 0)).toBe(0);
    const extensions = [0, 1, 2, 3, 7, 8, 9].map((number) => sys.ioctl(fd, vfio.VFIO_CHECK_EXTENSION, number));
    expect(extensions).toEqual([0, 1, 0, 1, 0, 0, 1]);
  });

  test('can do nothing without a group', () => {
    expect(probe(fd, vfio.VFIO_SET_IOMMU, 3)).toBe('EINVAL');
    expect(probe(fd, vfio.VFIO_IOMMU_GET_INFO, words(24, 0, 0, 0, 0, 0))).toBe('EINVAL');
    expect(probe(fd, 0x3bff, 0)).toBe('EINVAL');
    expect(errnoOf(() => sys.read(fd, Buffer.alloc(4)))).toBe('EINVAL');
    expect(errnoOf(() => read(sys, fd, 0, 4))).toBe('EINVAL');
    expect(errnoOf(() => sys.write(fd, Buffer.alloc(4)))).toBe('EINVAL');
    expect(errnoOf(() => sys.mmap(fd, PAGE, false, 0))).toBe('ENODEV');
    expect(errnoOf(() => sys.watch(fd, () => {}))).toBe('EPERM');
    expect(sys.poll(fd, 0)).toBe('ready');
  });
});

describe(title('a group'), () => {
  test('is opened once', () => {
    const group = open(GROUP);
    expect(errnoOf(() => open(GROUP))).toBe('EBUSY');
    sys.close(group);
    sys.close(open(GROUP));
  });

  test('gives no device without a container that has an IOMMU', () => {
    const group = open(GROUP);
    const container = open('/dev/vfio/vfio');
    try {
      expect(groupStatus(sys, group)).toBe(1);
      expect(probe(group, vfio.VFIO_GROUP_GET_STATUS, words(7, 0))).toBe('EINVAL');
      expect(probe(group, vfio.VFIO_GROUP_UNSET_CONTAINER, 0)).toBe('EINVAL');
      expect(errnoOf(() => setContainer(sys, group, -1))).toBe('EBADF');
      expect(errnoOf(() => deviceFd(sys, group, DEVICE))).toBe('EINVAL');
      expect(setContainer(sys, group, container)).toBe(0);
      expect(errnoOf(() => setContainer(sys, group, container))).toBe('EINVAL');
      expect(groupStatus(sys, group)).toBe(3);
      expect(errnoOf(() => deviceFd(sys, group, DEVICE))).toBe('EINVAL');
      expect(probe(container, vfio.VFIO_SET_IOMMU, 2)).toBe('ENODEV');
      expect(probe(container, vfio.VFIO_SET_IOMMU, 8)).toBe('ENODEV');
      expect(probe(container, vfio.VFIO_SET_IOMMU, 9)).toBe('EINVAL');
      expect(sys.ioctl(container, vfio.VFIO_SET_IOMMU, 3)).toBe(0);
      expect(probe(container, vfio.VFIO_SET_IOMMU, 3)).toBe('EINVAL');
      expect(probe(container, 0x3bff, 0)).toBe('ENOTTY');
      expect(probe(group, 0x3bff, 0)).toBe('ENOTTY');
      for (const name of ['0000:00:04.0', '', `${DEVICE}x`, 'x'])
        expect(errnoOf(() => deviceFd(sys, group, name))).toBe('ENODEV');
      const token = 'vf_token=bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3';
      expect(errnoOf(() => deviceFd(sys, group, `${DEVICE} ${token}`))).toBe('EINVAL');
      expect(sys.ioctl(group, vfio.VFIO_GROUP_UNSET_CONTAINER, 0)).toBe(0);
      expect(groupStatus(sys, group)).toBe(1);
      // The last group takes the IOMMU along.
      expect(probe(container, vfio.VFIO_IOMMU_GET_INFO, words(24, 0, 0, 0, 0, 0))).toBe('EINVAL');
    } finally {
      sys.close(group);
      sys.close(container);
    }
  });

  test('with a device that a driver of the kernel uses is not viable', () => {
    const group = open(groupNode(sys, BLOCKED));
    const container = open('/dev/vfio/vfio');
    try {
      expect(groupStatus(sys, group)).toBe(0);
      expect(errnoOf(() => setContainer(sys, group, container))).toBe('EPERM');
    } finally {
      sys.close(group);
      sys.close(container);
    }
  });

  test('stays with its device, and with a mapping of it', () => {
    const { container, group, device } = openThroughGroup(sys, DEVICE);
    const again = deviceFd(sys, group, DEVICE);
    expect(probe(group, vfio.VFIO_GROUP_UNSET_CONTAINER, 0)).toBe('EBUSY');
    sys.close(again);
    sys.close(group);
    sys.close(container);
    expect(errnoOf(() => open(GROUP))).toBe('EBUSY');
    expect(read32(sys, device, EDU.id)).toBe(0x010000ed);
    const mapping = sys.mmap(device, PAGE, true, 0);
    sys.close(device);
    expect(errnoOf(() => open(GROUP))).toBe('EBUSY');
    expect(mapping.read(EDU.id, 4)).toBe(0x010000ed);
    mapping.close();
    sys.close(open(GROUP));
  });
});

describe(title('a device'), () => {
  let opened: Opened;
  let device: number;
  beforeEach(() => {
    opened = openThroughGroup(sys, DEVICE);
    ({ device } = opened);
  });
  afterEach(() => opened.close());

  test('has no bus mastering and is enabled, until it is closed', () => {
    expect(command(sys, device)).toBe(0x103);
    expect(sys.readFile(`/sys/bus/pci/devices/${DEVICE}/enable`).toString()).toBe('1\n');
    setCommand(sys, device, 0x507);
    expect(physicalCommand()).toBe(0x507);
    opened.close();
    expect(physicalCommand()).toBe(0x103);
    expect(sys.readFile(`/sys/bus/pci/devices/${DEVICE}/enable`).toString()).toBe('0\n');
    opened = openThroughGroup(sys, DEVICE);
    expect(command(sys, opened.device)).toBe(0x103);
  });

  test('tells what it is', () => {
    expect(deviceInfo(sys, device)).toEqual({ flags: 2, regions: 9, irqs: 5 });
    for (const size of [16, 20, 24, 64]) {
      const info = Buffer.alloc(64, 0xee);
      info.writeUInt32LE(size, 0);
      sys.ioctl(device, vfio.VFIO_DEVICE_GET_INFO, info);
      expect(info.readUInt32LE(0)).toBe(size);
      expect(info[size]).toBe(size < 64 ? 0xee : undefined);
    }
    expect(probe(device, vfio.VFIO_DEVICE_GET_INFO, words(15, 0, 0, 0, 0, 0))).toBe('EINVAL');
    expect(probe(device, 0x3bff, 0)).toBe('ENOTTY');
    expect(probe(device, vfio.VFIO_DEVICE_BIND_IOMMUFD, words(16, 0, 0, 0))).toBe(
      sys.access('/dev/iommu') === null ? 'ENOTTY' : 'EINVAL',
    );
  });

  test.each([
    [0, 7, 0x100000],
    [1, 0, 0],
    [5, 0, 0],
    [6, 0, 0],
    [7, 3, 0x100],
  ])('region %p has flags %p and %p bytes', (index, flags, size) => {
    const info = regionInfo(sys, device, index);
    expect(info).toMatchObject({ argsz: 64, flags, size, offset: index * 2 ** 40, capabilities: 0 });
  });

  test('has no other regions', () => {
    expect(errnoOf(() => regionInfo(sys, device, 8))).toBe('EINVAL');
    expect(errnoOf(() => regionInfo(sys, device, 9))).toBe('EINVAL');
    expect(errnoOf(() => regionInfo(sys, device, 0, 31))).toBe('EINVAL');
  });

  test.each([
    [INTX, 7, 1],
    [MSI, 9, 1],
    [MSIX, 9, 0],
    [REQ, 9, 1],
  ])('interrupt %p has flags %p and %p vectors', (index, flags, count) => {
    expect(irqInfo(sys, device, index)).toEqual({ flags, count });
  });

  test('reports no errors before Linux 7, not being PCI Express', () => {
    const event = sys.eventfd();
    const set = () => setIrqs(sys, device, EVENTFD | TRIGGER, [ERR, 0, 1], words(event));
    try {
      if (sinceLinux7(true, false)) {
        expect(irqInfo(sys, device, ERR)).toEqual({ flags: 9, count: 1 });
        set();
      } else {
        expect(errnoOf(() => irqInfo(sys, device, ERR))).toBe('EINVAL');
        expect(errnoOf(set)).toBe('EINVAL');
      }
    } finally {
      sys.close(event);
    }
    expect(errnoOf(() => irqInfo(sys, device, 5))).toBe('EINVAL');
  });

  test('cannot be reset, alone or with its bus', () => {
    expect(probe(device, vfio.VFIO_DEVICE_RESET, 0)).toBe('EINVAL');
    expect(probe(device, vfio.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, words(11, 0, 0))).toBe('EINVAL');
    expect(probe(device, vfio.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, words(12, 0, 0))).toBe('ENODEV');
  });

  test('has no features of virtual functions or migration', () => {
    const PROBE = vfio.VFIO_DEVICE_FEATURE_PROBE;
    for (const feature of [0, 1, 2, 6, 7, 8, 9])
      expect(probe(device, vfio.VFIO_DEVICE_FEATURE, words(8, PROBE | feature))).toBe('ENOTTY');
    expect(probe(device, vfio.VFIO_DEVICE_FEATURE, words(7, PROBE))).toBe('EINVAL');
    expect(probe(device, vfio.VFIO_DEVICE_FEATURE, words(8, 0x30000))).toBe('EINVAL');
    expect(probe(device, vfio.VFIO_DEVICE_FEATURE, words(8, 0x80000))).toBe('EINVAL');
  });

  describe('its registers', () => {
    test('are read and written where their region is', () => {
      expect(read32(sys, device, EDU.id)).toBe(0x010000ed);
      write32(sys, device, EDU.liveness, 0x12345678);
      expect(read32(sys, device, EDU.liveness)).toBe(0xedcba987);
      expect(read(sys, device, 0, 2)).toEqual(Buffer.alloc(2));
      expect(read(sys, device, 0xffffc, 8)).toHaveLength(4);
    });

    test('have an end', () => {
      const TB = 2 ** 40;
      for (const offset of [0x100000, TB, 6 * TB, 8 * TB, 9 * TB, 40 * TB])
        expect(errnoOf(() => read(sys, device, offset, 4))).toBe('EINVAL');
      expect(errnoOf(() => write32(sys, device, 6 * TB, 0))).toBe('EINVAL');
    });

    test('are at the file position without one', () => {
      const buffer = Buffer.alloc(4);
      sys.read(device, buffer);
      expect(buffer.readUInt32LE()).toBe(0x010000ed);
      sys.read(device, buffer);
      // Liveness, from before or not: what it was is inverted.
      expect(buffer).not.toEqual(words(0x010000ed));
    });

    test('answer with an error while memory decoding is off', () => {
      setCommand(sys, device, 0x101);
      expect(errnoOf(() => read32(sys, device, EDU.id))).toBe('EIO');
      expect(errnoOf(() => write32(sys, device, EDU.liveness, 0))).toBe('EIO');
      setCommand(sys, device, 0x103);
      expect(read32(sys, device, EDU.id)).toBe(0x010000ed);
    });

    test('can be mapped, no further than they go', () => {
      const mapping = sys.mmap(device, 0x100000, true, 0);
      expect(mapping.read(EDU.id, 4)).toBe(0x010000ed);
      mapping.close();
      sys.mmap(device, PAGE, false, 0x40000).close();
      expect(errnoOf(() => sys.mmap(device, 0x101000, true, 0))).toBe('EINVAL');
      expect(errnoOf(() => sys.mmap(device, PAGE, true, CONFIG))).toBe('EINVAL');
      expect(errnoOf(() => sys.mmap(device, PAGE, true, 2 ** 40))).toBe('EINVAL');
    });

    test('cannot be waited for', () => {
      expect(sys.poll(device, 0)).toBe('ready');
      expect(errnoOf(() => sys.watch(device, () => {}))).toBe('EPERM');
    });
  });

  describe('its configuration space', () => {
    test('is read in any slice, but not past its end', () => {
      const whole = read(sys, device, CONFIG, 256);
      expect(whole.readUInt32LE()).toBe(0x11e81234);
      expect(read(sys, device, CONFIG + 1, 3)).toEqual(whole.subarray(1, 4));
      expect(read(sys, device, CONFIG + 3, 5)).toEqual(whole.subarray(3, 8));
      for (const [offset, length] of [
        [0, 257],
        [256, 1],
        [254, 4],
      ] as const)
        expect(errnoOf(() => read(sys, device, CONFIG + offset, length))).toBe('EFAULT');
    });

    test('has BARs of its own, that tell their size', () => {
      const before = read(sys, device, CONFIG + 0x10, 24);
      sys.pwrite(device, words(0xffffffff), CONFIG + 0x10);
      expect(read(sys, device, CONFIG + 0x10, 8)).toEqual(words(0xfff00000, 0));
      expect(read32(sys, device, EDU.id)).toBe(0x010000ed);
      sys.pwrite(device, before, CONFIG + 0x10);
      expect(read(sys, device, CONFIG + 0x10, 24)).toEqual(before);
    });

    test('lets through what does no harm', () => {
      write32(sys, device, CONFIG, 0);
      expect(read32(sys, device, CONFIG)).toBe(0x11e81234);
      setCommand(sys, device, 0xffff);
      expect([command(sys, device), physicalCommand()]).toEqual([0x507, 0x507]);
      setCommand(sys, device, 0x103);
      expect([command(sys, device), physicalCommand()]).toEqual([0x103, 0x103]);
      // The line is a note for software, and here the user's own.
      sys.pwrite(device, Buffer.from([0xff]), CONFIG + 0x3c);
      expect(read(sys, device, CONFIG + 0x3c, 2).toString('hex')).toBe('ff01');
      expect(sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`)[0x3c]).toBe(0x0b);
    });

    test('cannot enable MSI', () => {
      sys.pwrite(device, Buffer.from([1, 0]), CONFIG + 0x42);
      write32(sys, device, CONFIG + 0x44, 0xfee00000);
      expect(read(sys, device, CONFIG + 0x40, 8).toString('hex')).toBe('050000000000e0fe');
      expect(sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`).toString('hex', 0x40, 0x48)).toBe(
        '0500800000000000',
      );
    });
  });

  describe('its interrupts', () => {
    let event: number;
    let other: number;
    beforeEach(() => {
      event = sys.eventfd();
      other = sys.eventfd();
    });
    afterEach(() => {
      write32(sys, device, EDU.acknowledge, 0xffffffff);
      sys.close(event);
      sys.close(other);
    });
    const raise = (causes = 1) => write32(sys, device, EDU.raise, causes);
    const acknowledge = () => write32(sys, device, EDU.acknowledge, 0xffffffff);
    const count = (waitMs?: number) => eventCount(sys, event, waitMs);
    const set = (flags: number, index: number, data?: Buffer) => setIrqs(sys, device, flags, [index, 0, 1], data);
    const off = (index: number) => setIrqs(sys, device, NONE | TRIGGER, [index, 0, 0]);

    test('INTx is masked once it came, until it is unmasked', () => {
      set(EVENTFD | TRIGGER, INTX, words(event));
      raise();
      expect(count()).toBe(1);
      expect([command(sys, device), physicalCommand()]).toEqual([0x103, 0x503]);
      raise(2);
      expect(count(20)).toBe(0);
      // Still asserted: it comes again at once.
      set(NONE | UNMASK, INTX);
      expect(count()).toBe(1);
      acknowledge();
      set(NONE | UNMASK, INTX);
      expect(count(20)).toBe(0);
      expect(physicalCommand()).toBe(0x103);
      set(NONE | MASK, INTX);
      raise();
      expect(count(20)).toBe(0);
      set(NONE | UNMASK, INTX);
      expect(count()).toBe(1);
    });

    test('INTx follows the Interrupt Disable of the user', () => {
      set(EVENTFD | TRIGGER, INTX, words(event));
      setCommand(sys, device, 0x503);
      raise();
      set(NONE | TRIGGER, INTX);
      expect(count(20)).toBe(0);
      setCommand(sys, device, 0x103);
      expect(count()).toBe(1);
    });

    test('INTx is unmasked by an eventfd', () => {
      set(EVENTFD | TRIGGER, INTX, words(event));
      set(EVENTFD | UNMASK, INTX, words(other));
      expect(errnoOf(() => set(EVENTFD | UNMASK, INTX, words(other)))).toBe('EBUSY');
      expect(errnoOf(() => set(EVENTFD | MASK, INTX, words(other)))).toBe('ENOTTY');
      raise();
      expect(count()).toBe(1);
      sys.write(other, Buffer.from('0100000000000000', 'hex'));
      expect(count()).toBe(1);
      expect(eventCount(sys, other, 0)).toBe(0);
      acknowledge();
      sys.write(other, Buffer.from('0100000000000000', 'hex'));
      expect(count(20)).toBe(0);
      set(EVENTFD | UNMASK, INTX, words(-1));
    });

    test('are signalled by the caller, to try the way', () => {
      set(EVENTFD | TRIGGER, INTX, words(event));
      set(NONE | TRIGGER, INTX);
      set(BOOL | TRIGGER, INTX, Buffer.from([1]));
      set(BOOL | TRIGGER, INTX, Buffer.from([0]));
      expect(count()).toBe(2);
      off(INTX);
      set(EVENTFD | TRIGGER, MSI, words(event));
      set(NONE | TRIGGER, MSI);
      expect(count()).toBe(1);
      off(MSI);
      set(EVENTFD | TRIGGER, REQ, words(event));
      set(NONE | TRIGGER, REQ);
      expect(count()).toBe(1);
      off(REQ);
    });

    test('MSI is a write to the bus: without bus mastering there is none', () => {
      set(EVENTFD | TRIGGER, MSI, words(event));
      raise();
      acknowledge();
      expect(count(20)).toBe(0);
      setCommand(sys, device, 0x107);
      // One for each cause, acknowledged or not.
      raise();
      expect(count()).toBe(1);
      raise();
      expect(count()).toBe(1);
      // Switched off by the user, and on again.
      sys.pwrite(device, Buffer.from([0, 0]), CONFIG + 0x42);
      expect(sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`)[0x42]).toBe(0x80);
      sys.pwrite(device, Buffer.from([1, 0]), CONFIG + 0x42);
      acknowledge();
      raise();
      expect(count()).toBe(1);
      set(EVENTFD | TRIGGER, MSI, words(-1));
      set(NONE | TRIGGER, MSI);
      expect(count(20)).toBe(0);
      off(MSI);
      expect(errnoOf(() => off(MSI))).toBe('EINVAL');
    });

    test('are one kind at a time', () => {
      set(EVENTFD | TRIGGER, INTX, words(event));
      expect(errnoOf(() => set(EVENTFD | TRIGGER, MSI, words(other)))).toBe('EINVAL');
      off(INTX);
      set(EVENTFD | TRIGGER, MSI, words(event));
      expect(errnoOf(() => set(EVENTFD | TRIGGER, INTX, words(other)))).toBe('EINVAL');
    });

    test('are refused where the request makes no sense', () => {
      const refused = (flags: number, range: [number, number, number], data?: Buffer) =>
        errnoOf(() => setIrqs(sys, device, flags, range, data));
      expect(refused(NONE | TRIGGER, [INTX, 0, 1])).toBe('EINVAL');
      expect(refused(NONE | TRIGGER, [INTX, 0, 0])).toBe('EINVAL');
      expect(refused(NONE | UNMASK, [INTX, 0, 1])).toBe('EINVAL');
      expect(refused(EVENTFD | TRIGGER, [INTX, 0, 1], words(999))).toBe('EBADF');
      expect(refused(EVENTFD | TRIGGER, [INTX, 0, 1], words(device))).toBe('EINVAL');
      expect(refused(EVENTFD | TRIGGER, [INTX, 0, 2], words(event, other))).toBe('EINVAL');
      expect(refused(EVENTFD | TRIGGER, [INTX, 1, 1], words(event))).toBe('EINVAL');
      expect(refused(EVENTFD | TRIGGER, [MSIX, 0, 1], words(event))).toBe('EINVAL');
      expect(refused(EVENTFD | TRIGGER, [5, 0, 1], words(event))).toBe('EINVAL');
      expect(refused(NONE | EVENTFD | TRIGGER, [INTX, 0, 1], words(event))).toBe('EINVAL');
      expect(refused(NONE | TRIGGER | UNMASK, [INTX, 0, 1])).toBe('ENOTTY');
      expect(refused(NONE, [INTX, 0, 1])).toBe('ENOTTY');
      expect(refused(64 | NONE | TRIGGER, [INTX, 0, 1])).toBe('EINVAL');
      expect(refused(NONE | MASK, [MSI, 0, 1])).toBe('ENOTTY');
      expect(refused(NONE | UNMASK, [REQ, 0, 1])).toBe('ENOTTY');
      expect(refused(NONE | TRIGGER, [REQ, 0, 1])).toBe('EINVAL');
      expect(refused(BOOL | TRIGGER, [INTX, 0, 1])).toBe('EINVAL');
      expect(probe(device, vfio.VFIO_DEVICE_SET_IRQS, words(19, NONE | TRIGGER, INTX, 0, 1))).toBe('EINVAL');
    });
  });
});

describe(title('mappings of a container'), () => {
  const opened = () => openThroughGroup(sys, DEVICE);
  const info = (container: number, argsz: number) => {
    const bytes = Buffer.alloc(Math.max(argsz, 24));
    bytes.writeUInt32LE(argsz, 0);
    sys.ioctl(container, vfio.VFIO_IOMMU_GET_INFO, bytes);
    return bytes;
  };

  test('what there is room for', () => {
    const { container, close } = opened();
    try {
      expect(errnoOf(() => info(container, 15))).toBe('EINVAL');
      const short = info(container, 24);
      const needed = short.readUInt32LE(0);
      // Kernels before 6.2 do not count what aligns the second capability.
      expect([116, 120]).toContain(needed);
      expect([short.readUInt32LE(4), short.readUInt32LE(16)]).toEqual([3, 0]);
      expect(info(container, needed - 1).readUInt32LE(16)).toBe(0);
      const whole = info(container, needed);
      expect(whole.readBigUInt64LE(8) & P).toBe(P);
      const found = new Map<number, Buffer>();
      for (let at = whole.readUInt32LE(16); at !== 0; at = whole.readUInt32LE(at + 4))
        found.set(whole.readUInt16LE(at), whole.subarray(at));
      expect([...found.keys()].sort()).toEqual([1, 2, 3]);
      const ranges = found.get(1);
      expect(ranges?.readUInt32LE(8)).toBe(2);
      expect([16, 24, 32, 40].map((at) => ranges?.readBigUInt64LE(at))).toEqual([
        0n,
        0xfedfffffn,
        0xfef00000n,
        0x7fffffffffn,
      ]);
      expect(found.get(3)?.readUInt32LE(8)).toBe(65535);
    } finally {
      close();
    }
  });

  test('are refused where they make no sense', () => {
    const { container, close } = opened();
    withMemory(sys, 16 * PAGE, ({ address }) => {
      const map = (iova: bigint, length = P, flags = 3, vaddr = address, argsz = 32) =>
        errnoOf(() => mapDma(sys, container, vaddr, iova, length, flags, argsz));
      try {
        mapDma(sys, container, address, P, P);
        expect(map(P)).toBe('EEXIST');
        expect(map(0n, 2n * P)).toBe('EEXIST');
        expect(map(16n * P, 0n)).toBe('EINVAL');
        expect(map(16n * P, 100n)).toBe('EINVAL');
        expect(map(16n * P + 1n)).toBe('EINVAL');
        expect(map(16n * P, P, 3, address + 1n)).toBe('EINVAL');
        expect(map(16n * P, P, 0)).toBe('EINVAL');
        expect(map(16n * P, P, 8 | 3)).toBe('EINVAL');
        expect(map(16n * P, P, 3, address, 31)).toBe('EINVAL');
        expect(map(0xfee00000n)).toBe('EINVAL');
        expect(map(0xfedff000n, 2n * P)).toBe('EINVAL');
        expect(map(0x8000000000n)).toBe('EINVAL');
        expect(map(2n ** 64n - P, 2n * P)).toBe(sinceLinux7('EOVERFLOW', 'EINVAL'));
        expect(map(32n * P, P, 3, P)).toBe('EFAULT');
        expect(map(32n * P, P, 3, 0n)).toBe('EFAULT');
        // The destination is checked before the source.
        expect(map(0xfee00000n, P, 3, P)).toBe('EINVAL');
        mapDma(sys, container, address, 0x7ffffff000n, P);
      } finally {
        close();
      }
    });
  });

  test('are unmapped whole, or not at all', () => {
    const { container, close } = opened();
    withMemory(sys, 16 * PAGE, ({ address }) => {
      const unmap = (iova: bigint, length: bigint, flags?: number) => unmapDma(sys, container, iova, length, flags);
      const refused = (iova: bigint, length: bigint, flags?: number) => errnoOf(() => unmap(iova, length, flags));
      const available = () => info(container, 120).readUInt32LE(64);
      try {
        expect(unmap(256n * P, P)).toBe(0n);
        mapDma(sys, container, address, 64n * P, 4n * P);
        mapDma(sys, container, address, 80n * P, P);
        expect(available()).toBe(65533);
        expect(refused(64n * P, P)).toBe('EINVAL');
        expect(refused(65n * P, 3n * P)).toBe('EINVAL');
        expect(unmap(63n * P, 8n * P)).toBe(4n * P);
        expect(refused(0n, 0n)).toBe('EINVAL');
        expect(refused(1n, P)).toBe('EINVAL');
        expect(refused(0n, P, 64)).toBe('EINVAL');
        expect(refused(0n, P, 2)).toBe('EINVAL');
        expect(refused(2n ** 64n - P, 2n * P)).toBe(sinceLinux7('EOVERFLOW', 'EINVAL'));
        expect(refused(0n, ALL)).toBe('EINVAL');
        expect(unmap(0n, 0n, 2)).toBe(P);
        expect(unmap(0n, 0n, 2)).toBe(0n);
        expect(available()).toBe(65535);
      } finally {
        close();
      }
    });
  });
});

// Kernels without cdevs have nothing to say to this.
if (sys.access('/dev/iommu') !== null) {
  describe(title('a cdev'), () => {
    test('can do nothing until it is bound to an iommufd', () => {
      const device = open(cdevNode(sys, DEVICE));
      const fd = open('/dev/iommu');
      const event = sys.eventfd();
      try {
        expect(errnoOf(() => deviceInfo(sys, device))).toBe('EINVAL');
        expect(errnoOf(() => read32(sys, device, 0))).toBe('EINVAL');
        expect(errnoOf(() => attach(sys, device, 1))).toBe('EINVAL');
        expect(errnoOf(() => bind(sys, device, -1))).toBe('EINVAL');
        expect(errnoOf(() => bind(sys, device, 999))).toBe('EBADF');
        // Flag 1 says that a VF token follows, which Linux 7 knows: its address here is none.
        expect(probe(device, vfio.VFIO_DEVICE_BIND_IOMMUFD, words(16, 1, fd, 0))).toBe(sinceLinux7('EFAULT', 'EINVAL'));
        expect(probe(device, vfio.VFIO_DEVICE_BIND_IOMMUFD, words(12, 0, fd, 0))).toBe('EINVAL');
        // Nobody is kept out by one that is only open.
        sys.close(open(GROUP));
        expect(bind(sys, device, fd)).toBe(1);
        expect(deviceInfo(sys, device)).toEqual({ flags: 2, regions: 9, irqs: 5 });
        expect(errnoOf(() => bind(sys, device, fd))).toBe('EINVAL');
        expect(errnoOf(() => open(GROUP))).toBe('EBUSY');
        const second = open(cdevNode(sys, DEVICE));
        expect(errnoOf(() => bind(sys, second, fd))).toBe('EINVAL');
        sys.close(second);
      } finally {
        for (const one of [device, fd, event]) sys.close(one);
      }
      sys.close(open(GROUP));
    });

    test('is kept out by its group', () => {
      const group = open(GROUP);
      const device = open(cdevNode(sys, DEVICE));
      const fd = open('/dev/iommu');
      expect(errnoOf(() => bind(sys, device, fd))).toBe('EBUSY');
      for (const one of [device, fd, group]) sys.close(one);
    });

    test('of a group that is not viable is not bound', () => {
      const device = open(cdevNode(sys, BLOCKED));
      const fd = open('/dev/iommu');
      expect(errnoOf(() => bind(sys, device, fd))).toBe('EPERM');
      for (const one of [device, fd]) sys.close(one);
    });
  });

  describe(title('an iommufd'), () => {
    test('knows its commands by number and size', () => {
      const fd = open('/dev/iommu');
      try {
        for (const request of [0x3bf0, 0x1234]) expect(probe(fd, request, Buffer.alloc(64))).toBe('ENOTTY');
        expect(probe(fd, 0x3b8f, Buffer.alloc(64))).toBe(sinceLinux7('EINVAL', 'ENOTTY'));
        expect(sys.ioctl(fd, vfio.VFIO_GET_API_VERSION, 0)).toBe(0);
        // Too short for what there is, so that nothing is made.
        for (const kind of ['ioas', 'hwpt', 'fault-queue'] as const)
          expect(probe(fd, iommufd.IOMMUFD_OBJECTS[kind], words(4))).toBe('EINVAL');
        expect(probe(fd, iommufd.IOMMU_IOAS_ALLOC, words(12, 1, 0))).toBe('ENOTSUP');
        expect(probe(fd, iommufd.IOMMU_IOAS_ALLOC, words(8, 0, 0))).toBe('EINVAL');
        expect(probe(fd, iommufd.IOMMU_IOAS_ALLOC, words(16, 0, 0, 1))).toBe('E2BIG');
        const longer = words(16, 0, 0, 0);
        sys.ioctl(fd, iommufd.IOMMU_IOAS_ALLOC, longer);
        expect(longer).toEqual(words(16, 0, 1, 0));
        expect(allocateIoas(sys, fd)).toBe(2);
        destroy(sys, fd, 1);
        expect(allocateIoas(sys, fd)).toBe(1);
        expect(errnoOf(() => destroy(sys, fd, 99))).toBe('ENOENT');
        expect(errnoOf(() => sys.read(fd, Buffer.alloc(8)))).toBe('EINVAL');
      } finally {
        sys.close(fd);
      }
    });

    test('has options', () => {
      const fd = open('/dev/iommu');
      const option = (number: number, operation: number, object: number, value: bigint) => {
        const bytes = Buffer.alloc(24);
        bytes.writeUInt32LE(24, 0);
        bytes.writeUInt32LE(number, 4);
        bytes.writeUInt16LE(operation, 8);
        bytes.writeUInt32LE(object, 12);
        bytes.writeBigUInt64LE(value, 16);
        sys.ioctl(fd, iommufd.IOMMU_OPTION, bytes);
        return bytes.readBigUInt64LE(16);
      };
      try {
        expect(option(0, 1, 0, 9n)).toBe(0n);
        option(0, 0, 0, 1n);
        expect(option(0, 1, 0, 9n)).toBe(1n);
        expect(errnoOf(() => option(9, 1, 0, 0n))).toBe('ENOTSUP');
        const ioas = allocateIoas(sys, fd);
        expect(errnoOf(() => option(0, 0, 0, 0n))).toBe('EBUSY');
        expect(option(1, 1, ioas, 0n)).toBe(1n);
      } finally {
        sys.close(fd);
      }
    });

    test('has objects that others use', () => {
      const opened = openThroughIommufd(sys, DEVICE);
      const { iommufd: fd, devid, ioas, hwpt, device, close } = opened;
      try {
        expect([devid, ioas, hwpt]).toEqual([1, 2, 3]);
        for (const id of [devid, ioas, hwpt]) expect(errnoOf(() => destroy(sys, fd, id))).toBe('EBUSY');
        expect(attach(sys, device, ioas)).toBe(hwpt);
        expect(attach(sys, device, hwpt)).toBe(hwpt);
        expect(errnoOf(() => attach(sys, device, 77))).toBe('ENOENT');
        expect(errnoOf(() => attach(sys, device, devid))).toBe('EINVAL');
        detach(sys, device);
        expect(detach(sys, device)).toBe(0);
        expect(errnoOf(() => destroy(sys, fd, hwpt))).toBe('ENOENT');
        destroy(sys, fd, ioas);
        // The device keeps it.
        sys.close(fd);
        expect(read32(sys, device, EDU.id)).toBe(0x010000ed);
      } finally {
        sys.close(device);
        expect(errnoOf(() => close())).toBe('EBADF');
      }
    });

    test('has ranges that a device narrows', () => {
      const { iommufd: fd, ioas, device, close } = openThroughIommufd(sys, DEVICE);
      try {
        const narrow = [
          [0n, 0xfedfffffn],
          [0xfef00000n, 0x7fffffffffn],
        ];
        expect(iovaRanges(sys, fd, ioas, 8)).toEqual({ error: null, count: 2, alignment: P, ranges: narrow });
        expect(iovaRanges(sys, fd, ioas, 1)).toMatchObject({ error: 'EMSGSIZE', count: 2, ranges: [narrow[0]] });
        expect(iovaRanges(sys, fd, ioas, 0)).toMatchObject({ error: 'EMSGSIZE', count: 2, ranges: [] });
        detach(sys, device);
        expect(iovaRanges(sys, fd, ioas, 8)).toEqual({ error: null, count: 1, alignment: 1n, ranges: [[0n, ALL]] });
      } finally {
        close();
      }
    });

    test('tells what IOMMU a device is behind', () => {
      const { iommufd: fd, devid, close } = openThroughIommufd(sys, DEVICE);
      withMemory(sys, PAGE, ({ address, bytes }) => {
        const request = Buffer.alloc(40);
        request.writeUInt32LE(40, 0);
        request.writeUInt32LE(devid, 8);
        request.writeUInt32LE(32, 12);
        request.writeBigUInt64LE(address, 16);
        bytes.fill(0xee, 0, 40);
        try {
          sys.ioctl(fd, iommufd.IOMMU_GET_HW_INFO, request);
          expect([request.readUInt32LE(12), request.readUInt32LE(24)]).toEqual([24, 1]);
          const register = (name: string) =>
            sys.readFile(`/sys/class/iommu/dmar0/intel-iommu/${name}`).toString().trim();
          expect(bytes.readBigUInt64LE(8).toString(16)).toBe(register('cap'));
          expect(bytes.readBigUInt64LE(16).toString(16)).toBe(register('ecap'));
          expect(bytes.toString('hex', 24, 40)).toBe(`${'00'.repeat(8)}${'ee'.repeat(8)}`);
          request.writeUInt32LE(99, 8);
          expect(probe(fd, iommufd.IOMMU_GET_HW_INFO, request)).toBe('ENOENT');
        } finally {
          close();
        }
      });
    });

    test('maps, or refuses to', () => {
      const { iommufd: fd, ioas, devid, close } = openThroughIommufd(sys, DEVICE);
      withMemory(sys, 16 * PAGE, ({ address }) => {
        const map = (iova: bigint, length = P, flags = 7, vaddr = address, id = ioas) =>
          errnoOf(() => mapIoas(sys, fd, id, vaddr, iova, length, flags));
        try {
          expect(mapIoas(sys, fd, ioas, address, P, P)).toBe(P);
          expect(map(P)).toBe('EEXIST');
          expect(map(16n * P, 0n)).toBe('EINVAL');
          expect(map(16n * P, 100n)).toBe('EINVAL');
          expect(map(16n * P + 1n)).toBe('EINVAL');
          expect(map(16n * P, P, 7, address + 1n)).toBe('EINVAL');
          expect(map(16n * P, P, 1)).toBe('EINVAL');
          expect(map(16n * P, P, 15)).toBe('ENOTSUP');
          expect(map(16n * P, P, 7, address, 99)).toBe('ENOENT');
          expect(map(16n * P, P, 7, address, devid)).toBe('ENOENT');
          expect(map(0xfee00000n)).toBe('EINVAL');
          expect(map(0x8000000000n)).toBe('EINVAL');
          expect(map(2n ** 64n - P, 2n * P)).toBe('EOVERFLOW');
          expect(map(ALL)).toBe('EOVERFLOW');
          expect(map(P, ALL)).toBe('EOVERFLOW');
          expect(map(80n * P, 2n * P, 7, 2n ** 64n - P)).toBe('EOVERFLOW');
          expect(map(32n * P, P, 7, P)).toBe('EFAULT');
          // Without a place given, it takes the lowest that is free.
          expect(mapIoas(sys, fd, ioas, address + P, 0n, P, 6)).toBe(2n * P);
          expect(mapIoas(sys, fd, ioas, address + P, 0n, P, 6)).toBe(3n * P);
        } finally {
          close();
        }
      });
    });

    test('unmaps whole mappings, if there are any', () => {
      const { iommufd: fd, ioas, close } = openThroughIommufd(sys, DEVICE);
      withMemory(sys, 16 * PAGE, ({ address }) => {
        const unmap = (iova: bigint, length: bigint) => unmapIoas(sys, fd, ioas, iova, length);
        const refused = (iova: bigint, length: bigint) => errnoOf(() => unmap(iova, length));
        try {
          expect(refused(256n * P, P)).toBe('ENOENT');
          expect(refused(P, 0n)).toBe('EINVAL');
          mapIoas(sys, fd, ioas, address, 64n * P, 4n * P);
          expect(refused(64n * P, P)).toBe('ENOENT');
          expect(refused(65n * P, 16n * P)).toBe('ENOENT');
          expect(unmap(63n * P, 8n * P)).toBe(4n * P);
          expect(refused(2n ** 64n - P, 2n * P)).toBe('EOVERFLOW');
          expect(refused(ALL, 1n)).toBe('EOVERFLOW');
          mapIoas(sys, fd, ioas, address, P, P);
          expect(unmap(0n, ALL)).toBe(P);
          expect(unmap(0n, ALL)).toBe(0n);
        } finally {
          close();
        }
      });
    });

    test('maps anything while no device is there to see it, and attaches none that cannot', () => {
      const { iommufd: fd, ioas, device, close } = openThroughIommufd(sys, DEVICE);
      withMemory(sys, PAGE, ({ address }) => {
        const map = (iova: bigint, vaddr = address, length = P) => mapIoas(sys, fd, ioas, vaddr, iova, length);
        const clear = () => unmapIoas(sys, fd, ioas, 0n, ALL);
        try {
          detach(sys, device);
          for (const iova of [0xfee00000n, 0x8000000000n]) {
            expect(map(iova)).toBe(iova);
            expect(errnoOf(() => attach(sys, device, ioas))).toBe('EADDRINUSE');
            clear();
          }
          expect(map(48n * P + 1n, address + 1n, 7n)).toBe(48n * P + 1n);
          expect(errnoOf(() => attach(sys, device, ioas))).toBe('EADDRINUSE');
          clear();
          map(32n * P, P);
          expect(errnoOf(() => attach(sys, device, ioas))).toBe('EFAULT');
          clear();
          map(32n * P);
          expect(attach(sys, device, ioas)).toBeGreaterThan(0);
        } finally {
          close();
        }
      });
    });
  });
}

const WAYS: [name: string, open: () => Opened][] = [['group', () => openThroughGroup(sys, DEVICE)]];
if (sys.access('/dev/iommu') !== null) WAYS.push(['iommufd', () => openThroughIommufd(sys, DEVICE)]);

describe.each(WAYS)(title('DMA through %s'), (_name, openDevice) => {
  const SOURCE = 0x100000n;
  const TARGET = 0x200000n;
  let opened: Opened;
  beforeEach(() => {
    opened = openDevice();
    setCommand(sys, opened.device, 0x107);
  });
  afterEach(() => opened.close());
  const into = (iova: bigint) => eduTransfer(sys, opened.device, 'to-memory', iova);
  const outOf = (iova: bigint) => eduTransfer(sys, opened.device, 'from-memory', iova);

  test('reaches what is mapped, and only as it is mapped', () => {
    withMemory(sys, 4 * PAGE, (memory) => {
      const page = (index: number) => memory.bytes.subarray(index * PAGE, index * PAGE + 2048);
      const at = (index: number) => ({ address: memory.address + BigInt(index * PAGE) });
      page(0).fill('from here ');
      opened.map(at(0), SOURCE, PAGE, 1);
      opened.map(at(1), TARGET, PAGE, 2);
      outOf(SOURCE);
      into(TARGET);
      expect(page(1)).toEqual(page(0));

      // Into a mapping that the device may only read.
      const before = Buffer.from(page(0));
      page(1).fill('other text');
      opened.map(at(2), TARGET + P, PAGE, 3);
      page(2).fill('other text');
      outOf(TARGET + P);
      into(SOURCE);
      expect(page(0)).toEqual(before);
      // One that it may only write: VT-d's driver before Linux 7 lets it read as well.
      page(1).fill('no secret ');
      outOf(TARGET);
      into(TARGET + P);
      expect(page(2)).toEqual(sinceLinux7(Buffer.alloc(2048), page(1)));

      // Mapped anew, elsewhere.
      outOf(SOURCE);
      opened.unmap(TARGET);
      opened.map(at(3), TARGET);
      into(TARGET);
      expect(page(3)).toEqual(before);
    });
  });

  test('does not reach what is unmapped, nor anything without bus mastering', () => {
    withMemory(sys, 2 * PAGE, (memory) => {
      memory.bytes.fill(0x5a, 0, 2048);
      opened.map(memory, SOURCE, 2 * PAGE);
      outOf(SOURCE);
      memory.bytes.fill(0xc3, PAGE);
      setCommand(sys, opened.device, 0x103);
      into(SOURCE + P);
      expect(memory.bytes.subarray(PAGE).every((byte) => byte === 0xc3)).toBe(true);
      setCommand(sys, opened.device, 0x107);
      opened.unmap(SOURCE, 2n * P);
      into(SOURCE + P);
      expect(memory.bytes.subarray(PAGE).every((byte) => byte === 0xc3)).toBe(true);
      // A mapping made anew works.
      opened.map(memory, SOURCE, 2 * PAGE);
      outOf(SOURCE);
      into(SOURCE + P);
      expect(memory.bytes.subarray(PAGE, PAGE + 2048).every((byte) => byte === 0x5a)).toBe(true);
    });
  });
});
