// BARs through sysfs, while a driver has the function: uio_pci_generic the edu, nvme the disk, whose kernel may keep
// its BAR for it (CONFIG_IO_STRICT_DEVMEM, as Debian's has).
import { inspectPci } from '../../src/devices/pci-functions';
import { UdrvError } from '../../src/errors';
import { NO_NAMES } from '../../src/names/database';
import { PciDevice } from '../../src/pci/device';
import { EDU, errnoOf, makeSys, PARENT, title } from './target';

const sys = makeSys();

function open(address: string, write = false): PciDevice {
  const info = inspectPci(sys, NO_NAMES, address);
  if (info === null) throw new Error(`${address} is not there`);
  return PciDevice.open(sys, info, { write });
}

/** Writes the command register, and returns what it was. */
function command(value?: number): number {
  const fd = sys.open(`${PARENT}/config`, { write: value !== undefined });
  const word = Buffer.alloc(2);
  try {
    sys.pread(fd, word, 4);
    const before = word.readUInt16LE();
    if (value !== undefined) sys.pwrite(fd, Buffer.from([value & 0xff, value >> 8]), 4);
    return before;
  } finally {
    sys.close(fd);
  }
}

describe(title('BARs of a PCI function through sysfs'), () => {
  test('are read and written by mapping them', () => {
    using device = open('0000:00:04.0', true);
    const bar = device.region('bar0');
    expect(bar.read(EDU.id, 4)).toBe(0x010000ed);
    bar.write(EDU.liveness, 4, 0x12345678);
    expect(bar.read(EDU.liveness, 4)).toBe(~0x12345678 >>> 0);
    expect([...bar.words({ offset: 0, length: 8 }, 4)]).toEqual([0x010000ed, ~0x12345678 >>> 0]);
  });

  test('are read beside the driver, or kept for it by the kernel', () => {
    using device = open('0000:01:00.0');
    let version: unknown;
    try {
      version = device.region('bar0').read(0x8, 4);
    } catch (error) {
      version = error instanceof UdrvError ? `${error.code} ${error.exit} ${error.hint}` : error;
    }
    // VS of the NVMe specification: 1.4 in QEMU.
    expect([0x00010400, expect.stringMatching(/^EINVAL 5 boot with iomem=relaxed/)]).toContainEqual(version);
  });

  test('of memory cannot be read as a file', () => {
    const fd = sys.open(`${PARENT}/resource0`, {});
    try {
      expect(errnoOf(() => sys.pread(fd, Buffer.alloc(4), 0))).toBe('EIO');
    } finally {
      sys.close(fd);
    }
  });

  test('of I/O ports are', () => {
    using device = open('0000:00:1f.3');
    // The SMBus controller of QEMU's q35: nothing is going on.
    expect(device.region('bar4').read(0, 1)).toEqual(expect.any(Number));
    expect(() => device.region('bar4').read(0, 8)).toThrow(/no accesses of 8 bytes/);
  });

  test('are not read while memory decoding is off', () => {
    const before = command();
    using device = open('0000:00:04.0');
    command(before & ~0x2);
    try {
      expect(() => device.region('bar0').read(EDU.id, 4)).toThrow(/memory decoding of 0000:00:04.0 is switched off/);
      expect(() => device.mustAnswer('bar0')).toThrow(/switched off/);
    } finally {
      command(before);
    }
    device.mustAnswer('bar0');
    expect(device.region('bar0').read(EDU.id, 4)).toBe(0x010000ed);
  });

  test('after close there is nothing to read', () => {
    const device = open('0000:00:04.0');
    device.region('bar0').read(EDU.id, 4);
    const bar = device.region('bar0');
    device.close();
    device.close();
    expect(() => device.region('bar9')).toThrow(/no such region/);
    expect(bar.info.name).toBe('bar0');
  });
});
