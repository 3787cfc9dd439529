import { inspect } from 'node:util';
import fc from 'fast-check';
import { SysError, usageError } from '../../../src/errors';
import { unprepared } from '../../../src/sys/composed';
import { LinuxSys } from '../../../src/sys/linux/linux-sys';
import type { Mapping, Memory, Sys, Word } from '../../../src/sys/sys';
import { traced } from '../../../src/sys/trace';
import type { IoctlDecoder } from '../../../src/uapi/ioctl-decoder';
import { anyText } from '../../support/any-text';

const PATTERN = Buffer.from('01000000ff', 'hex');

/** A machine that grants everything, and keeps what it was asked. */
class FakeSys implements Sys {
  readonly pageSize = 4096;
  readonly calls: string[] = [];
  fails: Error | undefined;
  onReady: (() => void) | undefined;
  #next = 3;

  readFile = (path: string) => this.#do(`readFile ${path}`, Buffer.from('x'));
  readDir = (path: string) => this.#do(`readDir ${path}`, ['x']);
  readLink = (path: string) => this.#do(`readLink ${path}`, 'x');
  access = (path: string) => this.#do(`access ${path}`, 'rw' as const);
  permissions = (path: string) => this.#do(`permissions ${path}`, { mode: 0o660, uid: 0, gid: 46 });
  writeFile = (path: string, data: string) => this.#do(`writeFile ${path} ${data}`, undefined);
  replaceFile = (path: string, data: string) => this.#do(`replaceFile ${path} ${data}`, undefined);
  removeFile = (path: string) => this.#do(`removeFile ${path}`, undefined);
  open = (path: string) => this.#do(`open ${path}`, this.#next++);
  close = (fd: number) => this.#do(`close ${fd}`, undefined);
  read = (fd: number, buffer: Buffer) => this.#do(`read ${fd}`, PATTERN.copy(buffer));
  write = (fd: number, buffer: Buffer) => this.#do(`write ${fd}`, buffer.length);
  pread = (fd: number, buffer: Buffer, position: number) => this.#do(`pread ${fd} ${position}`, PATTERN.copy(buffer));
  pwrite = (fd: number, buffer: Buffer, position: number) => this.#do(`pwrite ${fd} ${position}`, buffer.length);
  preadWords = (fd: number, buffer: Buffer, _width: number, position: number) =>
    this.#do(`preadWords ${fd} ${position}`, PATTERN.copy(buffer));
  allocate = (length: number): Memory =>
    this.#do(`allocate ${length}`, { address: 0x7f00n, bytes: Buffer.alloc(length), close: () => {} });
  allocateDma = (fd: number, length: number): Memory =>
    this.#do(`allocateDma ${fd} ${length}`, { address: 0x7e00n, bytes: Buffer.alloc(length), close: () => {} });
  ueventSocket = (groups: number) => this.#do(`ueventSocket ${groups}`, this.#next++);
  receive = (fd: number) => this.#do(`receive ${fd}`, { length: 5, port: 0, groups: 1 });
  eventfd = () => this.#do('eventfd', this.#next++);
  readWithin = (fd: number, _buffer: Buffer, timeoutMs: number) =>
    this.#do(`readWithin ${fd} ${timeoutMs}`, 'timeout' as const);
  poll = (fd: number, timeoutMs: number) => this.#do(`poll ${fd} ${timeoutMs}`, 'timeout' as const);

  ioctl(fd: number, request: number, argument: Buffer | number): number {
    if (this.fails === undefined && Buffer.isBuffer(argument)) argument.fill(0xee, 4);
    return this.#do(`ioctl ${fd} ${request}`, 0);
  }

  preparedIoctl(fd: number, request: number, argument: Buffer, expected?: string): () => number {
    return unprepared(this, fd, request, argument, expected);
  }

  ioctlOpen(fd: number, request: number): number {
    return this.#do(`ioctlOpen ${fd} ${request}`, this.#next++);
  }

  mmap(fd: number, length: number): Mapping {
    return this.#do(`mmap ${fd} ${length}`, {
      length,
      read: (offset, width): Word => this.#do(`load ${offset} ${width}`, width === 8 ? 0x123n : 0x10000ed),
      write: (offset, width, value) => this.#do(`store ${offset} ${width} ${value}`, undefined),
      reader: () => () => 0,
      writer: () => () => {},
      close: () => this.#do('munmap', undefined),
    });
  }

  watch(fd: number, onReady: () => void) {
    this.onReady = onReady;
    return this.#do(`watch ${fd}`, { close: () => this.#do('unwatch', undefined) });
  }

  #do<T>(call: string, result: T): T {
    this.calls.push(call);
    if (this.fails !== undefined) throw this.fails;
    return result;
  }
}

const OPENS = 0x3b6a;

/** Decodes ioctls as a module with their numbers would. */
const decode: IoctlDecoder = (request, argument) => {
  if (request === OPENS && Buffer.isBuffer(argument)) return { name: 'GET_DEVICE_FD', in: argument.toString() };
  if (request === 0x3b67) return { name: 'CHECK', in: '' };
  if (request === 0x3b6c && Buffer.isBuffer(argument))
    return {
      name: 'GET_INFO',
      in: `{index: ${argument.readUInt32LE(0)}}`,
      out: () => `{size: ${argument.readUInt32LE(4).toString(16)}}`,
    };
  return null;
};

let fake: FakeSys;
let sys: Sys;
let lines: string[];

beforeEach(() => {
  fake = new FakeSys();
  lines = [];
  sys = traced(fake, (line) => lines.push(line), [decode]);
});

/** The lines that came since the last time. */
const printed = () => lines.splice(0);

test('inspection is passed on and not shown', () => {
  expect(sys.readFile('/sys/x').toString()).toBe('x');
  expect(sys.readDir('/sys/x')).toEqual(['x']);
  expect(sys.readLink('/sys/x')).toBe('x');
  expect(sys.access('/sys/x')).toBe('rw');
  expect(sys.pageSize).toBe(4096);
  expect(fake.calls).toEqual(['readFile /sys/x', 'readDir /sys/x', 'readLink /sys/x', 'access /sys/x']);
  expect(printed()).toEqual([]);
});

test('calls on a descriptor are shown by its name, with what came back', () => {
  const fd = sys.open('/dev/uio0', { write: true, nonblock: true });
  expect(fd).toBe(3);
  const buffer = Buffer.alloc(4);
  expect(sys.read(fd, buffer)).toBe(4);
  expect(sys.write(fd, Buffer.from([1, 0, 0, 0]))).toBe(4);
  expect(sys.pread(fd, buffer.subarray(0, 2), 0x40)).toBe(2);
  expect(sys.poll(fd, 1000)).toBe('timeout');
  sys.close(fd);
  expect(() => sys.close(fd)).not.toThrow();
  expect(printed()).toEqual([
    'open(/dev/uio0, O_RDWR|O_NONBLOCK) = 3',
    'read(uio0, 4) = 4 [01 00 00 00]',
    'write(uio0, [01 00 00 00]) = 4',
    'pread(uio0, 2, 0x40) = 2 [01 00]',
    'poll(uio0, 1000) = timeout',
    'close(uio0) = 0',
    'close(descriptor 3) = 0',
  ]);
});

test.each([
  ['/dev/uio0', 'uio0'],
  ['/dev/vfio/vfio', 'vfio-container'],
  ['/dev/vfio/3', 'vfio-group 3'],
  ['/dev/vfio/noiommu-0', 'vfio-group noiommu-0'],
  ['/dev/vfio/devices/vfio0', 'vfio-device vfio0'],
  ['/dev/iommu', 'iommufd'],
  ['/dev/bus/usb/003/014', 'usb 003/014'],
  ['/sys/bus/pci/devices/0000:00:03.0/config', '/sys/bus/pci/devices/0000:00:03.0/config'],
])('%s is called %s', (path, label) => {
  sys.close(sys.open(path, {}));
  expect(printed()).toEqual([`open(${path}, O_RDONLY) = 3`, `close(${label}) = 0`]);
});

test('two descriptors of one name are told apart', () => {
  const [first, second] = [sys.open('/dev/uio0', {}), sys.open('/dev/uio0', {})];
  const events = sys.eventfd();
  printed();
  sys.write(second, Buffer.alloc(1));
  sys.write(first, Buffer.alloc(1));
  sys.write(events, Buffer.alloc(1));
  expect(printed()).toEqual(['write(uio0 #4, [00]) = 1', 'write(uio0, [00]) = 1', 'write(eventfd #5, [00]) = 1']);
});

test('writes to sysfs are shown as text', () => {
  sys.writeFile('/sys/bus/pci/drivers/vfio-pci/bind', '0000:00:03.0');
  sys.writeFile('/sys/x', 'a"b\\c\n\x1b');
  sys.pwrite(sys.open('/sys/x/config', { write: true }), Buffer.from([2, 4]), 4);
  expect(printed()).toEqual([
    'write(/sys/bus/pci/drivers/vfio-pci/bind, "0000:00:03.0") = ok',
    'write(/sys/x, "a\\"b\\\\c\\n\\x1b") = ok',
    'open(/sys/x/config, O_RDWR) = 3',
    'pwrite(/sys/x/config, [02 04], 0x4) = 2',
  ]);
});

test('files that are made and removed are shown with their text', () => {
  sys.replaceFile('/etc/udev/rules.d/a.rules', '# one\nACTION=="add"\n');
  sys.removeFile('/etc/udev/rules.d/a.rules');
  expect(printed()).toEqual([
    'replace(/etc/udev/rules.d/a.rules, "# one\\nACTION==\\"add\\"\\n") = ok',
    'unlink(/etc/udev/rules.d/a.rules) = ok',
  ]);
});

test('failures are shown with what they mean, and are the same to the caller', () => {
  fake.fails = new SysError('open', 'EACCES', '/dev/uio0');
  expect(() => sys.open('/dev/uio0', { write: true })).toThrow(fake.fails);
  expect(() => sys.read(9, Buffer.alloc(4))).toThrow(fake.fails);
  expect(() => sys.mmap(9, 4096, false, 0)).toThrow(fake.fails);
  expect(() => sys.watch(9, () => {})).toThrow(fake.fails);
  expect(() => sys.eventfd()).toThrow(fake.fails);
  expect(printed()).toEqual(
    [
      'open(/dev/uio0, O_RDWR)',
      'read(descriptor 9, 4)',
      'mmap(descriptor 9, 0x1000, PROT_READ, 0x0)',
      'watch(descriptor 9)',
      'eventfd()',
    ].map((call) => `${call} = -1 EACCES (permission denied)`),
  );
  fake.fails = usageError('/dev/uio0', 'a recorded machine can only be inspected');
  expect(() => sys.open('/dev/uio0', {})).toThrow(fake.fails);
  expect(printed()).toEqual(['open(/dev/uio0, O_RDONLY) = refused (a recorded machine can only be inspected)']);
});

test('memory and netlink', () => {
  sys.allocate(0x2000);
  sys.allocateDma(sys.open('/dev/bus/usb/001/003', { write: true }), 0x4000);
  const fd = sys.ueventSocket(1);
  sys.receive(fd, Buffer.alloc(64));
  sys.poll(fd, 0, 'writable');
  expect(printed()).toEqual([
    'allocate(0x2000) = 0x7f00',
    expect.stringMatching(/^open\(/),
    'mmap(usb 001/003, 0x4000, PROT_READ|PROT_WRITE, 0x0) = 0x7e00',
    `uevents(0x1) = ${fd}`,
    'recvfrom(uevents, 64) = 5 {port: 0, groups: 0x1}',
    'poll(uevents, 0, writable) = timeout',
  ]);
});

describe('ioctls', () => {
  test('are decoded before and after the call', () => {
    const fd = sys.open('/dev/vfio/3', { write: true });
    printed();
    expect(sys.ioctl(fd, 0x3b6c, Buffer.alloc(8))).toBe(0);
    expect(sys.ioctl(fd, 0x3b67, 0)).toBe(0);
    expect(printed()).toEqual([
      'ioctl(vfio-group 3, GET_INFO, {index: 0}) = {size: eeeeeeee}',
      'ioctl(vfio-group 3, CHECK) = 0',
    ]);
  });

  test('name the descriptor they open', () => {
    const group = sys.open('/dev/vfio/3', { write: true });
    const device = sys.ioctlOpen(group, OPENS, Buffer.from('edu'), 'vfio-device edu');
    sys.read(device, Buffer.alloc(1));
    sys.close(device);
    expect(printed().slice(1)).toEqual([
      'ioctl(vfio-group 3, GET_DEVICE_FD, edu) = 4',
      'read(vfio-device edu, 1) = 1 [01]',
      'close(vfio-device edu) = 0',
    ]);
  });

  test('that nobody knows are shown in hex, and what they changed', () => {
    const fd = sys.open('/dev/vfio/3', { write: true });
    printed();
    sys.ioctl(fd, 0x3b64, Buffer.from([1, 2]));
    sys.ioctl(fd, 0x3b64, Buffer.alloc(6));
    sys.ioctl(fd, 0x3b64, 5);
    sys.ioctl(fd, 0x3b64, Buffer.alloc(0));
    sys.ioctl(fd, 0xc0185500 | 0, Buffer.alloc(0));
    expect(printed()).toEqual([
      'ioctl(vfio-group 3, 0x3b64, [01 02]) = 0',
      'ioctl(vfio-group 3, 0x3b64, [00 00 00 00 00 00]) = 0 [00 00 00 00 ee ee]',
      'ioctl(vfio-group 3, 0x3b64, 0x5) = 0',
      'ioctl(vfio-group 3, 0x3b64, []) = 0',
      'ioctl(vfio-group 3, 0xc0185500, []) = 0',
    ]);
  });

  test('that a decoder fails on are made all the same', () => {
    const fd = sys.open('/dev/vfio/3', {});
    printed();
    // Too short to decode, first before the call and then after it.
    expect(sys.ioctl(fd, 0x3b6c, Buffer.alloc(2))).toBe(0);
    expect(sys.ioctl(fd, 0x3b6c, Buffer.alloc(4))).toBe(0);
    expect(printed()).toEqual([
      'ioctl(vfio-group 3, 0x3b6c, [00 00]) = 0',
      'ioctl(vfio-group 3, GET_INFO, {index: 0}) = 0',
    ]);
  });

  test('that fail show what went in', () => {
    const fd = sys.open('/dev/vfio/3', {});
    printed();
    fake.fails = new SysError('ioctl', 'ENOTTY', '/dev/vfio/3');
    expect(() => sys.ioctl(fd, 0x3b6c, Buffer.alloc(8))).toThrow(fake.fails);
    expect(printed()).toEqual([
      'ioctl(vfio-group 3, GET_INFO, {index: 0}) = -1 ENOTTY (inappropriate ioctl for device)',
    ]);
  });
});

describe('a mapping', () => {
  let mapping: Mapping;
  beforeEach(() => {
    mapping = sys.mmap(sys.open('/dev/uio0', { write: true }), 0x100000, true, 0x1000);
    expect(printed()[1]).toBe('mmap(uio0, 0x100000, PROT_READ|PROT_WRITE, 0x1000) = ok');
    fake.calls.length = 0;
  });

  test('has its accesses shown, each made once', () => {
    expect(mapping.length).toBe(0x100000);
    expect(mapping.read(0x60, 4)).toBe(0x10000ed);
    expect(mapping.read(0x68, 8)).toBe(0x123n);
    mapping.write(0x60, 4, 1);
    mapping.write(0x68, 8, 0xffff_ffff_ffff_ffffn);
    expect(printed()).toEqual([
      'load(uio0 mmap 0x1000, 0x60, 4) = 0x010000ed',
      'load(uio0 mmap 0x1000, 0x68, 8) = 0x0000000000000123',
      'store(uio0 mmap 0x1000, 0x60, 4, 0x1)',
      'store(uio0 mmap 0x1000, 0x68, 8, 0xffffffffffffffff)',
    ]);
    expect(fake.calls).toEqual(['load 96 4', 'load 104 8', 'store 96 4 1', 'store 104 8 18446744073709551615']);
  });

  test('shows an access before it is made, where a line can be begun: SIGBUS may be the end', () => {
    let text = '';
    const print = (piece: string) => {
      text += piece;
    };
    const traces = traced(fake, (line) => print(`${line}\n`), [], print);
    const begun = traces.mmap(traces.open('/dev/uio0', { write: true }), 0x1000, true, 0);
    text = '';
    begun.read(0x60, 4);
    begun.write(0x60, 4, 1);
    fake.fails = new RangeError('beyond');
    expect(() => begun.read(0x64, 4)).toThrow(RangeError);
    expect(text).toBe(
      'load(uio0 mmap 0x0, 0x60, 4) = 0x010000ed\nstore(uio0 mmap 0x0, 0x60, 4, 0x1)\nload(uio0 mmap 0x0, 0x64, 4) = refused (beyond)\n',
    );
    text = '';
    const shown: string[] = [];
    Object.defineProperty(fake, 'fails', { get: () => void shown.push(text), configurable: true });
    begun.read(0x68, 8);
    expect(shown).toEqual(['load(uio0 mmap 0x0, 0x68, 8)']);
  });

  test('has no register touched by looking at it', () => {
    expect(inspect(mapping, { depth: 9, showHidden: true })).toBe('TracedMapping(uio0 mmap 0x1000)');
    expect(JSON.stringify(mapping)).toBe('{}');
    expect(fake.calls).toEqual([]);
    expect(printed()).toEqual([]);
  });

  test('says why an access was refused', () => {
    fake.fails = new RangeError('offset 3 is not a multiple of 4');
    expect(() => mapping.read(3, 4)).toThrow(RangeError);
    expect(() => mapping.write(3, 4, 1)).toThrow(RangeError);
    expect(printed()).toEqual([
      'load(uio0 mmap 0x1000, 0x3, 4) = refused (offset 3 is not a multiple of 4)',
      'store(uio0 mmap 0x1000, 0x3, 4, 0x1) = refused (offset 3 is not a multiple of 4)',
    ]);
  });

  test('is unmapped once', () => {
    mapping.close();
    mapping.close();
    expect(printed()).toEqual(['munmap(uio0 mmap 0x1000) = ok']);
  });
});

test('a watch is shown when it begins, wakes and ends', () => {
  const fd = sys.open('/dev/uio0', {});
  printed();
  let woken = 0;
  const watch = sys.watch(fd, () => {
    expect(printed()).toEqual([woken === 0 ? 'watch(uio0) = ok' : '', 'wake(uio0)'].filter(Boolean));
    woken++;
  });
  fake.onReady?.();
  fake.onReady?.();
  watch.close();
  watch.close();
  expect(woken).toBe(2);
  expect(printed()).toEqual(['unwatch(uio0)']);
  expect(fake.calls.filter((call) => call === 'unwatch')).toHaveLength(2);
});

test('long buffers are cut short', () => {
  sys.write(sys.open('/dev/uio0', {}), Buffer.alloc(4096));
  expect(printed()[1]).toBe(`write(uio0, [${'00 '.repeat(64)}... +4032]) = 4096`);
});

test('nothing a device or a user chose can drive the terminal', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      sys.writeFile(`/sys/${text}`, text);
      sys.close(sys.open(`/dev/${text}`, {}));
      for (const line of printed()) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('a line that cannot be printed is no failure of the call', () => {
  const deaf = traced(fake, () => {
    throw new Error('EPIPE');
  });
  expect(deaf.open('/dev/uio0', {})).toBe(3);
  expect(() => deaf.close(3)).not.toThrow();
});

test('it works on real files', () => {
  const real = traced(new LinuxSys(), (line) => lines.push(line));
  const fd = real.open('/proc/self/comm', {});
  const buffer = Buffer.alloc(3);
  expect(real.pread(fd, buffer, 0)).toBe(3);
  real.close(fd);
  expect(() => real.open('/dev/absent', {})).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(printed()).toEqual([
    `open(/proc/self/comm, O_RDONLY) = ${fd}`,
    `pread(/proc/self/comm, 3, 0x0) = 3 [${buffer.toString('hex').match(/../g)?.join(' ')}]`,
    'close(/proc/self/comm) = 0',
    'open(/dev/absent, O_RDONLY) = -1 ENOENT (no such file or directory)',
  ]);
});
