import { readdirSync, readFileSync } from 'node:fs';
import type { Interrupt } from '../../src/model/interrupt';
import { UioDevice } from '../../src/uio/device';
import { inspectUio } from '../../src/uio/inspect';
import { EDU, errnoOf, makeSys, NODE, onKernel, PARENT, title, UIO } from './target';

const COMMAND_HIGH = 5;
const DISABLE = 0x04;

const sys = makeSys();

function inspected() {
  const device = inspectUio(sys, UIO);
  if (device === null) throw new Error(`${UIO} is not there`);
  return device;
}

/** One byte of edu's configuration space, written where `value` is given. */
function config(offset: number, value?: number): number {
  const fd = sys.open(`${PARENT}/config`, { write: value !== undefined });
  const byte = Buffer.alloc(1);
  try {
    if (value !== undefined) sys.pwrite(fd, Buffer.from([value]), offset);
    sys.pread(fd, byte, offset);
    return byte.readUInt8();
  } finally {
    sys.close(fd);
  }
}

const masked = () => (config(COMMAND_HIGH) & DISABLE) !== 0;
const unmask = () => config(COMMAND_HIGH, config(COMMAND_HIGH) & ~DISABLE);
const eventCount = () => Number(sys.readFile(`/sys/class/uio/${UIO}/event`).toString());

/** Waits for the device's total of interrupts: a kernel counts them in its own time. */
async function counted(total: number) {
  const deadline = Date.now() + 2000;
  while (eventCount() < total && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(eventCount()).toBe(total);
}

/** Leaves the device as every test wants to find it: nothing pending, nothing masked. */
function quiet() {
  using device = UioDevice.open(sys, inspected(), { write: true });
  const map = device.region('map0');
  map.write(EDU.acknowledge, 4, map.read(EDU.irqStatus, 4));
  unmask();
}

let before: { fds: number; maps: number };
const owned = () => ({
  fds: onKernel ? readdirSync('/proc/self/fd').length : 0,
  maps: onKernel
    ? readFileSync('/proc/self/maps', 'latin1')
        .split('\n')
        .filter((l) => l.includes('/dev/uio')).length
    : 0,
});
beforeEach(() => {
  quiet();
  before = owned();
});
afterEach(() => {
  expect(owned().maps).toBe(before.maps);
  // Not equal: the event loop opens its own descriptors when it first needs them.
  expect(owned().fds).toBeLessThanOrEqual(before.fds + 2);
});

describe(title('a UIO device in sysfs'), () => {
  test('is inspected as it is', () => {
    const device = inspected();
    expect(device).toMatchObject({
      address: UIO,
      framework: 'uio',
      vendorId: '1234',
      deviceId: '11e8',
      name: 'uio_pci_generic',
      driver: 'uio_pci_generic',
      node: NODE,
      access: 'rw',
      errors: [],
    });
    expect(device.uio).toMatchObject({
      version: '0.01.0',
      irq: true,
      parent: '0000:00:04.0',
      eventCount: eventCount(),
    });
    const map0 = device.uio.regions.find((region) => region.name === 'map0');
    expect(map0).toMatchObject({ kind: 'mmio', size: 0x100000, offset: 0, mmap: true });
    const [start] = sys.readFile(`${PARENT}/resource`).toString().split(' ');
    expect(BigInt(map0?.address ?? 0)).toBe(BigInt(start ?? 0));
  });

  test('another name is no device', () => {
    expect(inspectUio(sys, 'uio77')).toBeNull();
  });
});

describe(title('registers'), () => {
  test('read and write through the map', () => {
    using device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    expect(map.read(EDU.id, 4)).toBe(0x010000ed);
    map.write(EDU.liveness, 4, 0x12345678);
    expect(map.read(EDU.liveness, 4)).toBe(~0x12345678 >>> 0);
    expect([...map.words({ offset: 0, length: 8 }, 4)]).toEqual([0x010000ed, ~0x12345678 >>> 0]);
  });

  test('the device computes', async () => {
    using device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    map.write(EDU.factorial, 4, 5);
    while ((map.read(EDU.status, 4) as number) & 1) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(map.read(EDU.factorial, 4)).toBe(120);
  });

  test('a 64-bit register is a bigint', () => {
    using device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    map.write(0x80, 8, 0x1_2345_6788n);
    expect(map.read(0x80, 8)).toBe(0x1_2345_6788n);
    map.write(0x80, 8, 0n);
  });

  test('reading needs no more than a read-only node', () => {
    using device = UioDevice.open(sys, inspected(), { write: false });
    expect(device.region('map0').read(EDU.id, 4)).toBe(0x010000ed);
  });

  test('bus mastering stays as it is, although the driver switches it off at each close', () => {
    const command = config(4);
    try {
      for (const on of [0x4, 0]) {
        config(4, (command & ~0x4) | on);
        const device = UioDevice.open(sys, inspected(), { write: true });
        device.region('map0').read(EDU.id, 4);
        device.close();
        expect(config(4) & 0x4).toBe(on);
      }
      config(4, command | 0x4);
      sys.close(sys.open(NODE, {}));
      expect(config(4) & 0x4).toBe(0);
    } finally {
      config(4, command);
    }
  });

  test('after close there is nothing to read, nor to write', () => {
    const device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    map.read(EDU.id, 4);
    const write = map.writer(EDU.id, 4);
    write(0);
    device.close();
    device.close();
    expect(() => map.read(EDU.id, 4)).toThrow(/closed/);
    expect(() => write(0)).toThrow(/closed/);
  });

  test('nothing is read from a function whose memory decoding is off', () => {
    const command = config(4);
    using device = UioDevice.open(sys, inspected(), { write: false });
    config(4, command & ~0x2);
    try {
      expect(() => device.region('map0').read(EDU.id, 4)).toThrow(/memory decoding of 0000:00:04.0 is switched off/);
    } finally {
      config(4, command);
    }
  });
});

describe(title('the node'), () => {
  let fd: number;
  beforeEach(() => {
    fd = sys.open(NODE, { write: true, nonblock: true });
  });
  afterEach(() => sys.close(fd));

  test('takes and gives words of four bytes, no others', () => {
    expect(errnoOf(() => sys.read(fd, Buffer.alloc(3)))).toBe('EINVAL');
    expect(errnoOf(() => sys.read(fd, Buffer.alloc(8)))).toBe('EINVAL');
    expect(errnoOf(() => sys.read(fd, Buffer.alloc(4)))).toBe('EAGAIN');
    expect(errnoOf(() => sys.write(fd, Buffer.alloc(3)))).toBe('EINVAL');
  });

  test('uio_pci_generic has no irqcontrol, and UIO no ioctls', () => {
    expect(errnoOf(() => sys.write(fd, Buffer.from([1, 0, 0, 0])))).toBe('ENOSYS');
    expect(errnoOf(() => sys.ioctl(fd, 0x3b64, 0))).toBe('ENOTTY');
  });

  test('maps region N at N pages, and no more than it has', () => {
    expect(errnoOf(() => sys.mmap(fd, sys.pageSize, false, sys.pageSize))).toBe('EINVAL');
    expect(errnoOf(() => sys.mmap(fd, 0x100000 + sys.pageSize, false, 0))).toBe('EINVAL');
    const mapping = sys.mmap(fd, 0x100000, false, 0);
    expect(mapping.read(0, 4)).toBe(0x010000ed);
    mapping.close();
    mapping.close();
    expect(() => mapping.read(0, 4)).toThrow('is closed');
  });

  test('an event is counted once, and the handler sets Interrupt Disable', () => {
    using device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    const word = Buffer.alloc(4);
    const count = eventCount();
    map.write(EDU.raise, 4, 1);
    expect(sys.poll(fd, 2000)).toBe('ready');
    expect(sys.read(fd, word)).toBe(4);
    expect(word.readInt32LE()).toBe(count + 1);
    expect(eventCount()).toBe(count + 1);
    expect(errnoOf(() => sys.read(fd, word))).toBe('EAGAIN');
    expect(masked()).toBe(true);
    // Masked, a second one does not get through, however often the device asserts its line.
    map.write(EDU.raise, 4, 2);
    expect(sys.poll(fd, 50)).toBe('timeout');
    map.write(EDU.acknowledge, 4, 3);
    unmask();
    expect(sys.poll(fd, 50)).toBe('timeout');
    map.write(EDU.raise, 4, 1);
    expect(sys.poll(fd, 2000)).toBe('ready');
    map.write(EDU.acknowledge, 4, 1);
  });

  test('every opener gets the event', () => {
    const second = sys.open(NODE, { write: true, nonblock: true });
    try {
      using device = UioDevice.open(sys, inspected(), { write: true });
      device.region('map0').write(EDU.raise, 4, 1);
      expect(sys.poll(fd, 2000)).toBe('ready');
      expect(sys.poll(second, 2000)).toBe('ready');
      expect(sys.read(second, Buffer.alloc(4))).toBe(4);
      expect(sys.poll(fd, 0)).toBe('ready');
    } finally {
      sys.close(second);
    }
  });
});

describe(title('interrupts'), () => {
  const edu = () => {
    const device = UioDevice.open(sys, inspected(), { write: true });
    const map = device.region('map0');
    return {
      device,
      map,
      raise: () => map.write(EDU.raise, 4, 1),
      acknowledge: () => map.write(EDU.acknowledge, 4, map.read(EDU.irqStatus, 4)),
      [Symbol.dispose]: () => device.close(),
    };
  };

  test('come one after another, acknowledged and re-armed', async () => {
    using it = edu();
    const start = eventCount();
    const seen: Interrupt[] = [];
    for await (const interrupt of it.device.interrupts({
      beforeWait: it.raise,
      acknowledge: it.acknowledge,
      timeoutMs: 5000,
    })) {
      seen.push(interrupt);
      if (interrupt.index === 5) break;
    }
    expect(seen.map(({ index, count, missed }) => ({ index, count, missed }))).toEqual(
      [1, 2, 3, 4, 5].map((index) => ({ index, count: start + index, missed: 0 })),
    );
    expect(seen[0]?.deltaUs).toBeNull();
    expect(seen.slice(1).every(({ deltaUs }) => deltaUs !== null && deltaUs > 0)).toBe(true);
    expect(masked()).toBe(false);
    expect(it.map.read(EDU.irqStatus, 4)).toBe(0);
  });

  test('that somebody else served between two waits are missed', async () => {
    using it = edu();
    using other = edu();
    const seen: Interrupt[] = [];
    const serve = () => {
      const fd = sys.open(NODE, { write: true, nonblock: true });
      try {
        other.raise();
        expect(sys.poll(fd, 2000)).toBe('ready');
        other.acknowledge();
        unmask();
      } finally {
        sys.close(fd);
      }
    };
    for await (const interrupt of it.device.interrupts({
      acknowledge: it.acknowledge,
      timeoutMs: 5000,
      beforeWait: () => {
        serve();
        if (seen.length === 1) {
          serve();
          serve();
        }
      },
    })) {
      seen.push(interrupt);
      if (interrupt.index === 2) break;
    }
    expect(seen.map(({ missed }) => missed)).toEqual([0, 2]);
  });

  test('that came before the open are not its own', async () => {
    {
      using it = edu();
      it.raise();
      it.acknowledge();
      unmask();
    }
    using it = edu();
    await expect(it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 50 }).next()).rejects.toMatchObject({
      exit: 6,
    });
  });

  test('that came since the open come first, and are served before the next', async () => {
    const start = eventCount();
    using it = edu();
    it.raise();
    await counted(start + 1);
    const interrupts = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 5000 });
    expect((await interrupts.next()).value).toMatchObject({ index: 1, count: start + 1, missed: 0 });
    it.raise();
    expect((await interrupts.next()).value).toMatchObject({ index: 2, count: start + 2, missed: 0 });
    await interrupts.return(undefined);
    // The next watch goes on from there.
    await expect(it.device.interrupts({ timeoutMs: 50 }).next()).rejects.toMatchObject({ exit: 6 });
  });

  test('that were merged into one since the open are missed', async () => {
    const start = eventCount();
    using it = edu();
    for (const count of [1, 2, 3]) {
      it.raise();
      await counted(start + count);
      it.acknowledge();
      unmask();
    }
    const interrupts = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 5000 });
    expect((await interrupts.next()).value).toMatchObject({ index: 1, count: start + 3, missed: 2 });
    await interrupts.return(undefined);
  });

  test('that came since the open and nobody acknowledges: not re-armed while the line is asserted', async () => {
    const start = eventCount();
    using it = edu();
    it.raise();
    await counted(start + 1);
    const interrupts = it.device.interrupts({ timeoutMs: 50 });
    expect((await interrupts.next()).value).toMatchObject({ index: 1, count: start + 1 });
    expect(masked()).toBe(true);
    await expect(interrupts.next()).rejects.toMatchObject({ exit: 6 });
    expect(eventCount()).toBe(start + 1);
  });

  test('that came before are not measured', async () => {
    const start = eventCount();
    using it = edu();
    it.raise();
    await counted(start + 1);
    it.acknowledge();
    const onLatency = () => {};
    await expect(it.device.latencies({ onLatency, trigger: () => {}, count: 1, timeoutMs: 50 })).rejects.toMatchObject({
      exit: 6,
    });
  });

  test('do not come: exit 6, and what arming changed is put back', async () => {
    using it = edu();
    config(COMMAND_HIGH, config(COMMAND_HIGH) | DISABLE);
    await expect(it.device.interrupts({ timeoutMs: 50 }).next()).rejects.toMatchObject({ exit: 6, code: 'ETIMEDOUT' });
    expect(masked()).toBe(true);
  });

  test('end with the signal', async () => {
    using it = edu();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    expect(await it.device.interrupts({ signal: controller.signal }).next()).toEqual({ done: true, value: undefined });
  });

  test('of a second loop, while the first waits, are refused', async () => {
    using it = edu();
    const first = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 5000 });
    const waiting = first.next();
    await expect(it.device.interrupts({ timeoutMs: 50 }).next()).rejects.toMatchObject({ exit: 5, code: 'EBUSY' });
    it.raise();
    expect((await waiting).value).toMatchObject({ index: 1 });
    await first.return(undefined);
    await expect(it.device.interrupts({ timeoutMs: 50 }).next()).rejects.toMatchObject({ exit: 6 });
  });

  test('of one source are waited for by one', async () => {
    using it = edu();
    using _ = { [Symbol.dispose]: () => source.close() };
    const source = it.device.interruptSource();
    source.arm('deliver');
    const waiting = source.next({ timeoutMs: 5000 });
    await expect(source.next({ timeoutMs: 50 })).rejects.toMatchObject({ exit: 5 });
    it.raise();
    expect(await waiting).toMatchObject({ missed: 0 });
    it.acknowledge();
  });

  test('end with the device', async () => {
    const before = masked();
    const it = edu();
    const waiting = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 60_000 }).next();
    await new Promise((resolve) => setTimeout(resolve, 30));
    it.device.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(masked()).toBe(before);
    const again = edu();
    const interrupts = again.device.interrupts({ acknowledge: again.acknowledge, timeoutMs: 5000 });
    again.raise();
    expect((await interrupts.next()).value).toMatchObject({ index: 1 });
    again.device.close();
    expect(await interrupts.next()).toEqual({ done: true, value: undefined });
  });

  test.each([Number.NaN, -1])('within %d ms are refused', async (timeoutMs) => {
    using it = edu();
    await expect(it.device.interrupts({ timeoutMs }).next()).rejects.toMatchObject({ exit: 2 });
    await expect(
      it.device.latencies({ timeoutMs, trigger: it.raise, onLatency: () => {}, count: 1 }),
    ).rejects.toMatchObject({ exit: 2 });
  });

  test.each([Number.POSITIVE_INFINITY, 2 ** 31])('are waited for longer than a timer is: %d ms', async (timeoutMs) => {
    using it = edu();
    setTimeout(it.raise, 100);
    const interrupts = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs });
    expect((await interrupts.next()).value).toMatchObject({ index: 1 });
    await interrupts.return(undefined);
  });

  test('that comes with the signal is served, and nothing stays masked', async () => {
    using it = edu();
    const controller = new AbortController();
    const { signal } = controller;
    const interrupts = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 5000, signal });
    const next = interrupts.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = eventCount();
    it.raise();
    // The kernel has it, and the event loop, which has had no turn, does not know.
    for (const deadline = Date.now() + 2000; eventCount() === before && Date.now() < deadline; );
    controller.abort();
    expect((await next).value).toMatchObject({ index: 1 });
    expect((await interrupts.next()).done).toBe(true);
    expect(masked()).toBe(false);
  });

  test('that came, and nobody re-armed: let through again at the end, once nothing is pending', async () => {
    using it = edu();
    const source = it.device.interruptSource();
    source.arm('drop');
    it.raise();
    expect(await source.next({ timeoutMs: 5000 })).toMatchObject({ missed: 0 });
    expect(masked()).toBe(true);
    it.acknowledge();
    source.close();
    expect(masked()).toBe(false);
  });

  test('nobody acknowledges: re-armed only once the line is quiet', async () => {
    using it = edu();
    using other = edu();
    const interrupts = it.device.interrupts({ timeoutMs: 5000 });
    setTimeout(other.raise, 10);
    expect((await interrupts.next()).value).toMatchObject({ index: 1 });
    expect(masked()).toBe(true);
    setTimeout(other.acknowledge, 50);
    setTimeout(other.raise, 250);
    expect((await interrupts.next()).value).toMatchObject({ index: 2, missed: 0 });
    other.acknowledge();
    await interrupts.return(undefined);
  });

  test('are measured', async () => {
    using it = edu();
    const latencies: number[] = [];
    const onLatency = (us: number) => latencies.push(us);
    await it.device.latencies({
      onLatency,
      trigger: it.raise,
      acknowledge: it.acknowledge,
      count: 20,
      timeoutMs: 2000,
    });
    expect(latencies).toHaveLength(20);
    expect(latencies.every((us) => us > 0)).toBe(true);
    await expect(it.device.latencies({ onLatency, trigger: () => {}, count: 1, timeoutMs: 50 })).rejects.toMatchObject({
      exit: 6,
    });
    await expect(it.device.latencies({ onLatency, trigger: it.raise, count: 2, timeoutMs: 2000 })).rejects.toThrow(
      /still asserts/,
    );
  });

  test('one that waits while they are switched off comes once they are on', async () => {
    using it = edu();
    it.device.setInterrupt(false);
    it.raise();
    const interrupts = it.device.interrupts({ acknowledge: it.acknowledge, timeoutMs: 5000 });
    expect((await interrupts.next()).value).toMatchObject({ index: 1, missed: 0 });
    await interrupts.return(undefined);
    // QEMU once lost count of the line here, and the next interrupt never ended.
    const before = eventCount();
    it.device.setInterrupt(true);
    it.raise();
    it.acknowledge();
    expect(eventCount() - before).toBeLessThanOrEqual(1);
  });

  test('are switched off and on', () => {
    using it = edu();
    it.device.setInterrupt(false);
    expect(masked()).toBe(true);
    it.device.setInterrupt(true);
    expect(masked()).toBe(false);
  });

  test('a device that goes away while it is waited for is exit 8', async () => {
    using it = edu();
    const unbind = () => sys.writeFile('/sys/bus/pci/drivers/uio_pci_generic/unbind', '0000:00:04.0');
    setTimeout(unbind, 30);
    try {
      await expect(it.device.interrupts({ timeoutMs: 5000 }).next()).rejects.toMatchObject({ exit: 8, code: 'ENODEV' });
      expect(inspectUio(sys, UIO)).toBeNull();
    } finally {
      it.device.close();
      sys.writeFile('/sys/bus/pci/drivers/uio_pci_generic/bind', '0000:00:04.0');
    }
    expect(inspected().driver).toBe('uio_pci_generic');
  });
});
