// Cases beyond the conformance suite: no real machine at hand has the device or can be made to fail so.
import { SysError } from '../../../src/errors';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import { UioDevice } from '../../../src/uio/device';
import { inspectUio } from '../../../src/uio/inspect';
import { TreeSys } from '../../support/tree-sys';

function machine(uio: string, { write = true } = {}) {
  const { sys, controls } = simulatedMachine();
  const info = () => {
    const device = inspectUio(sys, uio);
    if (device === null) throw new Error(`${uio} is not there`);
    return device;
  };
  controls.record();
  const accesses = () =>
    controls.accesses
      .filter(({ region }) => region !== 'config')
      .map(({ region, op, offset, width }) => `${op} ${region} ${offset.toString(16)}/${width}`);
  return { sys, controls, info, open: () => UioDevice.open(sys, info(), { write }), accesses };
}

describe('a map that begins within its page', () => {
  test('is mapped from the page, and its size counts from there', () => {
    const { open, accesses, info } = machine('uio1');
    expect(info().uio.regions[0]).toMatchObject({ name: 'map0', size: 0x1000, offset: 0x100 });
    using device = open();
    expect(device.region('map0').read(0, 4)).toBe(0x54494d01);
    device.region('map0').write(0x18, 4, 0xa5a5a5a5);
    expect(accesses()).toEqual(['read registers 0/4', 'write registers 18/4']);
    expect(() => device.region('map0').read(0xf00, 4)).toThrow(expect.objectContaining({ exit: 2 }));
  });

  test('the next map is at the next page offset', () => {
    const { open } = machine('uio1');
    using device = open();
    device.region('map1').write(0x10, 4, 0x12345678);
    expect(device.region('map1').read(0x10, 4)).toBe(0x12345678);
    expect(device.region('map1').read(0x10, 1)).toBe(0x78);
  });
});

describe('a memory BAR smaller than a page', () => {
  const PARENT = '/sys/bus/pci/devices/0000:00:04.0';
  const NONE = '0x0000000000000000 0x0000000000000000 0x0000000000000000\n';
  const SMALL = '0x00000000fe300080 0x00000000fe3000ff 0x0000000000040200\n';

  /** uio0, but that BAR 0, which begins in the middle of a page, is what its function has. */
  function small(files: Record<string, string>, refused?: string) {
    const { sys } = simulatedMachine();
    const mapped: [length: number, offset: number][] = [];
    const fake: Partial<Sys> = {
      readFile: (path, limit) => (path in files ? Buffer.from(files[path] ?? '') : sys.readFile(path, limit)),
      mmap: (_fd, length, _writable, offset) => {
        if (refused !== undefined) throw new SysError('mmap', refused, `${PARENT}/resource0`);
        mapped.push([length, offset]);
        return {
          length,
          read: (at) => at,
          reader: (at) => () => at,
          write: () => {},
          writer: () => () => {},
          close: () => {},
        };
      },
    };
    const machine = new Proxy(sys, {
      get(target, key) {
        const own = fake[key as keyof Sys] ?? target[key as keyof Sys];
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
    const info = inspectUio(machine, 'uio0');
    if (info === null) throw new Error('uio0 is not there');
    return { machine, info, mapped };
  }

  test('is mapped through the resource from the start of the page, and accessed where it begins', () => {
    const { machine, info, mapped } = small({
      [`${PARENT}/resource`]: SMALL + NONE,
      '/sys/class/uio/uio0/maps/map0/size': '0x0\n',
    });
    expect(info.uio.regions).toMatchObject([{ name: 'bar0', address: '0xfe300080', size: 0x80 }]);
    using device = UioDevice.open(machine, info, { write: false });
    expect(device.region('bar0').read(0x10, 4)).toBe(0x90);
    expect(mapped).toEqual([[4096, 0]]);
  });

  test.each([
    ['EPERM', 4, 'lockdown'],
    ['EINVAL', 5, 'iomem=relaxed'],
  ])('%s of its mapping, through sysfs', (code, exit, hint) => {
    const { machine, info } = small(
      { [`${PARENT}/resource`]: SMALL + NONE, '/sys/class/uio/uio0/maps/map0/size': '0x0\n' },
      code,
    );
    using device = UioDevice.open(machine, info, { write: false });
    const thrown = errorOf(() => device.region('bar0').read(0, 4));
    expect(thrown).toMatchObject({ code, exit, hint: expect.stringContaining(hint) });
  });

  test('is not shown a second time beside its map', () => {
    const { info } = small({
      [`${PARENT}/resource`]: SMALL + NONE,
      '/sys/class/uio/uio0/maps/map0/size': '0x1000\n',
      '/sys/class/uio/uio0/maps/map0/offset': '0x80\n',
    });
    expect(info.uio.regions).toMatchObject([
      // What is mapped is a page; the BAR has the size of the registers.
      { name: 'map0', address: '0xfe300000', offset: 0x80, size: 0x1000, registers: 0x80 },
    ]);
  });
});

describe('whether it has an interrupt', () => {
  const PARENT = '/sys/devices/pci0000:00/0000:00:04.0';
  test.each([
    ['an INTx line', { irq: '11' }, true],
    ['none', { irq: '0' }, false],
    ['IRQ_NOTCONNECTED', { irq: '2147483648' }, false],
    ['MSI-X of a virtual function', { irq: '0', 'msi_irqs/33': 'msix' }, true],
    ['what cannot be read', {}, null],
  ])('%s', (_, attributes, irq) => {
    const sys = new TreeSys({
      '/sys/class/uio/uio0': { link: `../../devices/pci0000:00/0000:00:04.0/uio/uio0` },
      '/sys/bus/pci/devices/0000:00:04.0': { link: '../../../devices/pci0000:00/0000:00:04.0' },
    });
    sys.add(
      { 'uio/uio0/device': { link: '../../../0000:00:04.0' }, subsystem: { link: '../../../bus/pci' } },
      `${PARENT}/`,
    );
    sys.add(attributes, `${PARENT}/`);
    expect(inspectUio(sys, 'uio0')?.uio.irq).toBe(irq);
  });
});

describe('I/O ports', () => {
  test.each([
    ['uio3', 'port0'],
    ['uio2', 'bar1'],
  ])("%s %s is reached through the parent's resource, one access each", (uio, region) => {
    const { open, accesses } = machine(uio);
    using device = open();
    const ports = device.region(region);
    ports.read(0, 1);
    ports.read(2, 2);
    ports.read(4, 4);
    ports.write(8, 2, 0xbeef);
    expect(accesses().map((access) => access.replace(/ \S+ /, ' '))).toEqual([
      'read 0/1',
      'read 2/2',
      'read 4/4',
      'write 8/2',
    ]);
    expect(() => ports.read(0, 8)).toThrow(expect.objectContaining({ exit: 2 }));
  });

  test('are for root alone: the error says so', () => {
    const { open, controls } = machine('uio3');
    controls.fail('open', '/sys/bus/pci/devices/0000:00:0b.0/resource0', 'EACCES');
    using device = open();
    const thrown = errorOf(() => device.region('port0').read(0, 1));
    expect(thrown).toMatchObject({ exit: 4, code: 'EACCES', hint: expect.stringContaining('sudo') });
  });
});

describe('a device that would not answer is not read', () => {
  test.each([
    ['D3hot', /power state D3hot/, 1],
    ['D3cold', /does not answer|power state D3cold/, undefined],
  ] as const)('in %s', (state, message, exit) => {
    const { open, controls, accesses } = machine('uio0');
    controls.setPower('0000:00:04.0', state);
    using device = open();
    const thrown = errorOf(() => device.region('map0').read(0, 4));
    expect(thrown.message).toMatch(message);
    if (exit !== undefined) expect(thrown).toMatchObject({ exit });
    expect(accesses()).toEqual([]);
  });
});

describe('opening', () => {
  test.each([
    ['EACCES', 4, /sudo chown "\$USER" \/dev\/uio0/],
    ['EPERM', 4, /container/],
    ['ENOENT', 3, /udevadm/],
    ['ENODEV', 8, /udrv list/],
    ['EBUSY', 5, null],
    ['EIO', 1, null],
  ])('%s is exit %i', (code, exit, hint) => {
    const { open, controls } = machine('uio0');
    controls.fail('open', '/dev/uio0', code);
    const thrown = errorOf(open);
    expect(thrown).toMatchObject({ code, exit, subject: '/dev/uio0', device: 'uio0' });
    if (hint === null) expect(thrown.hint).toBeUndefined();
    else expect(thrown.hint).toMatch(hint);
  });

  test('a mapping through the node that is forbidden has nothing to do with lockdown', () => {
    const { open, controls } = machine('uio0');
    controls.fail('mmap', '/dev/uio0', 'EPERM');
    using device = open();
    expect(errorOf(() => device.region('map0').read(0, 4))).toMatchObject({
      exit: 4,
      hint: expect.not.stringContaining('lockdown'),
    });
  });

  test('ports that are forbidden have: they are accessed through sysfs', () => {
    const { open, controls } = machine('uio3');
    controls.fail('pwrite', '/sys/bus/pci/devices/0000:00:0b.0/resource0', 'EPERM');
    using device = open();
    expect(errorOf(() => device.region('port0').write(0, 1, 0))).toMatchObject({
      exit: 4,
      hint: expect.stringContaining('lockdown'),
    });
  });
});

describe('interrupts', () => {
  test('a driver without one: exit 9, not the errno alone', async () => {
    const { open } = machine('uio2');
    using device = open();
    await expect(device.interrupts({ timeoutMs: 100 }).next()).rejects.toMatchObject({ exit: 9, code: 'EIO' });
    expect(() => device.setInterrupt(true)).toThrow(expect.objectContaining({ exit: 9 }));
  });

  test('by irqcontrol, from a timer that runs by itself', async () => {
    const { open } = machine('uio1');
    using device = open();
    const seen: number[] = [];
    for await (const { index, missed } of device.interrupts({ timeoutMs: 10_000 })) {
      seen.push(missed);
      if (index === 2) break;
    }
    expect(seen).toHaveLength(2);
  });

  test('the counter wraps as the signed number it is', async () => {
    const { open, controls } = machine('uio0');
    controls.setEventCount('uio0', 0x7fffffff);
    using device = open();
    const map = device.region('map0');
    const interrupts = device.interrupts({
      beforeWait: () => map.write(0x60, 4, 1),
      acknowledge: () => map.write(0x64, 4, 1),
      timeoutMs: 5000,
    });
    expect((await interrupts.next()).value).toMatchObject({ count: 0x80000000, missed: 0 });
    await interrupts.return(undefined);
  });

  test.each(['irqcontrol', 'disintx'] as const)('--rearm %s where there is none is refused', async (rearm) => {
    const { open } = machine(rearm === 'irqcontrol' ? 'uio0' : 'uio1');
    using device = open();
    const outcome = device.interrupts({ rearm, timeoutMs: 100 }).next();
    await expect(outcome).rejects.toMatchObject({ exit: rearm === 'irqcontrol' ? 9 : 2 });
  });

  test('the configuration space that cannot be written is named', async () => {
    const { open, controls } = machine('uio0');
    controls.fail('open', '/sys/bus/pci/devices/0000:00:04.0/config', 'EACCES');
    using device = open();
    await expect(device.interrupts({ timeoutMs: 100 }).next()).rejects.toMatchObject({
      exit: 4,
      hint: expect.stringContaining('sudo'),
    });
    // The same for `irq`, which has no --rearm of its own and re-arms nothing.
    expect(errorOf(() => device.setInterrupt(false))).toMatchObject({
      message: expect.stringContaining('the interrupt is switched by Interrupt Disable'),
      hint: expect.stringContaining('watch-irq --rearm none'),
    });
  });

  test('unplugged, with Interrupt Disable to be put back: it went away, and nothing stays open', async () => {
    const { sys, open, controls } = machine('uio0');
    const nextDescriptor = () => {
      const fd = sys.eventfd();
      sys.close(fd);
      return fd;
    };
    using device = open();
    device.setInterrupt(false);
    const free = nextDescriptor();
    const outcome = device.interrupts({ timeoutMs: 5000 }).next();
    controls.unplug('uio0');
    await expect(outcome).rejects.toMatchObject({ exit: 8, code: 'ENODEV', message: 'the device went away' });
    expect(nextDescriptor()).toBe(free);
  });

  test('unplugged, with Interrupt Disable to be switched: it went away', () => {
    for (const isOpened of [true, false]) {
      const { open, controls } = machine('uio0');
      using device = open();
      if (isOpened) device.setInterrupt(false);
      controls.unplug('uio0');
      expect(errorOf(() => device.setInterrupt(true))).toMatchObject({
        exit: 8,
        code: 'ENODEV',
        device: 'uio0',
        message: 'the device went away',
      });
    }
  });

  test('what arming changed is put back when the acknowledge fails', async () => {
    const { sys, open } = machine('uio0');
    const disabled = () => {
      const fd = sys.open('/sys/bus/pci/devices/0000:00:04.0/config', {});
      const byte = Buffer.alloc(1);
      sys.pread(fd, byte, 5);
      sys.close(fd);
      return (byte.readUInt8() & 4) !== 0;
    };
    using device = open();
    device.setInterrupt(false);
    const map = device.region('map0');
    const outcome = device
      .interrupts({
        timeoutMs: 5000,
        beforeWait: () => map.write(0x60, 4, 1),
        acknowledge: () => {
          throw new Error('the device would not be silenced');
        },
      })
      .next();
    await expect(outcome).rejects.toThrow('would not be silenced');
    expect(disabled()).toBe(true);
  });
});

function errorOf(call: () => unknown): { message: string; hint?: string } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}
