import { readdirSync } from 'node:fs';
import type { UsbDeviceInfo } from '../../src/model/device';
import { NameDatabase } from '../../src/names/database';
import {
  urb as layout,
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT,
  USBDEVFS_CAP_ZERO_PACKET,
  USBDEVFS_SUBMITURB,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_TYPE_BULK,
} from '../../src/uapi/usbdevfs';
import { UsbDevice } from '../../src/usb/device/device';
import { inspectUsb } from '../../src/usb/inspect/inspect';
import { Urb } from '../../src/usb/transfer/urb';
import {
  capabilities,
  claimInterface,
  connectDriver,
  discardUrb,
  disconnectDriver,
  driverOf,
  releaseInterface,
  setAlternateSetting,
  setConfiguration,
} from '../../src/usb/usbfs';
import { reapUrb, submitUrb } from '../support/urbs';
import { errnoOf, makeSys, onKernel, title, USB } from './target';

const sys = makeSys();
const names = new NameDatabase(sys);

function inspected(address: string): UsbDeviceInfo {
  const device = inspectUsb(sys, names, address);
  if (device === null) throw new Error(`${address} is not there`);
  return device;
}

/** The bulk endpoints of gadget zero: 0x81 and, as the controller has them, 0x01 or 0x02. */
function endpoints() {
  const all = inspected(USB.zero).usb.interfaces.filter((i) => i.active && i.number === 0)[0]?.endpoints ?? [];
  const of = (direction: 'in' | 'out') =>
    Number(all.find((e) => e.direction === direction && e.type === 'bulk')?.address);
  return { in: of('in'), out: of('out') };
}

const driverLink = (address: string) => {
  const intf = inspected(address).usb.interfaces.find((i) => i.number === 0);
  return intf?.driver ?? null;
};

const DEVICE_DESCRIPTOR = { bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 };

let before: { fds: number };
const owned = () => ({ fds: onKernel ? readdirSync('/proc/self/fd').length : 0 });
beforeEach(() => {
  before = owned();
});
afterEach(() => {
  // Not equal: the event loop opens its own descriptors when it first needs them.
  expect(owned().fds).toBeLessThanOrEqual(before.fds + 2);
});

/** Gadget zero as configuration 1 has it (source and sink) or 2 (loopback). */
function configure(value: number) {
  if (inspected(USB.zero).usb.configuration === value) return;
  using device = UsbDevice.open(sys, inspected(USB.zero));
  device.setConfiguration(value);
}

describe(title('the ioctls of usbfs'), () => {
  let fd: number;
  let urbs: Urb[];
  const open = (address: string, write = true) => sys.open(inspected(address).node ?? '', { write });
  const urb = (length: number) => {
    const made = new Urb(sys, length);
    urbs.push(made);
    return made;
  };
  beforeEach(() => {
    configure(1);
    urbs = [];
    fd = open(USB.zero);
  });
  afterEach(() => {
    sys.close(fd);
    for (const each of urbs) each.close();
  });

  /** Waits for a completion and reaps it. */
  const reaped = () => {
    expect(sys.poll(fd, 5000, 'writable')).toBe('ready');
    return reapUrb(sys, fd);
  };

  test('need a node that is open for writing', () => {
    const reader = open(USB.zero, false);
    try {
      expect(errnoOf(() => claimInterface(sys, reader, 0))).toBe('EPERM');
    } finally {
      sys.close(reader);
    }
  });

  test('what is no ioctl of its', () => {
    expect(errnoOf(() => sys.ioctl(fd, 0x5577, 0))).toBe('ENOTTY');
  });

  test('the capabilities', () => {
    const all = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    expect((capabilities(sys, fd) ?? 0) & all).toBe(all);
  });

  test('a claim is exclusive, may be repeated, and ends with the descriptor', () => {
    const other = open(USB.zero);
    try {
      expect(driverOf(sys, fd, 0)).toBeNull();
      claimInterface(sys, fd, 0);
      claimInterface(sys, fd, 0);
      expect(driverOf(sys, fd, 0)).toBe('usbfs');
      expect(errnoOf(() => claimInterface(sys, other, 0))).toBe('EBUSY');
      releaseInterface(sys, fd, 0);
      expect(driverOf(sys, fd, 0)).toBeNull();
      claimInterface(sys, other, 0);
      expect(driverOf(sys, fd, 0)).toBe('usbfs');
    } finally {
      sys.close(other);
    }
    expect(driverOf(sys, fd, 0)).toBeNull();
  });

  test('what cannot be claimed or released', () => {
    expect(errnoOf(() => claimInterface(sys, fd, 7))).toBe('ENOENT');
    expect(errnoOf(() => claimInterface(sys, fd, 64))).toBe('EINVAL');
    expect(errnoOf(() => releaseInterface(sys, fd, 0))).toBe('EINVAL');
    expect(driverOf(sys, fd, 7)).toBeNull();
    expect(errnoOf(() => disconnectDriver(sys, fd, 7))).toBe('EINVAL');
    expect(errnoOf(() => setAlternateSetting(sys, fd, 7, 0))).toBe('ENOENT');
    const disk = open(USB.disk);
    try {
      expect(driverOf(sys, disk, 0)).toBe('usb-storage');
      expect(errnoOf(() => claimInterface(sys, disk, 0))).toBe('EBUSY');
      expect(errnoOf(() => setConfiguration(sys, disk, 1))).toBe('EBUSY');
    } finally {
      sys.close(disk);
    }
  });

  test('no driver takes gadget zero, and there is none to take it from', () => {
    expect(disconnectDriver(sys, fd, 0)).toBe(false);
    expect(connectDriver(sys, fd, 0)).toBe(false);
    claimInterface(sys, fd, 0);
    expect(errnoOf(() => connectDriver(sys, fd, 0))).toBe('EBUSY');
  });

  test('alternate settings have to be there', () => {
    claimInterface(sys, fd, 0);
    expect(errnoOf(() => setAlternateSetting(sys, fd, 0, 7))).toBe('EINVAL');
    setAlternateSetting(sys, fd, 0, 0);
  });

  test('configurations: none that is missing, none while an interface is claimed', () => {
    expect(errnoOf(() => setConfiguration(sys, fd, 9))).toBe('EINVAL');
    claimInterface(sys, fd, 0);
    expect(errnoOf(() => setConfiguration(sys, fd, 2))).toBe('EBUSY');
  });

  test('nothing to reap, nothing to discard', () => {
    expect(sys.poll(fd, 0, 'writable')).toBe('timeout');
    expect(reapUrb(sys, fd)).toBe(0);
    expect(discardUrb(sys, fd, urb(64).address)).toBe(false);
  });

  test('an URB: its results and its data come with the reaping, and not before', () => {
    claimInterface(sys, fd, 0);
    const one = urb(512);
    one.data.fill(0xaa);
    one.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 512);
    one.header.writeInt32LE(77, layout.status);
    submitUrb(sys, fd, one.header);
    expect(sys.poll(fd, 5000, 'writable')).toBe('ready');
    expect(one.status).toBe(77);
    expect(one.data[0]).toBe(0xaa);
    expect(reapUrb(sys, fd)).toBe(one.address);
    expect({ status: one.status, actual: one.actualLength }).toEqual({ status: 0, actual: 512 });
    expect(one.data.subarray(0, 512).every((byte) => byte === 0)).toBe(true);
    expect(discardUrb(sys, fd, one.address)).toBe(false);
    expect(sys.poll(fd, 0, 'writable')).toBe('timeout');
  });

  test('several URBs of an endpoint complete in order', () => {
    claimInterface(sys, fd, 0);
    const many = [0, 1, 2, 3].map(() => urb(1024));
    for (const each of many) {
      each.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 1024);
      submitUrb(sys, fd, each.header);
    }
    expect(many.map(() => reaped())).toEqual(many.map(({ address }) => address));
  });

  test('what is no URB', () => {
    claimInterface(sys, fd, 0);
    const refused = (change: (urb: Urb) => void) => {
      const one = urb(512);
      one.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 512);
      change(one);
      return errnoOf(() => sys.ioctl(fd, USBDEVFS_SUBMITURB, one.header));
    };
    expect(refused((u) => u.prepare(USBDEVFS_URB_TYPE_BULK, 0x8f, 512))).toBe('ENOENT');
    expect(refused((u) => u.header.writeUInt8(9, layout.type))).toBe('EINVAL');
    expect(refused((u) => u.header.writeUInt32LE(0x400, layout.flags))).toBe('EINVAL');
    expect(refused((u) => u.header.writeUInt32LE(USBDEVFS_URB_ISO_ASAP, layout.flags))).toBe('EINVAL');
    expect(refused((u) => u.header.writeBigUInt64LE(0n, layout.buffer))).toBe('EINVAL');
    expect(
      refused((u) => {
        u.prepareControl(DEVICE_DESCRIPTOR, 18);
        u.header.writeInt32LE(8 + 17, layout.bufferLength);
      }),
    ).toBe('EINVAL');
    expect(
      refused((u) => {
        u.prepareControl(DEVICE_DESCRIPTOR, 18);
        u.header.writeInt32LE(7, layout.bufferLength);
      }),
    ).toBe('EINVAL');
    expect(reapUrb(sys, fd)).toBe(0);
  });

  test('closing takes URBs in flight with it', async () => {
    configure(2);
    const closed = open(USB.zero);
    claimInterface(sys, closed, 0);
    const one = urb(512);
    one.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 512);
    submitUrb(sys, closed, one.header);
    sys.close(closed);
    expect(driverOf(sys, fd, 0)).toBeNull();
  });

  test('a discarded URB is reaped as such', () => {
    configure(2);
    claimInterface(sys, fd, 0);
    const one = urb(512);
    one.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 512);
    submitUrb(sys, fd, one.header);
    expect(sys.poll(fd, 20, 'writable')).toBe('timeout');
    expect(discardUrb(sys, fd, one.address)).toBe(true);
    expect(reaped()).toBe(one.address);
    expect({ status: one.status, actual: one.actualLength }).toEqual({ status: -2, actual: 0 });
  });

  test('releasing an interface ends its URBs', () => {
    configure(2);
    claimInterface(sys, fd, 0);
    const one = urb(512);
    one.prepare(USBDEVFS_URB_TYPE_BULK, endpoints().in, 512);
    submitUrb(sys, fd, one.header);
    releaseInterface(sys, fd, 0);
    expect(reaped()).toBe(one.address);
    expect(one.status).toBe(-108);
  });
});

describe(title('control transfers'), () => {
  beforeEach(() => configure(1));

  test('the device descriptor equals that in sysfs', async () => {
    for (const address of [USB.zero, USB.disk]) {
      using device = UsbDevice.open(sys, inspected(address));
      const { status, actual, data } = await device.controlIn(DEVICE_DESCRIPTOR, 18);
      expect({ status, actual }).toEqual({ status: 'ok', actual: 18 });
      expect(data).toEqual(sys.readFile(`/sys/bus/usb/devices/${address}/descriptors`).subarray(0, 18));
    }
  });

  test('as much as was asked for, as much as there is', async () => {
    using device = UsbDevice.open(sys, inspected(USB.zero));
    expect(await device.controlIn(DEVICE_DESCRIPTOR, 8)).toMatchObject({ status: 'ok', requested: 8, actual: 8 });
    expect(await device.controlIn(DEVICE_DESCRIPTOR, 64)).toMatchObject({ status: 'ok', requested: 64, actual: 18 });
    expect(await device.controlIn(DEVICE_DESCRIPTOR, 0)).toMatchObject({ status: 'ok', requested: 0, actual: 0 });
  });

  test('one the device does not know is a stall, and the next one works', async () => {
    using device = UsbDevice.open(sys, inspected(USB.zero));
    const unknown = { bmRequestType: 0xc0, bRequest: 0xee, wValue: 0, wIndex: 0 };
    expect(await device.controlIn(unknown, 8)).toMatchObject({ status: 'stall', errno: 'EPIPE', actual: 0 });
    expect(await device.controlIn(DEVICE_DESCRIPTOR, 18)).toMatchObject({ status: 'ok' });
  });

  test('without data, and to an endpoint', async () => {
    using device = UsbDevice.open(sys, inspected(USB.zero));
    device.claim(0);
    // GET_STATUS of an endpoint: bit 0 is its halt. SET_FEATURE(ENDPOINT_HALT), then the kernel clears it.
    const { in: source } = endpoints();
    const status = { bmRequestType: 0x82, bRequest: 0, wValue: 0, wIndex: source };
    expect((await device.controlIn(status, 2)).data.toString('hex')).toBe('0000');
    const halt = { bmRequestType: 0x02, bRequest: 3, wValue: 0, wIndex: source };
    expect(await device.controlOut(halt, Buffer.alloc(0))).toMatchObject({ status: 'ok', actual: 0 });
    expect((await device.controlIn(status, 2)).data.toString('hex')).toBe('0100');
    expect(await device.read(source, 512)).toMatchObject({ status: 'stall', actual: 0, errno: 'EPIPE' });
    device.clearHalt(source);
    expect((await device.controlIn(status, 2)).data.toString('hex')).toBe('0000');
    expect(await device.read(source, 512)).toMatchObject({ status: 'ok', actual: 512 });
  });

  test('several at a time', async () => {
    using device = UsbDevice.open(sys, inspected(USB.zero));
    const all = await Promise.all([18, 8, 4, 18].map((length) => device.controlIn(DEVICE_DESCRIPTOR, length)));
    expect(all.map(({ status, actual }) => [status, actual])).toEqual([18, 8, 4, 18].map((length) => ['ok', length]));
  });

  test('to an interface that a driver has is refused', async () => {
    using device = UsbDevice.open(sys, inspected(USB.disk));
    const maxLun = { bmRequestType: 0xa1, bRequest: 0xfe, wValue: 0, wIndex: 0 };
    await expect(device.controlIn(maxLun, 1)).rejects.toMatchObject({ exit: 5, code: 'EBUSY' });
    expect(driverLink(USB.disk)).toBe('usb-storage');
  });
});

describe(title('bulk transfers'), () => {
  const opened = () => {
    const device = UsbDevice.open(sys, inspected(USB.zero));
    device.claim(0);
    return device;
  };

  test.each([1, 4, 16])('source and sink with %i in flight', async (queue) => {
    configure(1);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    const read = await device.read(source, 300 * 1024, { queue, chunk: 16 * 1024 });
    expect(read).toMatchObject({ status: 'ok', requested: 300 * 1024, actual: 300 * 1024, errno: null });
    expect(read.data.every((byte) => byte === 0)).toBe(true);
    const written = await device.write(sink, [Buffer.alloc(100 * 1024)], { queue, chunk: 16 * 1024 });
    expect(written).toEqual({ status: 'ok', requested: 100 * 1024, actual: 100 * 1024, errno: null });
  });

  test('a packet that is larger than what was asked for is babble', async () => {
    configure(1);
    using device = opened();
    expect(await device.read(endpoints().in, 100)).toMatchObject({ status: 'babble', errno: 'EOVERFLOW' });
  });

  test('loopback: what was sent comes back, and a short packet ends it', async () => {
    configure(2);
    using device = opened();
    const sent = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff));
    const { in: source, out: sink } = endpoints();
    expect(await device.write(sink, [sent.subarray(0, 10), sent.subarray(10)])).toMatchObject({ actual: 1000 });
    const read = await device.read(source, 4096);
    expect(read).toMatchObject({ status: 'ok', requested: 4096, actual: 1000 });
    expect(read.data).toEqual(sent);
  });

  test('a short packet ends a transfer of several URBs', async () => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    await device.write(sink, [Buffer.alloc(1500, 5)]);
    const read = await device.read(source, 8192, { queue: 4, chunk: 1024, timeoutMs: 5000 });
    expect(read).toMatchObject({ status: 'ok', actual: 1500 });
  });

  test('nothing comes: a timeout, and then the endpoint works as before', async () => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    for (const queue of [1, 3]) {
      const read = await device.read(source, 3072, { timeoutMs: 30, queue, chunk: 1024 });
      expect(read).toMatchObject({ status: 'timeout', actual: 0, errno: 'ENOENT' });
    }
    await device.write(sink, [Buffer.from('again')]);
    expect((await device.read(source, 512, { timeoutMs: 5000 })).data.toString()).toBe('again');
  });

  test('what came before a timeout is kept', async () => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    // f_loopback takes this much at a time. The packets are whole: nothing says that the data is over.
    await device.write(sink, [Buffer.alloc(4096, 9)]);
    for (const [queue, chunk] of [
      [1, undefined],
      [2, 6144],
    ] as const) {
      const read = await device.read(source, 8192, { timeoutMs: 200, queue, chunk });
      expect(read).toMatchObject({ status: 'timeout', requested: 8192, actual: 4096 });
      expect(read.data.equals(Buffer.alloc(4096, 9))).toBe(true);
      if (queue === 1) await device.write(sink, [Buffer.alloc(4096, 9)]);
    }
  });

  test('a packet of no length says that it is over', async () => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    const reading = device.read(source, 4096, { timeoutMs: 5000 });
    expect(await device.write(sink, [Buffer.alloc(1024, 9)], { zlp: true })).toMatchObject({
      status: 'ok',
      actual: 1024,
    });
    // The gadget's loopback gives packets back as it got them, that of no length too.
    expect(await reading).toMatchObject({ status: 'ok', actual: 1024 });
  });

  test('the caller ends it', async () => {
    configure(2);
    using device = opened();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    const read = await device.read(endpoints().in, 4096, { signal: controller.signal });
    expect(read).toMatchObject({ status: 'cancelled', actual: 0 });
    const again = await device.read(endpoints().in, 4096, { signal: controller.signal });
    expect(again).toMatchObject({ status: 'cancelled', actual: 0 });
  });

  test('a consumer that stops ends what is in flight', async () => {
    configure(1);
    using device = opened();
    let pieces = 0;
    for await (const piece of device.readStream(endpoints().in, 1 << 20, { chunk: 4096 })) {
      expect(piece.length).toBe(4096);
      if (++pieces === 3) break;
    }
    expect(await device.read(endpoints().in, 512)).toMatchObject({ status: 'ok', actual: 512 });
  });

  test('both directions at a time', async () => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    const sent = Buffer.from(Array.from({ length: 64 * 1024 }, (_, i) => (i >> 4) & 0xff));
    const [written, read] = await Promise.all([
      device.write(sink, [sent], { chunk: 4096 }),
      device.read(source, sent.length, { chunk: 4096, timeoutMs: 10_000 }),
    ]);
    expect(written).toMatchObject({ status: 'ok', actual: sent.length });
    expect(read).toMatchObject({ status: 'ok', actual: sent.length });
    expect(read.data.equals(sent)).toBe(true);
  });

  test('endpoints that are not there, or of another kind', async () => {
    configure(1);
    using device = opened();
    await expect(device.read(0x8f, 8)).rejects.toMatchObject({ exit: 3 });
    await expect(device.read(endpoints().out, 8)).rejects.toMatchObject({ exit: 2 });
    await expect(device.write(endpoints().in, [Buffer.alloc(1)])).rejects.toMatchObject({ exit: 2 });
  });

  test('a stream is read by one loop, once', async () => {
    configure(1);
    using device = opened();
    const stream = device.readStream(endpoints().in, 8192, { chunk: 4096 });
    const first = stream[Symbol.asyncIterator]();
    await first.next();
    expect(() => stream[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ exit: 5, code: 'EBUSY' }));
    await first.return(undefined);
    expect(() => stream[Symbol.asyncIterator]()).toThrow('is read already');
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    '%d is no number of bytes in flight',
    async (n) => {
      configure(1);
      using device = opened();
      const { in: source, out: sink } = endpoints();
      await expect(device.read(source, 512, { chunk: n })).rejects.toMatchObject({ exit: 2, subject: 'chunk' });
      await expect(device.write(sink, [Buffer.alloc(1)], { chunk: n })).rejects.toMatchObject({ exit: 2 });
    },
  );

  test.each([0, -1, 1.5, Number.NaN])('%d is no number of transfers in flight', async (queue) => {
    configure(1);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    await expect(device.read(source, 512, { queue })).rejects.toMatchObject({ exit: 2, subject: 'queue' });
    await expect(device.write(sink, [Buffer.alloc(1)], { queue })).rejects.toMatchObject({ exit: 2 });
    await expect(device.messages(source, 512, { queue }).next()).rejects.toMatchObject({ exit: 2 });
    const signal = new AbortController().signal;
    await expect(
      device.measure(source, { size: 512, queue, seconds: 0.1, timeoutMs: 1000, signal }),
    ).rejects.toMatchObject({ exit: 2 });
  });

  test.each([-1, 1.5, Number.NaN])('%d is neither a length nor a time', async (n) => {
    configure(1);
    using device = opened();
    const { in: source } = endpoints();
    const setup = { bmRequestType: 0x80, bRequest: 6, wValue: 0x100, wIndex: 0 };
    await expect(device.read(source, n)).rejects.toMatchObject({ exit: 2 });
    await expect(device.controlIn(setup, n)).rejects.toMatchObject({ exit: 2 });
    if (n === 1.5) return;
    await expect(device.read(source, 512, { timeoutMs: n })).rejects.toMatchObject({ exit: 2 });
    await expect(device.controlIn(setup, 18, { timeoutMs: n })).rejects.toMatchObject({ exit: 2 });
  });

  test.each([Number.POSITIVE_INFINITY, 2 ** 31])('a transfer may take %d ms', async (timeoutMs) => {
    configure(2);
    using device = opened();
    const { in: source, out: sink } = endpoints();
    const reading = device.read(source, 512, { timeoutMs });
    await new Promise((resolve) => setTimeout(resolve, 50));
    // A packet that is short: the gadget waits for more after a full one.
    await device.write(sink, [Buffer.alloc(100, 7)], { timeoutMs });
    expect(await reading).toMatchObject({ status: 'ok', actual: 100 });
  });

  test("data that is kept is the consumer's, or empty", async () => {
    configure(1);
    const device = opened();
    const messages: Buffer[] = [];
    for await (const { data } of device.messages(endpoints().in, 512, { count: 3 })) messages.push(data);
    const kept = messages.map((data) => data.toString('hex'));
    const stream = device.readStream(endpoints().in, 64 * 1024, { chunk: 32 * 1024 });
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece);
    device.close();
    expect(messages.map((data) => data.toString('hex'))).toEqual(kept);
    for (const piece of pieces) expect(piece.every((byte) => byte === 0)).toBe(true);
  });

  test('closing while something is in flight', async () => {
    configure(2);
    const device = opened();
    const reading = device.read(endpoints().in, 512);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(device.close()).toEqual([]);
    expect(device.close()).toEqual([]);
    expect(await reading).toMatchObject({ status: 'cancelled' });
    await expect(device.read(0x81, 1)).rejects.toThrow('is closed');
  });
});

describe(title('drivers'), () => {
  test('an interface is taken from its driver and given back', () => {
    const device = UsbDevice.open(sys, inspected(USB.disk));
    try {
      expect(() => device.claim(0)).toThrow(expect.objectContaining({ exit: 5, code: 'EBUSY' }));
      device.claim(0, { detach: true });
      expect(driverLink(USB.disk)).toBe('usbfs');
    } finally {
      expect(device.close()).toEqual([]);
    }
    expect(driverLink(USB.disk)).toBe('usb-storage');
  });

  test('not from another process', () => {
    using holder = UsbDevice.open(sys, inspected(USB.zero));
    using device = UsbDevice.open(sys, inspected(USB.zero));
    holder.claim(0);
    expect(() => device.claim(0, { detach: true })).toThrow(expect.objectContaining({ exit: 5, code: 'EBUSY' }));
    expect(() => device.detachDriver(0)).toThrow(expect.objectContaining({ exit: 5, code: 'EBUSY' }));
    expect(holder.driverOf(0)).toBe('usbfs');
  });

  test('detached and attached by name', () => {
    using device = UsbDevice.open(sys, inspected(USB.disk));
    expect(device.detachDriver(0)).toBe(true);
    expect(device.detachDriver(0)).toBe(false);
    expect(driverLink(USB.disk)).toBeNull();
    expect(device.attachDriver(0)).toBe(true);
    expect(device.attachDriver(0)).toBe(true);
    expect(driverLink(USB.disk)).toBe('usb-storage');
  });

  test('a reset leaves the device as it was', async () => {
    configure(1);
    using device = UsbDevice.open(sys, inspected(USB.zero));
    device.claim(0);
    device.reset();
    expect(driverLink(USB.zero)).toBeNull();
    device.claim(0);
    expect(await device.read(endpoints().in, 512)).toMatchObject({ status: 'ok', actual: 512 });
  });

  /** An isochronous endpoint, which is in alternate setting 1 alone. */
  const isochronous = () => {
    const { address, interface: number } = USB.iso;
    const setting = inspected(address).usb.interfaces.find((one) => one.number === number && one.alt === 1);
    return Number(setting?.endpoints.find(({ type }) => type === 'isochronous')?.address);
  };

  test('a reset ends the claims: their interfaces are in setting 0 again', () => {
    const { address, interface: number } = USB.iso;
    if (address === USB.zero) configure(1);
    using device = UsbDevice.open(sys, inspected(address));
    device.claim(number, { detach: true, alt: 1 });
    expect(device.endpoint(isochronous()).setting).toMatchObject({ number, alt: 1 });
    device.reset();
    expect(() => device.endpoint(isochronous())).toThrow(
      expect.objectContaining({
        exit: 3,
        message: `belongs to alternate setting 1 of interface ${number}; the current one is 0`,
      }),
    );
    expect(device.info.usb).toEqual(inspected(address).usb);
  });

  test('after a change of configuration the endpoints are those of the new one', async () => {
    configure(1);
    using device = UsbDevice.open(sys, inspected(USB.zero));
    device.setConfiguration(0);
    expect(() => device.endpoint(0x81)).toThrow(
      expect.objectContaining({ exit: 3, message: expect.stringMatching(/^the device is not configured/) }),
    );
    device.setConfiguration(2);
    expect(device.endpoint(endpoints().in).setting).toMatchObject({ number: 0, alt: 0 });
    expect(() => device.endpoint(0x8f)).toThrow(
      expect.objectContaining({ message: 'no such endpoint in configuration 2' }),
    );
    expect(device.info.usb).toEqual(inspected(USB.zero).usb);
    // The loopback's endpoints are used as those of the new configuration.
    device.claim(0);
    await device.write(endpoints().out, [Buffer.from('again')]);
    expect((await device.read(endpoints().in, 512, { timeoutMs: 5000 })).data.toString()).toBe('again');
  });

  test('an interface that is taken from its driver is known to be', () => {
    using device = UsbDevice.open(sys, inspected(USB.disk));
    device.claim(0, { detach: true });
    expect(device.info.usb.interfaces.map(({ driver, active }) => [driver, active])).toEqual([['usbfs', true]]);
  });

  test('the configuration is another one', () => {
    configure(1);
    configure(2);
    expect(inspected(USB.zero).usb.configuration).toBe(2);
    configure(1);
    expect(inspected(USB.zero).usb.configuration).toBe(1);
  });
});
