import { attempt } from '../../src/sys/attempt';
import { ready } from '../../src/sys/wait';
import { errnoOf, makeSys, NODE, PARENT, title } from './target';

describe(title('files'), () => {
  const sys = makeSys();

  test('an attribute ends with its newline', () => {
    expect(sys.readFile(`${PARENT}/vendor`).toString()).toBe('0x1234\n');
  });

  test('paths are followed through links', () => {
    expect(sys.readFile('/sys/class/uio/uio0/device/device').toString()).toBe('0x11e8\n');
    expect(sys.readLink(`${PARENT}/driver`)).toMatch(/\/uio_pci_generic$/);
    expect(sys.readDir('/sys/class/uio')).toContain('uio0');
  });

  test('what is not there, or is something else', () => {
    expect(errnoOf(() => sys.readFile(`${PARENT}/no-such-attribute`))).toBe('ENOENT');
    expect(errnoOf(() => sys.readFile(`${PARENT}/vendor/x`))).toBe('ENOTDIR');
    expect(errnoOf(() => sys.readFile(PARENT))).toBe('EISDIR');
    expect(errnoOf(() => sys.readDir('/sys/no-such-directory'))).toBe('ENOENT');
    expect(errnoOf(() => sys.readDir(`${PARENT}/vendor`))).toBe('ENOTDIR');
    expect(errnoOf(() => sys.readLink('/sys/no-such-link'))).toBe('ENOENT');
    expect(errnoOf(() => sys.readLink(`${PARENT}/vendor`))).toBe('EINVAL');
    expect(errnoOf(() => sys.open('/dev/no-such-node', {}))).toBe('ENOENT');
    expect(errnoOf(() => sys.readFile(`${PARENT}/vendor`, 3))).toBe('EFBIG');
  });

  test('access', () => {
    expect(sys.access(NODE)).toBe('rw');
    expect(sys.access('/dev/no-such-node')).toBeNull();
  });
});

describe(title('eventfd, poll and watch'), () => {
  const sys = makeSys();
  const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  let fd: number;
  beforeEach(() => {
    fd = sys.eventfd();
  });
  afterEach(() => sys.close(fd));

  test('counts, and reading it starts over', () => {
    const counter = Buffer.alloc(8);
    expect(errnoOf(() => sys.read(fd, counter))).toBe('EAGAIN');
    sys.write(fd, one);
    sys.write(fd, one);
    expect(sys.read(fd, counter)).toBe(8);
    expect(counter.readBigUInt64LE()).toBe(2n);
    expect(errnoOf(() => sys.read(fd, counter))).toBe('EAGAIN');
    expect(errnoOf(() => sys.read(fd, Buffer.alloc(4)))).toBe('EINVAL');
  });

  test('can be written to all the while', () => {
    expect(sys.poll(fd, 0, 'writable')).toBe('ready');
    sys.write(fd, Buffer.from('feffffffffffffff', 'hex'));
    expect(sys.poll(fd, 0, 'writable')).toBe('timeout');
    expect(sys.poll(fd, 0, 'readable')).toBe('ready');
  });

  test('poll tells ready from not', () => {
    expect(sys.poll(fd, 0)).toBe('timeout');
    expect(sys.poll(fd, 20)).toBe('timeout');
    sys.write(fd, one);
    expect(sys.poll(fd, -1)).toBe('ready');
    expect(sys.poll(fd, 0)).toBe('ready');
  });

  test('a read within a time takes what is there, or waits for it', () => {
    const counter = Buffer.alloc(8);
    expect(sys.readWithin(fd, counter, 0)).toBe('timeout');
    expect(sys.readWithin(fd, counter, 20)).toBe('timeout');
    sys.write(fd, one);
    sys.write(fd, one);
    expect(sys.readWithin(fd, counter, -1)).toBe('ready');
    expect(counter.readBigUInt64LE()).toBe(2n);
    expect(sys.readWithin(fd, counter, 0)).toBe('timeout');
    expect(errnoOf(() => sys.readWithin(fd, Buffer.alloc(4), 0))).toBe('EINVAL');
  });

  test('a watch calls back as long as there is something to read', async () => {
    let calls = 0;
    const watch = sys.watch(fd, () => {
      if (++calls === 3) sys.read(fd, Buffer.alloc(8));
    });
    try {
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(calls).toBe(0);
      sys.write(fd, one);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(calls).toBe(3);
    } finally {
      watch.close();
    }
    watch.close();
    sys.write(fd, one);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(3);
  });

  test('waiting ends by readiness, by time, or by a signal', async () => {
    expect(await ready(sys, fd, { timeoutMs: 20 })).toBe('timeout');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect(await ready(sys, fd, { signal: controller.signal })).toBe('aborted');
    expect(await ready(sys, fd, { signal: controller.signal })).toBe('aborted');
    setTimeout(() => sys.write(fd, one), 20);
    expect(await ready(sys, fd)).toBe('ready');
  });

  test('a closed descriptor is none', () => {
    const gone = sys.eventfd();
    sys.close(gone);
    expect(errnoOf(() => sys.read(gone, Buffer.alloc(8)))).toBe('EBADF');
    expect(errnoOf(() => sys.watch(gone, () => {}))).toBe('EBADF');
    expect(errnoOf(() => sys.close(gone))).toBe('EBADF');
  });
});

describe(title('memory'), () => {
  const sys = makeSys();

  test('huge pages are taken from their pool, and given back', () => {
    const pool = '/sys/kernel/mm/hugepages/hugepages-2048kB';
    const before = sys.readFile(`${pool}/nr_hugepages`).toString();
    const free = () => Number(sys.readFile(`${pool}/free_hugepages`).toString());
    sys.writeFile(`${pool}/nr_hugepages`, '3');
    try {
      expect(free()).toBe(3);
      const memory = sys.allocate(3 * 2 ** 20, { hugePage: 2 ** 21 });
      expect(memory.bytes.length).toBe(2 ** 22);
      expect(memory.bytes[2 ** 22 - 1]).toBe(0);
      expect(free()).toBe(1);
      expect(errnoOf(() => sys.allocate(2 ** 22, { hugePage: 2 ** 21 }))).toBe('ENOMEM');
      memory.close();
      expect(free()).toBe(3);
      expect(errnoOf(() => sys.allocate(4096, { hugePage: 2 ** 23 }))).toBe('EINVAL');
    } finally {
      sys.writeFile(`${pool}/nr_hugepages`, before);
    }
  });

  test('memory of a NUMA node', () => {
    const nodes = attempt<string[], string[]>(() => sys.readDir('/sys/devices/system/node'), []);
    if (!nodes.includes('node0')) {
      // A kernel without NUMA has no mbind(2).
      expect(errnoOf(() => sys.allocate(4096, { numaNode: 0 }))).toBe('ENOSYS');
      return;
    }
    const memory = sys.allocate(4096, { numaNode: 0 });
    expect(memory.bytes.length).toBe(sys.pageSize);
    memory.close();
    expect(errnoOf(() => sys.allocate(4096, { numaNode: 900 }))).toBe('EINVAL');
    expect(errnoOf(() => sys.allocate(4096, { numaNode: -1 }))).toBe('EINVAL');
  });

  test('is zeroed, in whole pages, and goes when it is closed', () => {
    const memory = sys.allocate(sys.pageSize + 1);
    expect(memory.address % BigInt(sys.pageSize)).toBe(0n);
    expect(memory.bytes.length).toBe(2 * sys.pageSize);
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
    memory.bytes.writeUInt32LE(0xdeadbeef, sys.pageSize);
    expect(memory.bytes.readUInt32LE(sys.pageSize)).toBe(0xdeadbeef);
    memory.close();
    memory.close();
    expect(() => memory.bytes).toThrow('is closed');
  });

  test('that was kept past the close is empty, and kills nobody', () => {
    const memory = sys.allocate(2 * sys.pageSize);
    const kept = memory.bytes;
    kept.fill(0xab);
    memory.close();
    expect(kept.every((byte) => byte === 0)).toBe(true);
    kept.writeUInt32LE(1, sys.pageSize);
    // What is allocated next is other memory.
    const next = sys.allocate(2 * sys.pageSize);
    expect(next.bytes.every((byte) => byte === 0)).toBe(true);
    next.close();
  });

  test('of no length is refused', () => {
    for (const length of [0, -1, 0.5, Number.NaN]) expect(() => sys.allocate(length)).toThrow(RangeError);
  });
});

describe(title('watches'), () => {
  test('a descriptor has one, and is not closed under it', () => {
    const sys = makeSys();
    const fd = sys.eventfd();
    const watch = sys.watch(fd, () => {});
    expect(errnoOf(() => sys.watch(fd, () => {}))).toBe('EEXIST');
    expect(() => sys.close(fd)).toThrow('is being watched');
    watch.close();
    sys.watch(fd, () => {}).close();
    sys.close(fd);
  });

  test('a wait of any length is as long as it says', async () => {
    const sys = makeSys();
    const fd = sys.eventfd();
    for (const timeoutMs of [undefined, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40]) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 50);
      expect(await ready(sys, fd, { timeoutMs, signal: abort.signal })).toBe('aborted');
    }
    expect(await ready(sys, fd, { timeoutMs: 1 })).toBe('timeout');
    sys.close(fd);
  });
});

describe(title('uevents'), () => {
  test('nothing waits where nothing happened', () => {
    const sys = makeSys();
    const fd = sys.ueventSocket(1);
    try {
      expect(errnoOf(() => sys.receive(fd, Buffer.alloc(8192)))).toBe('EAGAIN');
      expect(sys.poll(fd, 0)).toBe('timeout');
    } finally {
      sys.close(fd);
    }
  });

  test('a descriptor that is no socket has none', () => {
    const sys = makeSys();
    const fd = sys.eventfd();
    expect(errnoOf(() => sys.receive(fd, Buffer.alloc(8)))).toBe('ENOTSOCK');
    sys.close(fd);
  });
});
