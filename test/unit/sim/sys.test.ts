// Descriptors and system calls: fs/open.c, fs/read_write.c, fs/eventfd.c, fs/kernfs/file.c, as seen on Linux 6.12.
import { FatalSignal, type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { IrqLine } from '../../../src/sim/hardware/irq-line';
import { EventFd } from '../../../src/sim/kernel/eventfd';
import type { Watch } from '../../../src/sys/sys';

const fails = (code: string, syscall?: string) => expect.objectContaining({ code, ...(syscall && { syscall }) });
const EDU = '/sys/bus/pci/devices/0000:00:04.0';

let sim: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  sim = simulatedMachine();
  sys = sim.sys;
});

test('closed descriptors are EBADF, and a number is used again', () => {
  const fd = sys.open('/dev/uio0', { write: true });
  sys.close(fd);
  const buffer = Buffer.alloc(4);
  const calls: [string, () => unknown][] = [
    ['read', () => sys.read(fd, buffer)],
    ['write', () => sys.write(fd, buffer)],
    ['pread', () => sys.pread(fd, buffer, 0)],
    ['pwrite', () => sys.pwrite(fd, buffer, 0)],
    ['ioctl', () => sys.ioctl(fd, 1, 0)],
    ['mmap', () => sys.mmap(fd, 4096, false, 0)],
    ['epoll_ctl', () => sys.watch(fd, () => {})],
    ['close', () => sys.close(fd)],
  ];
  for (const [syscall, call] of calls) expect(call).toThrow(fails('EBADF', syscall));
  // POLLNVAL is readiness.
  expect(sys.poll(fd, -1)).toBe('ready');
  expect(sys.open('/dev/uio0', {})).toBe(fd);
});

describe('open', () => {
  test.each([
    ['/sys/nothing', false, 'ENOENT'],
    [`${EDU}/vendor/x`, false, 'ENOTDIR'],
    [EDU, true, 'EISDIR'],
    [`${EDU}/vendor`, true, 'EACCES'],
    [`${EDU}/remove`, false, 'EACCES'],
    [`${EDU}/remove`, true, 'EACCES'],
    ['/dev/sda', false, 'ENXIO'],
  ])('%s, for writing: %p, is %s', (path, write, code) => {
    expect(() => sys.open(path, { write })).toThrow(fails(code, 'open'));
  });

  test('what the calling user may not do is EACCES', () => {
    sim.controls.setAccess('/dev/uio0', 'r');
    expect(sys.access('/dev/uio0')).toBe('r');
    expect(() => sys.open('/dev/uio0', { write: true })).toThrow(fails('EACCES', 'open'));
    sys.close(sys.open('/dev/uio0', {}));
    sim.controls.setAccess('/dev/uio0', 'none');
    expect(() => sys.open('/dev/uio0', {})).toThrow(fails('EACCES', 'open'));
  });

  test('an attribute is read in pieces, and anew from its start', () => {
    const fd = sys.open(`${EDU}/vendor`, {});
    const read = (length: number) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, sys.read(fd, buffer)).toString();
    };
    expect([read(3), read(100), read(10)]).toEqual(['0x1', '234\n', '']);
    const buffer = Buffer.alloc(4);
    expect(sys.pread(fd, buffer, 2)).toBe(4);
    expect(buffer.toString()).toBe('1234');
    expect(sys.pread(sys.open(`${EDU}/vendor`, {}), buffer, 2)).toBe(4);
    expect(() => sys.mmap(fd, 4096, false, 0)).toThrow(fails('ENODEV'));
    expect(() => sys.ioctl(fd, 1, 0)).toThrow(fails('ENOTTY'));
    expect(sys.poll(fd, 0)).toBe('ready');
    sys.watch(fd, () => {}).close();
  });

  test('a directory opens and does not read', () => {
    const fd = sys.open(EDU, {});
    expect(() => sys.read(fd, Buffer.alloc(4))).toThrow(fails('EISDIR', 'read'));
    expect(() => sys.pread(fd, Buffer.alloc(4), 0)).toThrow(fails('EISDIR', 'pread'));
  });

  test('a regular file cannot be watched', () => {
    const fd = sys.open('/proc/version', {});
    expect(sys.poll(fd, 0)).toBe('ready');
    expect(() => sys.watch(fd, () => {})).toThrow(fails('EPERM', 'epoll_ctl'));
  });
});

describe('writeFile', () => {
  test.each([
    [`${EDU}/vendor`, 'EACCES', 'open'],
    [`${EDU}/nothing`, 'ENOENT', 'open'],
    [EDU, 'EISDIR', 'open'],
    ['/sys/bus/pci/drivers/pcieport/unbind', 'EACCES', 'open'],
    [`${EDU}/enable`, 'EBUSY', 'write'],
  ])('%s is %s in %s', (path, code, syscall) => {
    expect(() => sys.writeFile(path, '1')).toThrow(fails(code, syscall));
  });
});

test('readFile, readDir and readLink fail as the kernel does', () => {
  expect(() => sys.readFile(`${EDU}/remove`)).toThrow(fails('EACCES', 'open'));
  expect(() => sys.readFile(EDU)).toThrow(fails('EISDIR', 'read'));
  expect(() => sys.readFile(`${EDU}/resource`, 4)).toThrow(fails('EFBIG'));
  expect(() => sys.readDir(`${EDU}/vendor`)).toThrow(fails('ENOTDIR', 'opendir'));
  expect(() => sys.readLink(`${EDU}/vendor`)).toThrow(fails('EINVAL', 'readlink'));
});

describe('eventfd', () => {
  const word = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);

  test('adds up what is written and gives it once', () => {
    const fd = sys.eventfd();
    expect(() => sys.read(fd, Buffer.alloc(8))).toThrow(fails('EAGAIN'));
    expect(sys.poll(fd, 0)).toBe('timeout');
    expect(sys.write(fd, word(2n))).toBe(8);
    expect(sys.write(fd, word(3n))).toBe(8);
    expect(sys.poll(fd, 0)).toBe('ready');
    const buffer = Buffer.alloc(16);
    expect(sys.read(fd, buffer)).toBe(8);
    expect(buffer.readBigUInt64LE()).toBe(5n);
    expect(sys.poll(fd, 0)).toBe('timeout');
  });

  test('counts what the kernel signals, and stops there at the highest value', () => {
    const file = new EventFd(() => {});
    file.write(word(2n ** 64n - 3n));
    for (let i = 0; i < 4; i++) file.signal();
    const buffer = Buffer.alloc(8);
    file.read(buffer);
    expect(buffer.readBigUInt64LE()).toBe(2n ** 64n - 1n);
  });

  test('takes 8 bytes, and no more than it can count', () => {
    const fd = sys.eventfd();
    expect(() => sys.read(fd, Buffer.alloc(4))).toThrow(fails('EINVAL'));
    for (const size of [4, 16]) expect(() => sys.write(fd, Buffer.alloc(size))).toThrow(fails('EINVAL'));
    expect(() => sys.write(fd, word(2n ** 64n - 1n))).toThrow(fails('EINVAL'));
    sys.write(fd, word(2n ** 64n - 2n));
    expect(() => sys.write(fd, word(1n))).toThrow(fails('EAGAIN'));
  });

  test('has no position and no memory', () => {
    const fd = sys.eventfd();
    expect(() => sys.pread(fd, Buffer.alloc(8), 0)).toThrow(fails('ESPIPE'));
    expect(() => sys.pwrite(fd, Buffer.alloc(8), 0)).toThrow(fails('ESPIPE'));
    expect(() => sys.mmap(fd, 4096, false, 0)).toThrow(fails('ENODEV'));
    expect(() => sys.ioctl(fd, 0x3b64, 0)).toThrow(fails('ENOTTY'));
  });
});

describe('poll', () => {
  test('sleeps until its time is over', () => {
    const fd = sys.eventfd();
    const start = performance.now();
    expect(sys.poll(fd, 30)).toBe('timeout');
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
  });

  test('wakes for what the machine does meanwhile', () => {
    const fd = sys.open('/dev/uio0', { write: true, nonblock: true });
    const registers = sys.mmap(fd, 4096, true, 0);
    registers.write(0x20, 4, 0x80);
    registers.write(0x08, 4, 5);
    const start = performance.now();
    expect(sys.poll(fd, 1000)).toBe('ready');
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('without bound lets signals in now and then', () => {
    const fd = sys.eventfd();
    expect(sys.poll(fd, -1)).toBe('interrupted');
  });
});

describe('watch', () => {
  const next = () => new Promise((resolve) => setImmediate(resolve));
  const watches: Watch[] = [];
  const watch = (fd: number, onReady: () => void) => {
    const added = sys.watch(fd, onReady);
    watches.push(added);
    return added;
  };
  afterEach(() => {
    for (const added of watches.splice(0)) added.close();
  });

  const signal = (fd: number) => sys.write(fd, Buffer.from(BigUint64Array.of(1n).buffer));

  test('calls from the event loop, again and again while it is ready', async () => {
    const fd = sys.eventfd();
    let calls = 0;
    watch(fd, () => calls++);
    signal(fd);
    expect(calls).toBe(0);
    await next();
    await next();
    await next();
    expect(calls).toBeGreaterThanOrEqual(2);
    sys.read(fd, Buffer.alloc(8));
    const before = calls;
    await next();
    await next();
    expect(calls).toBe(before);
  });

  test('calls for what was ready before', async () => {
    const fd = sys.eventfd();
    signal(fd);
    await new Promise<void>((resolve) => {
      const added = watch(fd, () => {
        added.close();
        resolve();
      });
    });
  });

  test('says nothing after its close', async () => {
    const fd = sys.eventfd();
    const calls: string[] = [];
    watch(fd, () => calls.push('first')).close();
    signal(fd);
    await next();
    await next();
    expect(calls).toEqual([]);
  });

  test('may be closed from another one', async () => {
    const [first, second] = [sys.eventfd(), sys.eventfd()];
    const calls: string[] = [];
    watch(first, () => {
      calls.push('first');
      sys.read(first, Buffer.alloc(8));
      other.close();
    });
    const other = watch(second, () => calls.push('second'));
    signal(first);
    signal(second);
    await next();
    await next();
    expect(calls).toEqual(['first']);
  });

  test('is not put off by a program that keeps waking the machine', async () => {
    const fd = sys.eventfd();
    let calls = 0;
    watch(fd, () => calls++);
    for (let i = 0; i < 10; i++) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
        signal(fd);
      });
    }
    expect(calls).toBeGreaterThan(0);
  });

  test('a descriptor has one', () => {
    const fd = sys.eventfd();
    const first = watch(fd, () => {});
    expect(() => sys.watch(fd, () => {})).toThrow(fails('EEXIST'));
    first.close();
    watch(fd, () => {});
  });

  test('sees an interrupt that a register write caused', async () => {
    const fd = sys.open('/dev/uio0', { write: true, nonblock: true });
    const registers = sys.mmap(fd, 4096, true, 0);
    const woken = new Promise<void>((resolve) => {
      const added = watch(fd, () => {
        added.close();
        resolve();
      });
    });
    registers.write(0x60, 4, 1);
    await woken;
    expect(sys.read(fd, Buffer.alloc(4))).toBe(4);
  });
});

describe('a mapping', () => {
  test('checks before it touches', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 0x100, true, 0);
    sim.controls.record();
    for (const [offset, width] of [
      [-4, 4],
      [0x100, 4],
      [0xfe, 4],
      [2, 4],
      [1, 2],
      [Number.NaN, 1],
    ] as const)
      expect(() => mapping.read(offset, width)).toThrow(RangeError);
    mapping.close();
    mapping.close();
    expect(() => mapping.read(0, 4)).toThrow('is closed');
    expect(() => mapping.write(0, 4, 0)).toThrow('is closed');
    expect(sim.controls.accesses).toEqual([]);
  });

  test('drops the bits that do not fit', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 0x1000, true, 0);
    mapping.write(0x04, 4, 0x1_0000_0001);
    expect(mapping.read(0x04, 4)).toBe(0xfffffffe);
    mapping.write(0x04, 4, -1);
    expect(mapping.read(0x04, 4)).toBe(0);
  });

  test('that is read-only kills who writes', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', {}), 0x1000, false, 0);
    expect(() => mapping.write(0x04, 4, 0)).toThrow(FatalSignal);
  });
});

describe('controls', () => {
  test('inject an errno, for as many calls as asked', () => {
    sim.controls.fail('open', '/dev/uio0', 'EMFILE', 1);
    expect(() => sys.open('/dev/uio0', {})).toThrow(fails('EMFILE', 'open'));
    const fd = sys.open('/dev/uio0', {});
    sim.controls.fail('read', '/dev/uio0', 'EIO');
    for (let i = 0; i < 3; i++) expect(() => sys.read(fd, Buffer.alloc(4))).toThrow(fails('EIO', 'read'));
    sim.controls.fail('readFile', `${EDU}/vendor`, 'EACCES');
    expect(() => sys.readFile(`${EDU}/vendor`)).toThrow(fails('EACCES'));
    expect(sys.readFile(`${EDU}/device`).toString()).toBe('0x11e8\n');
    sim.controls.clearFaults();
    expect(sys.readFile(`${EDU}/vendor`).toString()).toBe('0x1234\n');
  });

  test('record each access of the program and none of the kernel', () => {
    const mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    expect(sim.controls.accesses).toEqual([]);
    sim.controls.record();
    mapping.read(0, 4);
    mapping.write(0x60, 4, 1);
    expect(sim.controls.accesses).toEqual([
      { device: '0000:00:04.0', region: 'bar0', op: 'read', offset: 0, width: 4, value: 0x010000ed },
      { device: '0000:00:04.0', region: 'bar0', op: 'write', offset: 0x60, width: 4, value: 1 },
    ]);
    sim.controls.record();
    sys.mmap(sys.open('/dev/uio1', { write: true }), 4096, true, 0).read(0x104, 4);
    expect(sim.controls.accesses).toMatchObject([
      { device: 'fed60100.timer', region: 'registers', offset: 4, width: 4 },
    ]);
  });

  test('name devices that are there', () => {
    for (const name of ['uio9', '0000:00:1e.0']) expect(() => sim.controls.unplug(name)).toThrow(RangeError);
    expect(() => sim.controls.raise('uio2')).toThrow(RangeError);
    expect(() => sim.controls.unbind('0000:00:08.0')).toThrow(RangeError);
    expect(() => sim.controls.edu('uio1')).toThrow(RangeError);
    expect(sim.controls.edu('0000:00:03.0').irqStatus).toBe(0);
  });
});

test('two machines share nothing', () => {
  const other = simulatedMachine();
  sim.controls.raise('uio0');
  expect(other.sys.readFile('/sys/class/uio/uio0/event').toString()).toBe('0\n');
});

describe('an interrupt line', () => {
  test('that was asserted before there was a handler, or while it was disabled, is served then', () => {
    const line = new IrqLine();
    let served = 0;
    line.set(true);
    line.request('test', () => {
      served++;
      line.set(false);
      return true;
    });
    expect(served).toBe(1);
    line.disable();
    line.disable();
    line.set(true);
    line.enable();
    expect(served).toBe(1);
    line.enable();
    expect(served).toBe(2);
    line.disable();
    line.pulse();
    line.enable();
    expect(served).toBe(2);
  });

  test('that nobody wants, or that its handler does not silence, is given up', () => {
    for (const handled of [false, true]) {
      const line = new IrqLine();
      let calls = 0;
      line.request('test', () => {
        calls++;
        return handled;
      });
      line.set(true);
      const before = calls;
      line.pulse();
      expect(calls).toBe(before);
      line.free();
    }
  });
});
