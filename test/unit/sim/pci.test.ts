// Configuration space and resource files: drivers/pci/pci-sysfs.c, and hw/pci/pci.c of QEMU.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';

const fails = (code: string) => expect.objectContaining({ code });
const EDU = '/sys/bus/pci/devices/0000:00:04.0';
const TESTDEV = '/sys/bus/pci/devices/0000:00:0a.0';

let sim: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  sim = simulatedMachine();
  sys = sim.sys;
});

function pread(fd: number, length: number, position: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, sys.pread(fd, buffer, position));
}

describe('config', () => {
  let fd: number;
  beforeEach(() => {
    fd = sys.open(`${EDU}/config`, { write: true });
  });

  const get = (offset: number, width: number) => pread(fd, width, offset).readUIntLE(0, width);
  function set(offset: number, width: number, value: number): number {
    const buffer = Buffer.alloc(width);
    buffer.writeUIntLE(value, 0, width);
    return sys.pwrite(fd, buffer, offset);
  }
  /** Returns what a register holds after all ones were written, and restores it. */
  function probe(offset: number, width: number): number {
    const before = get(offset, width);
    set(offset, width, 2 ** (8 * width) - 1);
    const after = get(offset, width);
    set(offset, width, before);
    expect(get(offset, width)).toBe(before);
    return after;
  }

  test('is 256 bytes, read to the end and no further', () => {
    expect(sys.readFile(`${EDU}/config`)).toHaveLength(256);
    expect(pread(fd, 4, 254)).toHaveLength(2);
    expect(pread(fd, 4, 256)).toHaveLength(0);
    expect(pread(fd, 4, 300)).toHaveLength(0);
    expect(sys.pwrite(fd, Buffer.alloc(4), 254)).toBe(2);
    expect(() => sys.pwrite(fd, Buffer.alloc(4), 256)).toThrow(fails('EFBIG'));
  });

  test('has a position for read and write', () => {
    const buffer = Buffer.alloc(4);
    sys.read(fd, buffer);
    expect(buffer.readUInt32LE()).toBe(0x11e81234);
    sys.read(fd, buffer);
    expect(buffer.readUInt32LE()).toBe(0x00100103);
  });

  test.each([
    [
      1,
      5,
      [
        [1, 1],
        [2, 2],
        [4, 2],
      ],
    ],
    [
      0,
      3,
      [
        [0, 2],
        [2, 1],
      ],
    ],
    [2, 2, [[2, 2]]],
    [
      2,
      8,
      [
        [2, 2],
        [4, 4],
        [8, 2],
      ],
    ],
    [3, 1, [[3, 1]]],
    [4, 4, [[4, 4]]],
    [
      7,
      4,
      [
        [7, 1],
        [8, 2],
        [10, 1],
      ],
    ],
    [
      6,
      3,
      [
        [6, 2],
        [8, 1],
      ],
    ],
  ])('a slice at %p of %p bytes is %j', (offset, length, accesses) => {
    sim.controls.record();
    pread(fd, length, offset);
    expect(sim.controls.accesses.map((access) => [access.offset, access.width])).toEqual(accesses);
    expect(sim.controls.accesses[0]).toMatchObject({ device: '0000:00:04.0', region: 'config', op: 'read' });
  });

  test('command: the bits there are', () => {
    expect(probe(0x04, 2)).toBe(0x507);
  });

  test('a BAR tells its size, and answers elsewhere meanwhile', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    expect(get(0x10, 4)).toBe(0xfe300000);
    set(0x10, 4, 0xffffffff);
    expect(get(0x10, 4)).toBe(0xfff00000);
    expect(mapping.read(0, 4)).toBe(0xffffffff);
    set(0x10, 4, 0xfe300000);
    expect(mapping.read(0, 4)).toBe(0x010000ed);
    expect(probe(0x14, 4)).toBe(0);
  });

  test.each([
    ['vendor', 0x00, 0x34],
    ['revision', 0x08, 0x10],
    ['cache line size', 0x0c, 0xff],
    ['header type', 0x0e, 0x00],
    ['subsystem', 0x2c, 0xf4],
    ['capability list', 0x34, 0x40],
    ['interrupt line', 0x3c, 0xff],
    ['interrupt pin', 0x3d, 0x01],
    ['MSI id', 0x40, 0x05],
    ['MSI control', 0x42, 0x81],
    ['MSI address', 0x44, 0xfc],
    ['MSI upper address', 0x48, 0xff],
    ['MSI data', 0x4c, 0xff],
    ['beyond the capabilities', 0x80, 0xff],
  ])('all ones to %s', (_name, offset, value) => {
    expect(probe(offset, 1)).toBe(value);
  });

  test('status shows INTx live, masked or not', () => {
    set(0x04, 2, 0x503);
    sim.controls.raise('uio0');
    expect(get(0x06, 2)).toBe(0x18);
    expect(set(0x06, 2, 0xffff)).toBe(2);
    expect(get(0x06, 2)).toBe(0x18);
    sim.controls.edu('uio0').acknowledge(1);
    expect(get(0x06, 2)).toBe(0x10);
  });

  test('with MSI on, the device sends messages and INTx stays quiet', () => {
    set(0x42, 2, 0x81);
    sim.controls.raise('uio0');
    expect(get(0x06, 2)).toBe(0x10);
    expect(sys.readFile('/sys/class/uio/uio0/event').toString()).toBe('0\n');
  });

  test('with decoding off nothing answers', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    set(0x04, 2, 0x0101);
    expect(mapping.read(0, 4)).toBe(0xffffffff);
    expect(mapping.read(0, 8)).toBe(0xffffffffffffffffn);
  });

  test('asleep the BARs do not answer, without power nothing does', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    sim.controls.setPower('uio0', 'D3hot');
    expect(sys.readFile(`${EDU}/power_state`).toString()).toBe('D3hot\n');
    expect(mapping.read(0, 4)).toBe(0xffffffff);
    expect(get(0x00, 4)).toBe(0x11e81234);
    sim.controls.setPower('uio0', 'D3cold');
    expect(get(0x00, 4)).toBe(0xffffffff);
  });

  test('on a descriptor for reading: ESPIPE for pwrite, EBADF for write', () => {
    const readOnly = sys.open(`${EDU}/config`, {});
    expect(() => sys.pwrite(readOnly, Buffer.alloc(1), 0xc)).toThrow(fails('ESPIPE'));
    expect(() => sys.write(readOnly, Buffer.alloc(1))).toThrow(fails('EBADF'));
    expect(() => sys.mmap(readOnly, 4096, false, 0)).toThrow(fails('ENODEV'));
    expect(() => sys.ioctl(readOnly, 0x3b64, 0)).toThrow(fails('ENOTTY'));
    expect(sys.poll(readOnly, 0)).toBe('ready');
  });

  test('a bridge has its windows, an express function 4096 bytes', () => {
    const port = sys.open('/sys/bus/pci/devices/0000:00:08.0/config', { write: true });
    expect(sys.readFile('/sys/bus/pci/devices/0000:00:08.0/config')).toHaveLength(4096);
    sys.pwrite(port, Buffer.from('ffffffff', 'hex'), 0x20);
    expect(pread(port, 4, 0x20).readUInt32LE() & 0xfff0fff0).toBe(0xfff0fff0 | 0);
  });
});

describe('a memory BAR in sysfs', () => {
  test('is mapped, not read', () => {
    const fd = sys.open(`${EDU}/resource0`, { write: true });
    expect(sys.mmap(fd, 0x100000, true, 0).read(0, 4)).toBe(0x010000ed);
    expect(sys.mmap(fd, 4096, true, 0x40000).read(0, 4)).toBe(0xffffffff);
    expect(() => pread(fd, 4, 0)).toThrow(fails('EIO'));
    expect(() => sys.pwrite(fd, Buffer.alloc(4), 0)).toThrow(fails('EIO'));
    expect(pread(fd, 4, 0x100000)).toHaveLength(0);
    expect(() => sys.readFile(`${EDU}/resource0`)).toThrow(fails('EIO'));
  });

  test('in its own bounds', () => {
    const fd = sys.open(`${EDU}/resource0`, { write: true });
    expect(() => sys.mmap(fd, 0x101000, true, 0)).toThrow(fails('EINVAL'));
    expect(() => sys.mmap(fd, 4096, true, 0x100000)).toThrow(fails('EINVAL'));
    expect(() => sys.mmap(fd, 4096, true, 1)).toThrow(fails('EINVAL'));
  });

  test('is the device that uio0 maps', () => {
    const bar = sys.mmap(sys.open(`${EDU}/resource0`, { write: true }), 4096, true, 0);
    const map = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    bar.write(0x04, 4, 0);
    expect(map.read(0x04, 4)).toBe(0xffffffff);
  });
});

describe('an I/O BAR in sysfs', () => {
  let fd: number;
  beforeEach(() => {
    fd = sys.open(`${TESTDEV}/resource1`, { write: true });
    sys.pwrite(fd, Buffer.from([0]), 0);
  });

  test('takes 1, 2 and 4 bytes at any offset', () => {
    expect([1, 2, 4].map((length) => pread(fd, length, 0).readUIntLE(0, length))).toEqual([0x03, 0x0103, 0x00000103]);
    expect(pread(fd, 2, 1).readUInt16LE()).toBe(0x0001);
    for (const length of [3, 5, 8]) expect(() => pread(fd, length, 0)).toThrow(fails('EINVAL'));
    expect(() => sys.pwrite(fd, Buffer.alloc(3), 0)).toThrow(fails('EINVAL'));
    expect(() => sys.readFile(`${TESTDEV}/resource1`)).toThrow(fails('EINVAL'));
  });

  test('ends where it ends: what is left of an access is made', () => {
    sim.controls.record();
    expect(pread(fd, 4, 254)).toHaveLength(2);
    expect(sim.controls.accesses).toMatchObject([{ region: 'bar1', op: 'read', offset: 254, width: 2 }]);
    expect(() => pread(fd, 4, 253)).toThrow(fails('EINVAL'));
    expect(pread(fd, 4, 256)).toHaveLength(0);
    expect(() => sys.pwrite(fd, Buffer.alloc(1), 256)).toThrow(fails('EFBIG'));
  });

  test('cannot be mapped', () => {
    expect(() => sys.mmap(fd, 4096, false, 0)).toThrow(fails('ENODEV'));
  });

  test('with decoding off reads as ones', () => {
    const config = sys.open(`${TESTDEV}/config`, { write: true });
    sys.pwrite(config, Buffer.from([0x02, 0x01]), 4);
    expect(pread(fd, 4, 0).readUInt32LE()).toBe(0xffffffff);
  });

  test('is a test device that counts what is written to the byte it names', () => {
    const header = () => Buffer.concat(Array.from({ length: 32 }, (_, offset) => pread(fd, 1, offset)));
    expect(header().subarray(16, 33).toString('latin1').replace(/\0.*/, '')).toBe('portio-no-eventf');
    const offset = header().readUInt32LE(4);
    expect(offset).toBe(0x83);
    for (const byte of [0xfa, 0xfa, 0x00]) sys.pwrite(fd, Buffer.from([byte]), offset);
    expect(header().readUInt32LE(12)).toBe(2);
  });
});

test('the memory of the test device takes bytes too', () => {
  const map = sys.mmap(sys.open('/dev/uio2', { write: true }), 4096, true, 0);
  map.write(0, 1, 1);
  expect(map.read(0, 8)).toBe(0x0000080100000101n);
  expect(map.read(0x800, 4)).toBe(0);
});

describe('the timecode card', () => {
  const PORTS = '/sys/class/uio/uio3/portio/port0';

  test('has a port region and nothing to map', () => {
    const text = (name: string) => sys.readFile(`${PORTS}/${name}`).toString();
    expect(['name', 'start', 'size', 'porttype'].map(text)).toEqual(['\n', '0xd100\n', '0x100\n', 'port_gpio\n']);
    expect(sys.access('/sys/class/uio/uio3/maps')).toBeNull();
    const fd = sys.open('/dev/uio3', { write: true });
    expect(() => sys.mmap(fd, 4096, true, 0)).toThrow(fails('EINVAL'));
  });

  test('its driver takes interrupts back; the next comes when it is asked for', () => {
    const node = sys.open('/dev/uio3', { write: true, nonblock: true });
    const ports = sys.open('/sys/class/uio/uio3/device/resource0', { write: true });
    const count = () => {
      const word = Buffer.alloc(4);
      sys.read(node, word);
      return word.readInt32LE();
    };
    expect(pread(ports, 1, 0xfe)[0]).toBe(0x08);
    sim.controls.raise('uio3');
    expect(count()).toBe(1);
    expect(pread(ports, 1, 0xfe)[0]).toBe(0x08);
    sim.controls.raise('uio3');
    expect(count).toThrow(fails('EAGAIN'));
    sys.pwrite(ports, Buffer.from([0]), 0x2f);
    sim.controls.raise('uio3');
    expect(count()).toBe(2);
  });

  test('unbound its interrupt is off', () => {
    sys.writeFile('/sys/bus/pci/drivers/aectc/unbind', '0000:00:0b.0');
    const ports = sys.open('/sys/bus/pci/devices/0000:00:0b.0/resource0', { write: true });
    expect(pread(ports, 1, 0xfe)[0]).toBe(0);
    sys.writeFile('/sys/bus/pci/drivers_probe', '0000:00:0b.0');
    expect(sys.readDir('/sys/class/uio')).toContain('uio3');
  });
});

describe('enable', () => {
  test('is EBUSY for what a driver has', () => {
    expect(sys.readFile(`${EDU}/enable`).toString()).toBe('1\n');
    expect(() => sys.writeFile(`${EDU}/enable`, 'x')).toThrow(fails('EINVAL'));
    expect(() => sys.writeFile(`${EDU}/enable`, '1')).toThrow(fails('EBUSY'));
    sys.writeFile(`${EDU}/enable`, '');
  });

  test('counts; one too few is EIO', () => {
    sim.controls.unbind('uio0');
    expect(sys.readFile(`${EDU}/enable`).toString()).toBe('0\n');
    sys.writeFile(`${EDU}/enable`, '1');
    expect(sys.readFile(`${EDU}/enable`).toString()).toBe('1\n');
    sys.writeFile(`${EDU}/enable`, '0\n');
    expect(() => sys.writeFile(`${EDU}/enable`, '0')).toThrow(fails('EIO'));
  });
});
