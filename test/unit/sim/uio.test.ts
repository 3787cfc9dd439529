// drivers/uio/uio.c and uio_pci_generic.c as a program meets them; every rule was seen on Linux 6.12 first.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';

const fails = (code: string, syscall?: string) => expect.objectContaining({ code, ...(syscall && { syscall }) });
const PARENT = '/sys/bus/pci/devices/0000:00:04.0';
const DRIVER = '/sys/bus/pci/drivers/uio_pci_generic';
const INTX_DISABLE = 0x400;

let sim: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  sim = simulatedMachine();
  sys = sim.sys;
});

const open = (node = '/dev/uio0') => sys.open(node, { write: true, nonblock: true });
const text = (path: string) => sys.readFile(path).toString().trim();
const event = () => text('/sys/class/uio/uio0/event');

function readCount(fd: number): number {
  const word = Buffer.alloc(4);
  expect(sys.read(fd, word)).toBe(4);
  return new Int32Array(Uint8Array.from(word).buffer)[0] ?? Number.NaN;
}

function irqControl(fd: number, on: number): number {
  return sys.write(fd, Buffer.from(Int32Array.of(on).buffer));
}

function config<T>(use: (fd: number) => T): T {
  const fd = sys.open(`${PARENT}/config`, { write: true });
  try {
    return use(fd);
  } finally {
    sys.close(fd);
  }
}

function command(): number {
  const word = Buffer.alloc(2);
  config((fd) => sys.pread(fd, word, 4));
  return word.readUInt16LE();
}

function setCommand(value: number): void {
  const word = Buffer.alloc(2);
  word.writeUInt16LE(value);
  config((fd) => sys.pwrite(fd, word, 4));
}

const rearm = () => setCommand(command() & ~INTX_DISABLE);

describe('read', () => {
  test('is 4 bytes or EINVAL', () => {
    const fd = open();
    sim.controls.raise('uio0');
    for (const size of [1, 3, 5, 8]) expect(() => sys.read(fd, Buffer.alloc(size))).toThrow(fails('EINVAL', 'read'));
    expect(readCount(fd)).toBe(1);
  });

  test('gives the total once, then EAGAIN until the next event', () => {
    const fd = open();
    expect(() => readCount(fd)).toThrow(fails('EAGAIN'));
    sim.controls.raise('uio0');
    expect(readCount(fd)).toBe(1);
    expect(() => readCount(fd)).toThrow(fails('EAGAIN'));
    sim.controls.edu('uio0').acknowledge(1);
    rearm();
    sim.controls.raise('uio0');
    expect(readCount(fd)).toBe(2);
    expect(event()).toBe('2');
  });

  test('counts from the open, and each opener gets every event', () => {
    sim.controls.raise('uio0');
    const [first, second] = [open(), open()];
    expect(() => readCount(first)).toThrow(fails('EAGAIN'));
    sim.controls.edu('uio0').acknowledge(1);
    rearm();
    sim.controls.raise('uio0');
    expect(readCount(first)).toBe(2);
    expect(readCount(second)).toBe(2);
  });

  test('gives an s32 that wraps; sysfs shows it unsigned', () => {
    const fd = open();
    sim.controls.setEventCount('uio0', 0x7fffffff);
    expect(readCount(fd)).toBe(0x7fffffff);
    sim.controls.raise('uio0');
    expect(readCount(fd)).toBe(-0x80000000);
    expect(event()).toBe('2147483648');
  });

  test('has no position', () => {
    const fd = open();
    sim.controls.raise('uio0');
    expect(sys.pread(fd, Buffer.alloc(4), 100)).toBe(4);
  });

  test('without O_NONBLOCK waits for the event', () => {
    const fd = sys.open('/dev/uio1', { write: true });
    const start = performance.now();
    expect(readCount(fd)).toBe(1);
    expect(performance.now() - start).toBeGreaterThan(100);
  });
});

describe('write', () => {
  test('is 4 bytes or EINVAL, before anything else', () => {
    for (const node of ['/dev/uio0', '/dev/uio1', '/dev/uio2'])
      for (const size of [0, 1, 3, 5, 8])
        expect(() => sys.write(open(node), Buffer.alloc(size))).toThrow(fails('EINVAL', 'write'));
  });

  test('is ENOSYS where the driver has no irqcontrol, EIO where there is no interrupt', () => {
    expect(() => irqControl(open('/dev/uio0'), 1)).toThrow(fails('ENOSYS'));
    expect(() => irqControl(open('/dev/uio3'), 1)).toThrow(fails('ENOSYS'));
    expect(() => irqControl(open('/dev/uio2'), 1)).toThrow(fails('EIO'));
    expect(irqControl(open('/dev/uio1'), 1)).toBe(4);
  });

  test('is EBADF on a descriptor for reading', () => {
    expect(() => irqControl(sys.open('/dev/uio1', {}), 1)).toThrow(fails('EBADF'));
  });
});

test('ioctl is ENOTTY', () => {
  expect(() => sys.ioctl(open(), 0x3b64, 0)).toThrow(fails('ENOTTY', 'ioctl'));
});

describe('mmap', () => {
  test.each([
    ['a map that is not there', 4096, 4096],
    ['the sixth map', 4096, 5 * 4096],
    ['more than the map has', 0x101000, 0],
    ['nothing', 0, 0],
    ['an offset within a page', 4096, 1],
  ])('%s is EINVAL', (_what, length, offset) => {
    const fd = open();
    expect(() => sys.mmap(fd, length, true, offset)).toThrow(fails('EINVAL', 'mmap'));
  });

  test('shows as many bytes as were asked for', () => {
    const fd = open();
    expect(sys.mmap(fd, 0x100000, true, 0).length).toBe(0x100000);
    expect(sys.mmap(fd, 0x100, true, 0).length).toBe(0x100);
  });

  test('for writing needs a descriptor for writing', () => {
    const fd = sys.open('/dev/uio0', {});
    expect(() => sys.mmap(fd, 4096, true, 0)).toThrow(fails('EACCES'));
    const mapping = sys.mmap(fd, 4096, false, 0);
    expect(mapping.read(0, 4)).toBe(0x010000ed);
    expect(() => mapping.write(4, 4, 1)).toThrow(/SIGSEGV/);
  });

  test('outlives its descriptor', () => {
    const fd = open();
    const mapping = sys.mmap(fd, 4096, true, 0);
    sys.close(fd);
    expect(mapping.read(0, 4)).toBe(0x010000ed);
  });
});

describe('uio_pci_generic', () => {
  test('masks INTx, and nothing more comes until someone unmasks it', () => {
    const fd = open();
    const registers = sys.mmap(fd, 4096, true, 0);
    registers.write(0x60, 4, 1);
    expect(command() & INTX_DISABLE).toBe(INTX_DISABLE);
    registers.write(0x60, 4, 2);
    expect(readCount(fd)).toBe(1);
    expect(sys.poll(fd, 0)).toBe('timeout');
    registers.write(0x64, 4, 3);
    expect(command() & INTX_DISABLE).toBe(INTX_DISABLE);
    registers.write(0x60, 4, 1);
    expect(sys.poll(fd, 0)).toBe('timeout');
  });

  test('unmasked without an acknowledge it fires at once', () => {
    const fd = open();
    const registers = sys.mmap(fd, 4096, true, 0);
    registers.write(0x60, 4, 1);
    rearm();
    expect(readCount(fd)).toBe(2);
    expect(command() & INTX_DISABLE).toBe(INTX_DISABLE);
  });

  test('clears bus mastering whenever a descriptor is closed', () => {
    const keeps = open();
    setCommand(command() | 0x4);
    sys.close(sys.open('/dev/uio0', {}));
    expect(command() & 0x4).toBe(0);
    sys.close(keeps);
  });

  test('has the 32-bit memory BARs as maps', () => {
    const attributes = (map: string) =>
      ['name', 'addr', 'size', 'offset'].map((name) => text(`/sys/class/uio/${map}/${name}`));
    expect(attributes('uio0/maps/map0')).toEqual(['0000:00:04.0', '0x00000000fe300000', '0x0000000000100000', '0x0']);
    expect(sys.readDir('/sys/class/uio/uio2/maps')).toEqual(['map0']);
  });

  test('without an interrupt pin is an error to read and ready to poll', () => {
    const fd = open('/dev/uio2');
    expect(text('/sys/class/uio/uio2/device/irq')).toBe('0');
    expect(() => readCount(fd)).toThrow(fails('EIO'));
    expect(() => sys.read(fd, Buffer.alloc(3))).toThrow(fails('EINVAL'));
    expect(sys.poll(fd, -1)).toBe('ready');
  });
});

describe('unbind', () => {
  test('while it is open: gone for others, errors for who has it open, registers still there', () => {
    const fd = open();
    const registers = sys.mmap(fd, 4096, true, 0);
    sys.writeFile(`${DRIVER}/unbind`, '0000:00:04.0\n');
    expect(sys.poll(fd, -1)).toBe('ready');
    expect(() => readCount(fd)).toThrow(fails('EIO'));
    expect(() => sys.read(fd, Buffer.alloc(3))).toThrow(fails('EINVAL'));
    expect(() => irqControl(fd, 1)).toThrow(fails('EINVAL'));
    expect(() => sys.mmap(fd, 4096, true, 0)).toThrow(fails('EINVAL'));
    expect(registers.read(0, 4)).toBe(0x010000ed);
    expect(() => open()).toThrow(fails('ENOENT', 'open'));
    expect(sys.readDir('/sys/class/uio')).not.toContain('uio0');
    expect(() => event()).toThrow(fails('ENOENT'));
    expect(sys.access(`${PARENT}/driver`)).toBeNull();
    expect(sys.access(`${PARENT}/uio`)).toBeNull();
    expect(sys.readDir(DRIVER)).not.toContain('0000:00:04.0');
    expect(text(`${PARENT}/uevent`)).not.toContain('DRIVER');
    expect(text(`${PARENT}/enable`)).toBe('0');
    sys.close(fd);
  });

  test('wakes who watches', async () => {
    const fd = open();
    const woken = new Promise<void>((resolve) => {
      const watch = sys.watch(fd, () => {
        watch.close();
        resolve();
      });
    });
    sim.controls.unbind('uio0');
    await woken;
    expect(() => readCount(fd)).toThrow(fails('EIO'));
  });

  test('and bind again: a new device under the lowest free number, and INTx unmasked', () => {
    const old = open();
    sim.controls.raise('uio0');
    sys.writeFile(`${DRIVER}/unbind`, '0000:00:04.0');
    sim.controls.edu('0000:00:04.0').acknowledge(1);
    sys.writeFile(`${DRIVER}/bind`, '0000:00:04.0');
    expect(event()).toBe('0');
    expect(command() & INTX_DISABLE).toBe(0);
    expect(sys.readLink(`${PARENT}/driver`)).toBe('../../../bus/pci/drivers/uio_pci_generic');
    expect(() => readCount(old)).toThrow(fails('EIO'));
    const fd = open();
    sim.controls.raise('uio0');
    expect(readCount(fd)).toBe(1);
  });
});

describe('binding', () => {
  const other = '0000:00:1f.3';

  test.each([
    ['bind', 'what is bound', '0000:00:04.0', 'EBUSY'],
    ['bind', 'what is not there', '0000:00:1e.0', 'ENODEV'],
    ['bind', 'what it was not meant for', other, 'ENODEV'],
    ['unbind', 'what it does not have', other, 'ENODEV'],
  ])('%s of %s', (attribute, _what, address, code) => {
    expect(() => sys.writeFile(`${DRIVER}/${attribute}`, address)).toThrow(fails(code, 'write'));
  });

  test('by driver_override and drivers_probe', () => {
    const device = `/sys/bus/pci/devices/${other}`;
    expect(text(`${device}/driver_override`)).toBe('(null)');
    sys.writeFile('/sys/bus/pci/drivers_probe', other);
    expect(sys.access(`${device}/driver`)).toBeNull();
    sys.writeFile(`${device}/driver_override`, 'uio_pci_generic\n');
    sys.writeFile('/sys/bus/pci/drivers_probe', `${other}\n`);
    expect(sys.readLink(`${device}/driver`)).toBe('../../../bus/pci/drivers/uio_pci_generic');
    expect(text('/sys/class/uio/uio4/device/uevent')).toContain('DRIVER=uio_pci_generic\n');
    sys.writeFile(`${device}/driver_override`, '\n');
    expect(text(`${device}/driver_override`)).toBe('(null)');
    expect(() => sys.writeFile('/sys/bus/pci/drivers_probe', '0000:00:1e.0')).toThrow(fails('ENODEV'));
  });
});

describe('unplugged', () => {
  test('PCI: nothing answers and nothing is left in sysfs', () => {
    const fd = open();
    const registers = sys.mmap(fd, 4096, true, 0);
    const configFd = sys.open(`${PARENT}/config`, { write: true });
    const resource = sys.open(`${PARENT}/resource0`, { write: true });
    sim.controls.unplug('uio0');
    expect(registers.read(0, 4)).toBe(0xffffffff);
    expect(() => readCount(fd)).toThrow(fails('EIO'));
    expect(() => sys.pread(configFd, Buffer.alloc(4), 0)).toThrow(fails('ENODEV'));
    expect(() => sys.pwrite(configFd, Buffer.alloc(1), 0xc)).toThrow(fails('ENODEV'));
    expect(() => sys.mmap(resource, 4096, false, 0)).toThrow(fails('ENODEV'));
    expect(() => sys.readDir(PARENT)).toThrow(fails('ENOENT'));
    expect(sys.readDir('/sys/bus/pci/devices')).not.toContain('0000:00:04.0');
    expect(() => sys.readDir('/sys/kernel/iommu_groups/2')).toThrow(fails('ENOENT'));
    expect(sys.access('/dev/uio0')).toBeNull();
  });

  test('by `remove` the kernel only forgets it', () => {
    const fd = open();
    const registers = sys.mmap(fd, 4096, true, 0);
    expect(() => sys.writeFile(`${PARENT}/remove`, 'x')).toThrow(fails('EINVAL'));
    sys.writeFile(`${PARENT}/remove`, '1\n');
    expect(() => readCount(fd)).toThrow(fails('EIO'));
    expect(sys.access(PARENT)).toBeNull();
    expect(registers.read(0, 4)).toBe(0x010000ed);
  });

  test('a bridge, with what is behind it', () => {
    const config = sys.open('/sys/bus/pci/devices/0000:01:00.0/config', {});
    sim.controls.unplug('0000:00:08.0');
    expect(sys.readDir('/sys/bus/pci/devices')).toEqual(expect.not.arrayContaining(['0000:00:08.0', '0000:01:00.0']));
    expect(() => sys.pread(config, Buffer.alloc(4), 0)).toThrow(fails('ENODEV'));
    expect(sys.readDir('/sys/class/nvme')).toEqual([]);
    expect(sys.access('/dev/nvme0n1')).toBeNull();
  });

  test('with the devices below it, whatever drives them', () => {
    sim.controls.unplug('0000:00:07.0');
    for (const path of ['/dev/bus/usb/001/003', '/dev/sda', '/sys/bus/usb/devices/1-2', '/sys/class/block/sda'])
      expect([path, sys.access(path)]).toEqual([path, null]);
    // The other host controller keeps its bus.
    expect(sys.readDir('/sys/bus/usb/devices')).toEqual(['3-0:1.0', '3-1', '3-1:1.0', 'usb3']);
    expect(sys.readDir('/sys/class/block')).toEqual(['nvme0n1']);
  });

  test('platform', () => {
    const fd = open('/dev/uio1');
    const registers = sys.mmap(fd, 4096, true, 0);
    sim.controls.unplug('uio1');
    expect(sys.poll(fd, -1)).toBe('ready');
    expect(() => readCount(fd)).toThrow(fails('EIO'));
    expect(registers.read(0x100, 4)).toBe(0xffffffff);
    expect(sys.access('/sys/class/uio/uio1')).toBeNull();
    expect(sys.access('/sys/bus/platform/devices/fed60100.timer')).toBeNull();
  });
});
