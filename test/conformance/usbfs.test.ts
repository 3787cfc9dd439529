import type { UsbDeviceInfo } from '../../src/model/device';
import { parseUevent, UEVENT_BUFFER } from '../../src/monitor/uevent';
import { NameDatabase } from '../../src/names/database';
import type { Memory } from '../../src/sys/sys';
import {
  connectInfo,
  disconnectClaim,
  urb as layout,
  USBDEVFS_ALLOC_STREAMS,
  USBDEVFS_CAP_BULK_SCATTER_GATHER,
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_CONNECTINFO,
  USBDEVFS_DISCARDURB,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
  USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER,
  USBDEVFS_GET_SPEED,
  USBDEVFS_IOCTL,
  USBDEVFS_REAPURB,
  USBDEVFS_REAPURBNDELAY,
  USBDEVFS_RESETEP,
  USBDEVFS_SUBMITURB,
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_INTERRUPT,
  USBDEVFS_URB_TYPE_ISO,
  USBDEVFS_URB_ZERO_PACKET,
  wrappedIoctl,
} from '../../src/uapi/usbdevfs';
import { inspectUsb } from '../../src/usb/inspect/inspect';
import { type ControlSetup, Urb } from '../../src/usb/transfer/urb';
import {
  capabilities,
  claimInterface,
  connectDriver,
  disconnectDriver,
  driverOf,
  releaseInterface,
  setAlternateSetting,
  setConfiguration,
  USBFS_DRIVER,
} from '../../src/usb/usbfs';
import { reapUrb, submitUrb } from '../support/urbs';
import { errnoOf, makeSys, title, USB } from './target';

// The rules of drivers/usb/core/devio.c that a program meets seldom, or only by mistake.

const sys = makeSys();
const names = new NameDatabase(sys);

const EPIPE = -32;
const ENOENT = -2;
const EREMOTEIO = -121;
const ECONNRESET = -104;

function inspected(address: string): UsbDeviceInfo {
  const device = inspectUsb(sys, names, address);
  if (device === null) throw new Error(`${address} is not there`);
  return device;
}

function bulkEndpoints(address: string) {
  const setting = inspected(address).usb.interfaces.find(({ number, active }) => number === 0 && active);
  const of = (direction: 'in' | 'out') =>
    Number(setting?.endpoints.find((one) => one.direction === direction && one.type === 'bulk')?.address);
  return { in: of('in'), out: of('out') };
}

function word(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

let fds: number[] = [];
let urbs: Urb[] = [];
afterEach(() => {
  for (const fd of fds) sys.close(fd);
  for (const urb of urbs) urb.close();
  fds = [];
  urbs = [];
});

function open(address: string, { write = true } = {}): number {
  const fd = sys.open(inspected(address).node ?? '', { write });
  fds.push(fd);
  return fd;
}

function makeUrb(capacity: number, packets = 0): Urb {
  const urb = new Urb(sys, capacity, packets);
  urbs.push(urb);
  return urb;
}

function bulk(fd: number, endpoint: number, length: number, { flags = 0, fill = 0 } = {}): Urb {
  const urb = makeUrb(Math.max(length, 1));
  urb.data.fill(fill);
  urb.prepare(USBDEVFS_URB_TYPE_BULK, endpoint, length, flags);
  submitUrb(sys, fd, urb.header);
  return urb;
}

function control(fd: number, setup: ControlSetup, length: number): Urb {
  const urb = makeUrb(8 + length);
  urb.prepareControl(setup, length);
  submitUrb(sys, fd, urb.header);
  return urb;
}

/** The next URB that has completed, which is waited for. */
function reaped(fd: number): Urb | undefined {
  expect(sys.poll(fd, 5000, 'writable')).toBe('ready');
  const address = reapUrb(sys, fd);
  return urbs.find((urb) => urb.address === address);
}

function outcome(urb: Urb | undefined) {
  return { status: urb?.status, actual: urb?.actualLength };
}

function run(fd: number, endpoint: number, length: number, options = {}) {
  bulk(fd, endpoint, length, options);
  return outcome(reaped(fd));
}

function configured(value: number): number {
  const fd = open(USB.zero);
  if (inspected(USB.zero).usb.configuration !== value) setConfiguration(sys, fd, value);
  return fd;
}

const DESCRIPTOR = { bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 };

describe(title('what a node tells'), () => {
  test('the descriptors can be read, for which reading suffices', () => {
    const fd = open(USB.zero, { write: false });
    const all = sys.readFile(`/sys/bus/usb/devices/${USB.zero}/descriptors`);
    const buffer = Buffer.alloc(4096);
    expect(sys.read(fd, buffer.subarray(0, 18))).toBe(18);
    expect(sys.read(fd, buffer.subarray(18))).toBe(all.length - 18);
    expect(buffer.subarray(0, all.length)).toEqual(all);
    expect(sys.pread(fd, buffer.subarray(0, 4), 8)).toBe(4);
    expect(buffer.subarray(0, 4)).toEqual(all.subarray(8, 12));
    expect(sys.read(fd, buffer)).toBe(0);
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_REAPURBNDELAY, Buffer.alloc(8)))).toBe('EPERM');
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_GET_SPEED, 0))).toBe('EPERM');
  });

  test('speed, number and capabilities', () => {
    const fd = open(USB.zero);
    expect(sys.ioctl(fd, USBDEVFS_GET_SPEED, 0)).toBe(3);
    const info = Buffer.alloc(connectInfo.size, 0xff);
    sys.ioctl(fd, USBDEVFS_CONNECTINFO, info);
    expect(info.readUInt32LE(connectInfo.deviceNumber)).toBe(inspected(USB.zero).usb.device);
    expect(info.readUInt8(connectInfo.slow)).toBe(0);
    const all = USBDEVFS_CAP_NO_PACKET_SIZE_LIM | USBDEVFS_CAP_BULK_SCATTER_GATHER;
    expect((capabilities(sys, open(USB.disk)) ?? 0) & all).toBe(all);
  });

  test('no streams at high speed', () => {
    const streams = Buffer.alloc(9);
    streams.writeUInt32LE(16, 0);
    streams.writeUInt32LE(1, 4);
    streams.writeUInt8(0x81, 8);
    expect(errnoOf(() => sys.ioctl(configured(1), USBDEVFS_ALLOC_STREAMS, streams))).toBe('EINVAL');
  });
});

describe(title('addresses'), () => {
  test('an URB has to be in memory', () => {
    const fd = configured(1);
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_SUBMITURB, 4096))).toBe('EFAULT');
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_DISCARDURB, 4096))).toBe('EINVAL');
  });

  test('and so has what it sends, when it is submitted', () => {
    const fd = configured(1);
    claimInterface(sys, fd, 0);
    const urb = makeUrb(512);
    urb.prepare(USBDEVFS_URB_TYPE_BULK, bulkEndpoints(USB.zero).out, 512);
    urb.header.writeBigUInt64LE(4096n, layout.buffer);
    expect(errnoOf(() => submitUrb(sys, fd, urb.header))).toBe('EFAULT');
    expect(sys.poll(fd, 0, 'writable')).toBe('timeout');
  });

  test('what it receives goes there when it is reaped; where it cannot, the URB is reaped all the same', () => {
    const fd = configured(1);
    claimInterface(sys, fd, 0);
    const urb = makeUrb(512);
    urb.prepare(USBDEVFS_URB_TYPE_BULK, bulkEndpoints(USB.zero).in, 512);
    urb.header.writeBigUInt64LE(4096n, layout.buffer);
    submitUrb(sys, fd, urb.header);
    expect(sys.poll(fd, 5000, 'writable')).toBe('ready');
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_REAPURBNDELAY, Buffer.alloc(8)))).toBe('EFAULT');
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_REAPURBNDELAY, Buffer.alloc(8)))).toBe('EAGAIN');
  });
});

describe(title('claims'), () => {
  test('what is used without a claim is claimed', () => {
    const fd = configured(1);
    expect(run(fd, bulkEndpoints(USB.zero).in, 512)).toEqual({ status: 0, actual: 512 });
    expect(driverOf(sys, fd, 0)).toBe('usbfs');
    releaseInterface(sys, fd, 0);
    sys.ioctl(fd, USBDEVFS_CLEAR_HALT, word(bulkEndpoints(USB.zero).in));
    expect(driverOf(sys, fd, 0)).toBe('usbfs');
  });

  test('control requests: to an interface and its endpoints they need the claim, to the device and by vendors not', () => {
    const fd = configured(1);
    const disk = open(USB.disk);
    const { in: source } = bulkEndpoints(USB.disk);
    const refused = (setup: Partial<ControlSetup>) =>
      errnoOf(() => control(disk, { bmRequestType: 0x81, bRequest: 0, wValue: 0, wIndex: 0, ...setup }, 2));
    expect(refused({})).toBe('EBUSY');
    expect(refused({ bmRequestType: 0xa1 })).toBe('EBUSY');
    expect(refused({ bmRequestType: 0x82, wIndex: source })).toBe('EBUSY');
    // With the wrong direction it is taken for the right one.
    expect(refused({ bmRequestType: 0x82, wIndex: source ^ 0x80 })).toBe('EBUSY');
    expect(refused({ bmRequestType: 0x82, wIndex: 0x8f })).toBe('ENOENT');
    expect(refused({ wIndex: 9 })).toBe('ENOENT');
    control(disk, DESCRIPTOR, 18);
    expect(outcome(reaped(disk))).toEqual({ status: 0, actual: 18 });
    control(disk, { ...DESCRIPTOR, bmRequestType: 0xc1, bRequest: 0xee }, 4);
    expect(outcome(reaped(disk))).toEqual({ status: EPIPE, actual: 0 });
    control(fd, { bmRequestType: 0x81, bRequest: 0, wValue: 0, wIndex: 0 }, 2);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 2 });
    expect(driverOf(sys, fd, 0)).toBe('usbfs');
  });

  test('taking an interface from its driver, if it is the one that is meant', () => {
    const fd = open(USB.disk);
    const take = (flags: number, driver: string) => {
      const buffer = Buffer.alloc(disconnectClaim.size);
      buffer.writeUInt32LE(flags, disconnectClaim.flags);
      buffer.write(driver, disconnectClaim.driver);
      return sys.ioctl(fd, USBDEVFS_DISCONNECT_CLAIM, buffer);
    };
    expect(errnoOf(() => take(USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER, 'usbhid'))).toBe('EBUSY');
    expect(errnoOf(() => take(USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER, 'usb-storage'))).toBe('EBUSY');
    expect(driverOf(sys, fd, 0)).toBe('usb-storage');
    take(USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER, 'usb-storage');
    expect(driverOf(sys, fd, 0)).toBe('usbfs');
    releaseInterface(sys, fd, 0);
    expect(driverOf(sys, fd, 0)).toBeNull();
    expect(connectDriver(sys, fd, 0)).toBe(true);
    expect(driverOf(sys, fd, 0)).toBe('usb-storage');
  });

  test('whoever detaches usbfs takes the claim away', () => {
    const holder = configured(1);
    const other = open(USB.zero);
    claimInterface(sys, holder, 0);
    expect(disconnectDriver(sys, other, 0)).toBe(true);
    expect(errnoOf(() => releaseInterface(sys, holder, 0))).toBe('EINVAL');
    claimInterface(sys, other, 0);
    expect(errnoOf(() => claimInterface(sys, holder, 0))).toBe('EBUSY');
  });

  test('drivers answer no ioctls of others', () => {
    const buffer = Buffer.alloc(wrappedIoctl.size);
    buffer.writeInt32LE(0x5577, wrappedIoctl.request);
    expect(errnoOf(() => sys.ioctl(open(USB.disk), USBDEVFS_IOCTL, buffer))).toBe('ENOTTY');
  });

  test('of drivers the kernel tells, of claims not', () => {
    const socket = sys.ueventSocket(1);
    fds.push(socket);
    const fd = open(USB.disk);
    disconnectDriver(sys, fd, 0);
    claimInterface(sys, fd, 0);
    releaseInterface(sys, fd, 0);
    connectDriver(sys, fd, 0);
    const told: string[] = [];
    const buffer = Buffer.alloc(UEVENT_BUFFER);
    for (;;) {
      try {
        const { length, port, groups } = sys.receive(socket, buffer);
        expect({ port, groups }).toEqual({ port: 0, groups: 1 });
        const uevent = parseUevent(buffer.subarray(0, length));
        if (uevent?.subsystem === 'usb')
          told.push(`${uevent.action} ${uevent.name} ${uevent.properties.get('DRIVER') ?? '-'}`);
      } catch {
        break;
      }
    }
    expect(told).toEqual([`unbind ${USB.disk}:1.0 -`, `bind ${USB.disk}:1.0 usb-storage`]);
  });
});

describe(title('URBs'), () => {
  test('a waiting reap gives the URB that completes next', () => {
    const fd = configured(1);
    const urb = bulk(fd, bulkEndpoints(USB.zero).in, 4096);
    const pointer = Buffer.alloc(8);
    sys.ioctl(fd, USBDEVFS_REAPURB, pointer);
    expect(Number(pointer.readBigUInt64LE())).toBe(urb.address);
    expect(outcome(urb)).toEqual({ status: 0, actual: 4096 });
  });

  test('a completion is something to write for, never to read for', () => {
    const fd = configured(1);
    bulk(fd, bulkEndpoints(USB.zero).in, 512);
    expect(sys.poll(fd, 5000, 'writable')).toBe('ready');
    expect(sys.poll(fd, 0, 'readable')).toBe('timeout');
  });

  test('what is sent is taken at once', () => {
    const fd = configured(2);
    const { in: source, out: sink } = bulkEndpoints(USB.zero);
    const urb = bulk(fd, sink, 5, { fill: 0x61 });
    urb.data.fill(0x62);
    reaped(fd);
    const back = bulk(fd, source, 512);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 5 });
    expect(back.data.toString('latin1', 0, 5)).toBe('aaaaa');
  });

  test('one that must not be short', () => {
    const fd = configured(2);
    const { in: source, out: sink } = bulkEndpoints(USB.zero);
    run(fd, sink, 10);
    expect(run(fd, source, 512, { flags: USBDEVFS_URB_SHORT_NOT_OK })).toEqual({ status: EREMOTEIO, actual: 10 });
  });

  test('one that ends in an empty packet', () => {
    const fd = configured(2);
    const { in: source, out: sink } = bulkEndpoints(USB.zero);
    expect(run(fd, sink, 512, { flags: USBDEVFS_URB_ZERO_PACKET })).toEqual({ status: 0, actual: 512 });
    expect(run(fd, source, 4096)).toEqual({ status: 0, actual: 512 });
    expect(run(fd, sink, 0)).toEqual({ status: 0, actual: 0 });
    expect(run(fd, source, 512)).toEqual({ status: 0, actual: 0 });
  });

  test('continuations: what ends early ends all of them, until a new transfer begins', () => {
    const fd = configured(2);
    const { in: source, out: sink } = bulkEndpoints(USB.zero);
    const first = bulk(fd, source, 512, { flags: USBDEVFS_URB_SHORT_NOT_OK });
    const flags = USBDEVFS_URB_SHORT_NOT_OK | USBDEVFS_URB_BULK_CONTINUATION;
    const rest = [bulk(fd, source, 512, { flags }), bulk(fd, source, 512, { flags })];
    expect(sys.poll(fd, 20, 'writable')).toBe('timeout');
    bulk(fd, sink, 10);
    for (let i = 0; i < 4; i++) reaped(fd);
    expect(outcome(first)).toEqual({ status: EREMOTEIO, actual: 10 });
    expect(rest.map(outcome)).toEqual(rest.map(() => ({ status: ECONNRESET, actual: 0 })));
    expect(errnoOf(() => bulk(fd, source, 512, { flags }))).toBe('EREMOTEIO');
    run(fd, sink, 3);
    expect(run(fd, source, 512)).toEqual({ status: 0, actual: 3 });
  });

  test('choosing a setting ends what is in flight', () => {
    const fd = configured(2);
    claimInterface(sys, fd, 0);
    bulk(fd, bulkEndpoints(USB.zero).in, 512);
    setAlternateSetting(sys, fd, 0, 0);
    expect(outcome(reaped(fd))).toEqual({ status: ENOENT, actual: 0 });
  });

  test('several are discarded, the last one first', () => {
    const fd = configured(2);
    const many = [1, 2, 3].map(() => bulk(fd, bulkEndpoints(USB.zero).in, 512));
    for (const urb of [...many].reverse()) sys.ioctl(fd, USBDEVFS_DISCARDURB, urb.address);
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_DISCARDURB, many[0]?.address ?? 0))).toBe('EINVAL');
    expect(many.map(() => outcome(reaped(fd)))).toEqual(many.map(() => ({ status: ENOENT, actual: 0 })));
  });

  test('more than all of usbfs may hold is refused, and less is not', () => {
    const fd = configured(1);
    const { in: source } = bulkEndpoints(USB.zero);
    const limit = Number(sys.readFile('/sys/module/usbcore/parameters/usbfs_memory_mb').toString()) * 2 ** 20;
    expect(limit).toBe(16 * 2 ** 20);
    claimInterface(sys, fd, 0);
    expect(errnoOf(() => bulk(fd, source, limit))).toBe('ENOMEM');
    setConfigurationOf(fd, 2);
    const half = bulk(fd, source, limit / 2);
    expect(errnoOf(() => bulk(fd, source, limit / 2))).toBe('ENOMEM');
    sys.ioctl(fd, USBDEVFS_DISCARDURB, half.address);
    // Held until it is reaped.
    expect(errnoOf(() => bulk(fd, source, limit / 2))).toBe('ENOMEM');
    reaped(fd);
    bulk(fd, source, limit / 2);
  });

  describe('memory that usbfs lends', () => {
    const SIZE = 64 * 1024;

    function lentUrb(memory: Memory): Urb {
      const urb = new Urb(sys, SIZE, 0, memory);
      urbs.push(urb);
      return urb;
    }

    test('is zeroed, and has what came in, where it came in', () => {
      const fd = configured(1);
      claimInterface(sys, fd, 0);
      const memory = sys.allocateDma(fd, SIZE);
      const { bytes } = memory;
      expect(bytes.equals(Buffer.alloc(SIZE))).toBe(true);
      const urb = lentUrb(memory);
      bytes.fill(0x55);
      urb.prepare(USBDEVFS_URB_TYPE_BULK, bulkEndpoints(USB.zero).in, SIZE / 2);
      submitUrb(sys, fd, urb.header);
      expect(outcome(reaped(fd))).toEqual({ status: 0, actual: SIZE / 2 });
      expect(bytes.subarray(0, SIZE / 2).equals(Buffer.alloc(SIZE / 2))).toBe(true);
      expect(bytes.subarray(SIZE / 2).equals(Buffer.alloc(SIZE / 2, 0x55))).toBe(true);
    });

    test('goes out as it is', () => {
      const fd = configured(2);
      claimInterface(sys, fd, 0);
      const { in: source, out } = bulkEndpoints(USB.zero);
      const urb = lentUrb(sys.allocateDma(fd, SIZE));
      for (let i = 0; i < 1000; i++) urb.data[i] = i % 251;
      urb.prepare(USBDEVFS_URB_TYPE_BULK, out, 1000);
      submitUrb(sys, fd, urb.header);
      expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 1000 });
      const back = bulk(fd, source, 1000);
      expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 1000 });
      expect(back.data.subarray(0, 1000).equals(urb.data.subarray(0, 1000))).toBe(true);
    });

    test('nothing may reach past its end', () => {
      const fd = configured(1);
      claimInterface(sys, fd, 0);
      const urb = lentUrb(sys.allocateDma(fd, SIZE));
      urb.prepare(USBDEVFS_URB_TYPE_BULK, bulkEndpoints(USB.zero).in, SIZE);
      urb.header.writeBigUInt64LE(urb.header.readBigUInt64LE(layout.buffer) + 512n, layout.buffer);
      expect(errnoOf(() => submitUrb(sys, fd, urb.header))).toBe('EINVAL');
    });

    test('counts as soon as it is there, and not once more in an URB', () => {
      const fd = configured(1);
      claimInterface(sys, fd, 0);
      const { in: source } = bulkEndpoints(USB.zero);
      const areas = Array.from({ length: 7 }, () => sys.allocateDma(fd, 2 * 2 ** 20));
      expect(errnoOf(() => bulk(fd, source, 3 * 2 ** 20))).toBe('ENOMEM');
      expect(errnoOf(() => sys.allocateDma(fd, 3 * 2 ** 20))).toBe('ENOMEM');
      const [first] = areas as [Memory];
      const urb = lentUrb(first);
      urb.prepare(USBDEVFS_URB_TYPE_BULK, source, 2 * 2 ** 20);
      submitUrb(sys, fd, urb.header);
      expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 2 * 2 ** 20 });
      for (const area of areas) area.close();
      expect(run(fd, source, 3 * 2 ** 20)).toEqual({ status: 0, actual: 3 * 2 ** 20 });
    });

    test('keeps the node open, with its claims, until it is given back', () => {
      const [fd, other] = [configured(1), open(USB.zero)];
      claimInterface(sys, fd, 0);
      const memory = sys.allocateDma(fd, SIZE);
      fds = fds.filter((one) => one !== fd);
      sys.close(fd);
      memory.bytes.fill(1);
      expect(driverOf(sys, other, 0)).toBe(USBFS_DRIVER);
      memory.close();
      expect(driverOf(sys, other, 0)).toBeNull();
    });

    test('is for who may write', () => {
      const fd = open(USB.zero, { write: false });
      expect(errnoOf(() => sys.allocateDma(fd, SIZE))).toBe('EACCES');
    });

    test('and other drivers have none', () => {
      const fd = sys.open('/dev/vfio/vfio', { write: true });
      fds.push(fd);
      expect(errnoOf(() => sys.allocateDma(fd, SIZE))).toBe('ENODEV');
    });
  });

  /** Another configuration, for who has claimed the interface. */
  function setConfigurationOf(fd: number, value: number): void {
    releaseInterface(sys, fd, 0);
    setConfiguration(sys, fd, value);
    claimInterface(sys, fd, 0);
  }

  test('types have to fit the endpoint', () => {
    const fd = configured(1);
    claimInterface(sys, fd, 0);
    const { in: source } = bulkEndpoints(USB.zero);
    const refused = (type: number, endpoint: number, packets = 0) => {
      const urb = makeUrb(512, 4);
      urb.prepare(type, endpoint, 512);
      urb.header.writeInt32LE(packets, layout.numberOfPackets);
      return errnoOf(() => submitUrb(sys, fd, urb.header));
    };
    expect(refused(USBDEVFS_URB_TYPE_INTERRUPT, source)).toBe('EINVAL');
    expect(refused(USBDEVFS_URB_TYPE_CONTROL, source)).toBe('EINVAL');
    expect(refused(USBDEVFS_URB_TYPE_ISO, source, 1)).toBe('EINVAL');
    expect(refused(USBDEVFS_URB_TYPE_BULK, 0)).toBe('ENOENT');
    expect(refused(USBDEVFS_URB_TYPE_BULK, 0x91)).toBe('EINVAL');
    expect(refused(USBDEVFS_URB_TYPE_BULK, 0x8e)).toBe('ENOENT');
  });

  test('endpoints that are reset, and those that are not there', () => {
    const fd = configured(1);
    const { in: source } = bulkEndpoints(USB.zero);
    sys.ioctl(fd, USBDEVFS_RESETEP, word(source));
    sys.ioctl(fd, USBDEVFS_CLEAR_HALT, word(source));
    expect(run(fd, source, 512)).toEqual({ status: 0, actual: 512 });
    for (const request of [USBDEVFS_RESETEP, USBDEVFS_CLEAR_HALT]) {
      expect(errnoOf(() => sys.ioctl(fd, request, word(0x8f)))).toBe('ENOENT');
      expect(errnoOf(() => sys.ioctl(fd, request, word(0x10)))).toBe('EINVAL');
    }
  });

  test('without a configuration only the device itself can be asked', () => {
    const fd = configured(1);
    const { in: source } = bulkEndpoints(USB.zero);
    setConfiguration(sys, fd, 0);
    try {
      expect(inspected(USB.zero).usb.configuration).toBeNull();
      expect(errnoOf(() => claimInterface(sys, fd, 0))).toBe('ENOENT');
      expect(errnoOf(() => bulk(fd, source, 512))).toBe('ESRCH');
      expect(errnoOf(() => control(fd, { ...DESCRIPTOR, bmRequestType: 0x81 }, 2))).toBe('EHOSTUNREACH');
      expect(errnoOf(() => disconnectDriver(sys, fd, 0))).toBe('EHOSTUNREACH');
      control(fd, DESCRIPTOR, 18);
      expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 18 });
    } finally {
      setConfiguration(sys, fd, 1);
    }
    expect(inspected(USB.zero).usb.interfaces.map(({ number }) => number)).toContain(0);
  });
});

describe(title('alternate settings and isochronous transfers'), () => {
  const { address, interface: number } = USB.iso;
  const current = () => inspected(address).usb.interfaces.find((one) => one.number === number && one.active)?.alt;
  const endpoint = () => {
    const setting = inspected(address).usb.interfaces.find((one) => one.number === number && one.alt === 1);
    const found = setting?.endpoints.find(({ type, direction }) => type === 'isochronous' && direction === 'out');
    return { address: Number(found?.address), size: found?.maxPacketSize ?? 0 };
  };
  /** Open and claimed. */
  const claimed = () => {
    const fd = open(address);
    if (inspected(address).usb.configuration !== 1) setConfiguration(sys, fd, 1);
    disconnectDriver(sys, fd, number);
    claimInterface(sys, fd, number);
    return fd;
  };
  function iso(fd: number, packets: readonly number[]): Urb {
    const total = packets.reduce((sum, length) => sum + length, 0);
    const urb = makeUrb(Math.max(1, total), Math.max(1, packets.length));
    urb.prepareIso(endpoint().address, packets);
    submitUrb(sys, fd, urb.header);
    return urb;
  }

  test('a setting lasts as long as the claim', () => {
    const fd = claimed();
    setAlternateSetting(sys, fd, number, 1);
    expect(current()).toBe(1);
    releaseInterface(sys, fd, number);
    expect(current()).toBe(0);
  });

  test('an endpoint of another setting cannot be used', () => {
    const fd = claimed();
    expect(errnoOf(() => iso(fd, [1]))).toBe('ENOENT');
  });

  test('each packet has its own result', () => {
    const fd = claimed();
    setAlternateSetting(sys, fd, number, 1);
    const { size } = endpoint();
    // QEMU's sound card takes whole ones only.
    const lengths = [size, size, size];
    const urbs = [iso(fd, lengths), iso(fd, lengths)];
    for (const urb of urbs) {
      expect(reaped(fd)).toBe(urb);
      expect(outcome(urb)).toEqual({ status: 0, actual: 3 * size });
      expect(urb.isoPackets().map(({ status, actualLength }) => [status, actualLength])).toEqual(
        lengths.map((length) => [0, length]),
      );
      expect(urb.errorCount).toBe(0);
    }
  });

  test('packets that are too many, none, or too long', () => {
    const fd = claimed();
    setAlternateSetting(sys, fd, number, 1);
    const { size } = endpoint();
    expect(errnoOf(() => iso(fd, Array(129).fill(1)))).toBe('EINVAL');
    expect(errnoOf(() => iso(fd, []))).toBe('EINVAL');
    expect(errnoOf(() => iso(fd, [size + 1]))).toBe('EMSGSIZE');
    expect(errnoOf(() => iso(fd, [98_305]))).toBe('EINVAL');
  });

  test('one in flight can be discarded', () => {
    const fd = claimed();
    setAlternateSetting(sys, fd, number, 1);
    const { size } = endpoint();
    const urb = iso(fd, Array(128).fill(size));
    sys.ioctl(fd, USBDEVFS_DISCARDURB, urb.address);
    expect(reaped(fd)).toBe(urb);
    expect(urb.status).toBe(ENOENT);
    expect(errnoOf(() => sys.ioctl(fd, USBDEVFS_REAPURBNDELAY, Buffer.alloc(8)))).toBe('EAGAIN');
  });
});

describe(title('gadget zero'), () => {
  test('a sink that is sent something else than zeros halts', () => {
    const fd = configured(1);
    const { out: sink } = bulkEndpoints(USB.zero);
    expect(run(fd, sink, 512)).toEqual({ status: 0, actual: 512 });
    bulk(fd, sink, 100, { fill: 1 });
    reaped(fd);
    expect(run(fd, sink, 512)).toEqual({ status: EPIPE, actual: 0 });
    // The host's own reset of the endpoint does not help, that of both sides does.
    sys.ioctl(fd, USBDEVFS_CLEAR_HALT, word(sink));
    expect(run(fd, sink, 512)).toEqual({ status: 0, actual: 512 });
  });

  test('keeps what it is sent by a control request', () => {
    const fd = configured(1);
    const setup = { bmRequestType: 0x40, bRequest: 0x5b, wValue: 0, wIndex: 0 };
    const urb = makeUrb(8 + 5);
    urb.prepareControl(setup, 5);
    urb.controlData.write('hello');
    submitUrb(sys, fd, urb.header);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 5 });
    const back = control(fd, { ...setup, bmRequestType: 0xc0, bRequest: 0x5c }, 5);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 5 });
    expect(back.controlData.toString('latin1', 0, 5)).toBe('hello');
  });

  test('strings, and which it speaks', () => {
    const fd = configured(1);
    const string = (index: number, length = 255) => {
      const urb = control(fd, { ...DESCRIPTOR, wValue: 0x0300 + index, wIndex: index === 0 ? 0 : 0x0409 }, length);
      expect(reaped(fd)?.status).toBe(0);
      return urb.controlData.subarray(0, urb.actualLength);
    };
    expect(string(0).toString('hex')).toBe('04030904');
    const serial = sys.readFile(`/sys/bus/usb/devices/${USB.zero}/descriptors`).readUInt8(16);
    expect(string(serial).toString('utf16le', 2)).toBe('UDRV0003');
    expect(string(serial, 2).toString('hex')).toBe('1203');
  });
});

describe(title('a disk'), () => {
  const CBW = 31;
  const CSW = 13;

  /** Takes the disk from the kernel's driver, whose transfers in flight are then over. */
  function taken(): number {
    const fd = open(USB.disk);
    const buffer = Buffer.alloc(disconnectClaim.size);
    buffer.writeUInt32LE(USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER, disconnectClaim.flags);
    buffer.write('usbfs', disconnectClaim.driver);
    sys.ioctl(fd, USBDEVFS_DISCONNECT_CLAIM, buffer);
    return fd;
  }

  afterEach(() => {
    const fd = open(USB.disk);
    if (driverOf(sys, fd, 0) === null) expect(connectDriver(sys, fd, 0)).toBe(true);
  });

  function give(fd: number): void {
    releaseInterface(sys, fd, 0);
    expect(connectDriver(sys, fd, 0)).toBe(true);
  }

  /** One command of the bulk-only transport. */
  function command(fd: number, bytes: readonly number[], length: number) {
    const { in: source, out: sink } = bulkEndpoints(USB.disk);
    const wrapper = makeUrb(CBW);
    wrapper.data.write('USBC', 'latin1');
    wrapper.data.writeUInt32LE(7, 4);
    wrapper.data.writeUInt32LE(length, 8);
    wrapper.data.writeUInt8(0x80, 12);
    wrapper.data.writeUInt8(bytes.length, 14);
    Buffer.from(bytes).copy(wrapper.data, 15);
    wrapper.prepare(USBDEVFS_URB_TYPE_BULK, sink, CBW);
    submitUrb(sys, fd, wrapper.header);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: CBW });
    let data = Buffer.alloc(0);
    if (length > 0) {
      const urb = bulk(fd, source, length);
      expect(reaped(fd)?.status).toBe(0);
      data = Buffer.from(urb.data.subarray(0, urb.actualLength));
    }
    const status = bulk(fd, source, CSW);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: CSW });
    expect(status.data.toString('latin1', 0, 4)).toBe('USBS');
    expect(status.data.readUInt32LE(4)).toBe(7);
    return { data, status: status.data.readUInt8(12) };
  }

  test('says who it is, how large it is, and what is on it', () => {
    const fd = taken();
    const inquiry = command(fd, [0x12, 0, 0, 0, 36, 0], 36);
    expect(inquiry.status).toBe(0);
    expect(inquiry.data.toString('latin1', 8, 32)).toBe('QEMU    QEMU HARDDISK   ');
    expect(command(fd, [0x00, 0, 0, 0, 0, 0], 0).status).toBe(0);
    const capacity = command(fd, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8);
    expect([capacity.data.readUInt32BE(0), capacity.data.readUInt32BE(4)]).toEqual([16 * 2048 - 1, 512]);
    const read = command(fd, [0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], 1024);
    expect(read).toEqual({ data: Buffer.alloc(1024), status: 0 });
    give(fd);
  });

  test('what it does not know fails, and it says why', () => {
    const fd = taken();
    expect(command(fd, [0xdf, 0, 0, 0, 0, 0], 0).status).toBe(1);
    const sense = command(fd, [0x03, 0, 0, 0, 18, 0], 18);
    expect(sense.status).toBe(0);
    expect([sense.data.readUInt8(2) & 0xf, sense.data.readUInt8(12)]).toEqual([5, 0x20]);
    give(fd);
  });

  test('what is no command is a stall, which a reset of the transport ends', () => {
    const fd = taken();
    const { out: sink } = bulkEndpoints(USB.disk);
    expect(run(fd, sink, CBW, { fill: 0x55 })).toMatchObject({ status: EPIPE });
    control(fd, { bmRequestType: 0x21, bRequest: 0xff, wValue: 0, wIndex: 0 }, 0);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 0 });
    sys.ioctl(fd, USBDEVFS_CLEAR_HALT, word(sink));
    expect(command(fd, [0x12, 0, 0, 0, 36, 0], 36).data.toString('latin1', 8, 12)).toBe('QEMU');
    give(fd);
  });

  test('a disk has one unit', () => {
    const fd = taken();
    const urb = control(fd, { bmRequestType: 0xa1, bRequest: 0xfe, wValue: 0, wIndex: 0 }, 1);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 1 });
    expect(urb.controlData.readUInt8()).toBe(0);
    give(fd);
  });
});

describe(title('a hub'), () => {
  test('its descriptor and its ports are asked for without a claim', () => {
    const fd = open(USB.hub);
    expect(driverOf(sys, fd, 0)).toBe('hub');
    const descriptor = control(fd, { bmRequestType: 0xa0, bRequest: 6, wValue: 0x2900, wIndex: 0 }, 64);
    expect(reaped(fd)?.status).toBe(0);
    const data = descriptor.controlData;
    expect([data.readUInt8(0), data.readUInt8(1), data.readUInt8(2)]).toEqual([descriptor.actualLength, 0x29, 8]);
    const port = (number: number) => {
      const urb = control(fd, { bmRequestType: 0xa3, bRequest: 0, wValue: 0, wIndex: number }, 4);
      reaped(fd);
      return urb.status === 0 ? urb.controlData.readUInt16LE(0) : urb.status;
    };
    // Connected, enabled, powered; a port with nothing in it; none.
    expect(port(1) & 0x103).toBe(0x103);
    expect(port(8) & 0x103).toBe(0x100);
    expect(port(9)).toBe(EPIPE);
  });
});

describe(title('a keyboard'), () => {
  test('nobody presses a key: nothing comes from an interrupt endpoint, whichever type is asked for', () => {
    const fd = open(USB.keyboard);
    disconnectDriver(sys, fd, 0);
    claimInterface(sys, fd, 0);
    for (const type of [USBDEVFS_URB_TYPE_INTERRUPT, USBDEVFS_URB_TYPE_BULK]) {
      const urb = makeUrb(8);
      urb.prepare(type, 0x81, 8);
      submitUrb(sys, fd, urb.header);
      expect(sys.poll(fd, 30, 'writable')).toBe('timeout');
      sys.ioctl(fd, USBDEVFS_DISCARDURB, urb.address);
      expect(outcome(reaped(fd))).toEqual({ status: ENOENT, actual: 0 });
    }
    const report = control(fd, { bmRequestType: 0x81, bRequest: 6, wValue: 0x2200, wIndex: 0 }, 255);
    expect(outcome(reaped(fd))).toEqual({ status: 0, actual: 0x3f });
    expect(report.controlData.toString('hex', 0, 4)).toBe('05010906');
    releaseInterface(sys, fd, 0);
    expect(connectDriver(sys, fd, 0)).toBe(true);
    expect(driverOf(sys, fd, 0)).toBe('usbhid');
  });
});
