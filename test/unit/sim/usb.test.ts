// The controls of the simulated USB devices, and what their kernel makes of them. Behaviour that real kernels share is
// tested in test/conformance/usbfs.test.ts.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import {
  isoPacket,
  urb as layout,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_INTERRUPT,
} from '../../../src/uapi/usbdevfs';
import { Urb } from '../../../src/usb/transfer/urb';
import {
  claimInterface,
  clearHalt,
  connectDriver,
  disconnectDriver,
  driverOf,
  releaseInterface,
  setAlternateSetting,
  setConfiguration,
} from '../../../src/usb/usbfs';
import { errnoOf } from '../../conformance/target';
import { reapUrb, submitUrb } from '../../support/urbs';

const ZERO = '/dev/bus/usb/001/003';
const KEYBOARD = '/dev/bus/usb/001/005';
const DISK = '/dev/bus/usb/001/002';
const SOURCE = 0x81;
const SINK = 0x01;
const DEVICES = '/sys/bus/usb/devices';

let machine: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  machine = simulatedMachine();
  ({ sys } = machine);
});

const open = (node: string) => sys.open(node, { write: true });
const exists = (path: string) => sys.access(path) !== null;
const attribute = (path: string) => sys.readFile(path).toString().trim();

function submit(fd: number, endpoint: number, length: number, { type = USBDEVFS_URB_TYPE_BULK, fill = 0 } = {}): Urb {
  const urb = new Urb(sys, Math.max(1, length));
  urb.data.fill(fill);
  urb.prepare(type, endpoint, length);
  submitUrb(sys, fd, urb.header);
  return urb;
}

function outcome(fd: number, urb: Urb) {
  expect(sys.poll(fd, 1000, 'writable')).toBe('ready');
  expect(reapUrb(sys, fd)).toBe(urb.address);
  return { status: urb.status, actual: urb.actualLength };
}

/** Listens to the kernel's events; each call of the result lists those since the last call: `add 1-2`. */
function listen() {
  const fd = sys.ueventSocket(1);
  const buffer = Buffer.alloc(8192);
  return (): string[] => {
    const told: string[] = [];
    for (;;) {
      try {
        const { length } = sys.receive(fd, buffer);
        const [head = ''] = buffer.toString('latin1', 0, length).split('\0');
        told.push(head.replace(/@.*\//, ' '));
      } catch {
        return told;
      }
    }
  };
}

describe('endpoints that misbehave', () => {
  test('one that stalls does so until its halt is cleared', () => {
    const fd = open(ZERO);
    machine.controls.stall('1-2', SOURCE);
    for (let i = 0; i < 2; i++) expect(outcome(fd, submit(fd, SOURCE, 512))).toEqual({ status: -32, actual: 0 });
    clearHalt(sys, fd, SOURCE);
    expect(outcome(fd, submit(fd, SOURCE, 512))).toEqual({ status: 0, actual: 512 });
  });

  test('one that hangs answers when it is let', () => {
    const fd = open(ZERO);
    machine.controls.hang('1-2', SOURCE);
    const urb = submit(fd, SOURCE, 512);
    expect(sys.poll(fd, 10, 'writable')).toBe('timeout');
    machine.controls.hang('1-2', SOURCE, false);
    expect(outcome(fd, urb)).toEqual({ status: 0, actual: 512 });
  });

  test('the control endpoint may hang too', () => {
    const fd = open(ZERO);
    machine.controls.hang('1-2', 0);
    const urb = new Urb(sys, 26);
    urb.prepareControl({ bmRequestType: 0x80, bRequest: 6, wValue: 0x100, wIndex: 0 }, 18);
    submitUrb(sys, fd, urb.header);
    expect(sys.poll(fd, 10, 'writable')).toBe('timeout');
    machine.controls.hang('1-2', 0, false);
    expect(outcome(fd, urb)).toEqual({ status: 0, actual: 18 });
  });

  test('one that babbles, once', () => {
    const fd = open(ZERO);
    machine.controls.babble('1-2', SOURCE);
    expect(outcome(fd, submit(fd, SOURCE, 512))).toEqual({ status: -75, actual: 512 });
    expect(outcome(fd, submit(fd, SOURCE, 512))).toEqual({ status: 0, actual: 512 });
  });

  test('a pattern that counts, and a sink that wants it', () => {
    const fd = open(ZERO);
    machine.controls.setPattern('1-2', 1);
    const urb = submit(fd, SOURCE, 1024);
    outcome(fd, urb);
    const pattern = Buffer.from(Array.from({ length: 1024 }, (_, i) => (i % 512) % 63));
    expect(urb.data.subarray(0, 1024).equals(pattern)).toBe(true);
    outcome(fd, submit(fd, SINK, 100));
    expect(outcome(fd, submit(fd, SINK, 100))).toEqual({ status: -32, actual: 0 });
    machine.controls.setPattern('1-2', 2);
    clearHalt(sys, fd, SINK);
    outcome(fd, submit(fd, SINK, 100, { fill: 9 }));
    expect(outcome(fd, submit(fd, SINK, 100))).toEqual({ status: 0, actual: 100 });
  });
});

describe('isochronous transfers', () => {
  test('each packet has its place and its length', () => {
    const fd = open(ZERO);
    claimInterface(sys, fd, 0);
    const urb = new Urb(sys, 3000, 4);
    urb.prepareIso(0x82, [1000, 1000, 1000]);
    expect(errnoOf(() => submitUrb(sys, fd, urb.header))).toBe('ENOENT');
    setAlternateSetting(sys, fd, 0, 1);
    urb.data.fill(0xaa);
    submitUrb(sys, fd, urb.header);
    expect(outcome(fd, urb)).toEqual({ status: 0, actual: 3000 });
    expect(urb.errorCount).toBe(0);
    expect(urb.isoPackets().map(({ status, offset, actualLength }) => [status, offset, actualLength])).toEqual([
      [0, 0, 1000],
      [0, 1000, 1000],
      [0, 2000, 1000],
    ]);
    expect(urb.data.subarray(0, 3000).every((byte) => byte === 0)).toBe(true);
  });

  test('what no packet may be', () => {
    const fd = open(ZERO);
    claimInterface(sys, fd, 0);
    setAlternateSetting(sys, fd, 0, 1);
    const refused = (packets: number[], change = (_: Urb) => {}) => {
      const urb = new Urb(sys, 4096, 200);
      urb.prepareIso(0x82, packets);
      change(urb);
      return errnoOf(() => submitUrb(sys, fd, urb.header));
    };
    expect(refused([1025])).toBe('EMSGSIZE');
    expect(refused([])).toBe('EINVAL');
    expect(refused(Array(129).fill(1))).toBe('EINVAL');
    const huge = (urb: Urb) => urb.header.writeUInt32LE(98_305, layout.packets + isoPacket.length);
    expect(refused([1], huge)).toBe('EINVAL');
  });
});

describe('unplugged', () => {
  test('what is in flight ends, is reaped, and then nothing is left', () => {
    const fd = open(ZERO);
    setConfiguration(sys, fd, 2);
    const urb = submit(fd, SOURCE, 512);
    machine.controls.unplug('1-2');
    expect(outcome(fd, urb)).toEqual({ status: -108, actual: 0 });
    expect(errnoOf(() => reapUrb(sys, fd))).toBe('ENODEV');
    expect(errnoOf(() => submit(fd, SOURCE, 512))).toBe('ENODEV');
    expect(errnoOf(() => claimInterface(sys, fd, 0))).toBe('ENODEV');
    expect(errnoOf(() => sys.pread(fd, Buffer.alloc(18), 0))).toBe('ENODEV');
    for (const event of ['readable', 'writable'] as const) expect(sys.poll(fd, 0, event)).toBe('ready');
    sys.close(fd);
    expect(exists(ZERO)).toBe(false);
    expect(exists(`${DEVICES}/1-2`)).toBe(false);
    expect(exists(`${DEVICES}/1-2:1.0`)).toBe(false);
    expect(exists('/sys/devices/pci0000:00/0000:00:07.0/usb1/1-0:1.0/usb1-port2/device')).toBe(false);
  });

  test('a waiting event loop is woken', async () => {
    const fd = open(ZERO);
    setConfiguration(sys, fd, 2);
    submit(fd, SOURCE, 512);
    const woken = new Promise<void>((resolve) => {
      const watch = sys.watch(
        fd,
        () => {
          watch.close();
          resolve();
        },
        'writable',
      );
    });
    machine.controls.unplug('1-2');
    await woken;
  });

  test('plugged in again it is another device, with its driver and all that this makes', () => {
    const told = listen();
    machine.controls.unplug('1-4');
    expect(exists('/dev/sda')).toBe(false);
    expect(exists('/sys/class/block/sda')).toBe(false);
    expect(told()).toEqual(['unbind 1-4:1.0', 'remove 1-4:1.0', 'unbind 1-4', 'remove 1-4']);
    expect(() => machine.controls.unplug('1-4')).toThrow(RangeError);
    machine.controls.plug('1-4');
    expect(told()).toEqual(['add 1-4', 'add 1-4:1.0', 'bind 1-4:1.0', 'bind 1-4']);
    expect(() => machine.controls.plug('1-4')).toThrow(RangeError);
    expect(exists(DISK)).toBe(false);
    expect(attribute(`${DEVICES}/1-4/devnum`)).toBe('6');
    expect(attribute(`${DEVICES}/1-4/dev`)).toBe('189:5');
    expect(sys.readLink(`${DEVICES}/1-4:1.0/driver`)).toMatch(/\/usb-storage$/);
    expect(attribute('/sys/class/block/sda/size')).toBe('32768');
    expect(sys.access('/dev/sda')).toBe('rw');
    const fd = open('/dev/bus/usb/001/006');
    expect(driverOf(sys, fd, 0)).toBe('usb-storage');
  });

  test('a hub takes along what hangs on it, and brings it back but for what was pulled out', () => {
    const told = listen();
    machine.controls.unplug('1-3');
    expect(told().filter((line) => line.startsWith('remove'))).toEqual([
      'remove 1-3.1:1.0',
      'remove 1-3.1',
      'remove 1-3:1.0',
      'remove 1-3',
    ]);
    machine.controls.plug('1-3');
    expect(told().filter((line) => line.startsWith('add'))).toEqual([
      'add 1-3',
      'add 1-3:1.0',
      'add 1-3.1',
      'add 1-3.1:1.0',
    ]);
    expect(exists('/sys/devices/pci0000:00/0000:00:07.0/usb1/1-3/1-3:1.0/1-3-port1/device')).toBe(true);
    machine.controls.unplug('1-3.1');
    machine.controls.unplug('1-3');
    machine.controls.plug('1-3');
    expect(exists(`${DEVICES}/1-3.1`)).toBe(false);
    machine.controls.plug('1-3.1');
    expect(exists(`${DEVICES}/1-3.1:1.0/driver`)).toBe(true);
  });

  test('with the host controller everything on its buses goes', () => {
    const fd = open(ZERO);
    machine.controls.unplug('0000:00:07.0');
    expect(errnoOf(() => claimInterface(sys, fd, 0))).toBe('ENODEV');
    expect(sys.readDir(DEVICES)).toEqual(['3-0:1.0', '3-1', '3-1:1.0', 'usb3']);
  });
});

describe('drivers', () => {
  test('come and go by sysfs, and tell', () => {
    const told = listen();
    sys.writeFile('/sys/bus/usb/drivers/usb-storage/unbind', '1-4:1.0');
    expect(exists('/dev/sda')).toBe(false);
    expect(errnoOf(() => sys.writeFile('/sys/bus/usb/drivers/usbhid/bind', '1-4:1.0'))).toBe('ENODEV');
    sys.writeFile('/sys/bus/usb/drivers/usb-storage/bind', '1-4:1.0\n');
    expect(exists('/dev/sda')).toBe(true);
    expect(told()).toEqual(['unbind 1-4:1.0', 'bind 1-4:1.0']);
    expect(errnoOf(() => sys.writeFile('/sys/bus/usb/drivers/usb-storage/bind', '1-4:1.0'))).toBe('EBUSY');
    sys.writeFile('/sys/bus/usb/drivers/usb-storage/unbind', '1-4:1.0');
    sys.writeFile('/sys/bus/usb/drivers_probe', '1-4:1.0');
    expect(exists('/dev/sda')).toBe(true);
  });

  test('that of the host controller takes the buses along and brings them back, with numbers as at boot', () => {
    const driver = '/sys/bus/pci/drivers/xhci_hcd';
    const seen = () =>
      sys.readDir(DEVICES).filter((name) => sys.readLink(`${DEVICES}/${name}`).includes('/0000:00:07.0/'));
    const numberOf = (name: string) => (name.includes(':') ? '' : attribute(`${DEVICES}/${name}/devnum`));
    const numbers = () => new Map(seen().map((name) => [name, numberOf(name)]));
    const before = numbers();
    const fd = open(ZERO);
    sys.writeFile(`${driver}/unbind`, '0000:00:07.0');
    expect(seen()).toEqual([]);
    expect(exists('/sys/class/block/sda')).toBe(false);
    expect(errnoOf(() => driverOf(sys, fd, 0))).toBe('ENODEV');
    sys.writeFile(`${driver}/bind`, '0000:00:07.0');
    expect(numbers()).toEqual(before);
    expect(exists('/sys/class/block/sda')).toBe(true);
  });

  test('a hub without its driver has nothing in its ports', () => {
    sys.writeFile('/sys/bus/usb/drivers/hub/unbind', '1-3:1.0');
    expect(exists(`${DEVICES}/1-3.1`)).toBe(false);
    sys.writeFile('/sys/bus/usb/drivers/hub/bind', '1-3:1.0');
    expect(attribute(`${DEVICES}/1-3.1/devnum`)).toBe('6');
  });

  test('another configuration has other interfaces', () => {
    const told = listen();
    sys.writeFile(`${DEVICES}/1-2/bConfigurationValue`, '2');
    expect(told()).toEqual(['remove 1-2:1.0', 'add 1-2:2.0']);
    expect(sys.readDir(DEVICES).filter((name) => name.startsWith('1-2:'))).toEqual(['1-2:2.0']);
    expect(attribute(`${DEVICES}/1-2:2.0/bNumEndpoints`)).toBe('02');
    expect(attribute(`${DEVICES}/1-2/configuration`)).toBe('loop input to output');
    sys.writeFile(`${DEVICES}/1-2/bConfigurationValue`, '0');
    expect(sys.readFile(`${DEVICES}/1-2/bConfigurationValue`).length).toBe(0);
    expect(errnoOf(() => sys.writeFile(`${DEVICES}/1-2/bConfigurationValue`, '7'))).toBe('EINVAL');
    sys.writeFile(`${DEVICES}/1-2/bConfigurationValue`, '1');
    expect(attribute(`${DEVICES}/1-2:1.0/uevent`)).toContain('INTERFACE=255/0/0');
  });

  test('another setting has other endpoints', () => {
    const fd = open(ZERO);
    claimInterface(sys, fd, 0);
    setAlternateSetting(sys, fd, 0, 1);
    expect(attribute(`${DEVICES}/1-2:1.0/bAlternateSetting`)).toBe('1');
    expect(attribute(`${DEVICES}/1-2:1.0/ep_82/type`)).toBe('Isoc');
    setAlternateSetting(sys, fd, 0, 0);
    expect(exists(`${DEVICES}/1-2:1.0/ep_82`)).toBe(false);
  });
});

describe('a keyboard', () => {
  test('gives its reports to who has the interface', () => {
    const fd = open(KEYBOARD);
    machine.controls.key('1-3.1', 0x04);
    disconnectDriver(sys, fd, 0);
    claimInterface(sys, fd, 0);
    const urb = submit(fd, SOURCE, 8, { type: USBDEVFS_URB_TYPE_INTERRUPT });
    expect(sys.poll(fd, 10, 'writable')).toBe('timeout');
    machine.controls.key('1-3.1', 0x04, 0x05);
    machine.controls.key('1-3.1');
    expect(outcome(fd, urb)).toEqual({ status: 0, actual: 8 });
    expect(urb.data.toString('hex', 0, 8)).toBe('0000040500000000');
    const released = submit(fd, SOURCE, 8, { type: USBDEVFS_URB_TYPE_INTERRUPT });
    outcome(fd, released);
    expect(released.data.toString('hex', 0, 8)).toBe('0000000000000000');
    releaseInterface(sys, fd, 0);
    expect(connectDriver(sys, fd, 0)).toBe(true);
  });

  test('and nothing else is a keyboard', () => {
    expect(() => machine.controls.key('1-2', 4)).toThrow(RangeError);
    expect(() => machine.controls.setPattern('1-3.1', 1)).toThrow(RangeError);
    expect(() => machine.controls.stall('9-9', 1)).toThrow(RangeError);
  });
});

test('an URB that is not in memory of its own is none: the kernel would write to it later', () => {
  const fd = open(ZERO);
  expect(errnoOf(() => submitUrb(sys, fd, Buffer.alloc(layout.size)))).toBe('EFAULT');
});

test('the limit of usbfs_memory_mb counts what others have in flight too', () => {
  const [first, second] = [open(ZERO), open(KEYBOARD)];
  setConfiguration(sys, first, 2);
  const urbs = [0, 1, 2].map(() => submit(first, SOURCE, 5 * 2 ** 20));
  disconnectDriver(sys, second, 0);
  expect(errnoOf(() => submit(second, SOURCE, 2 * 2 ** 20, { type: USBDEVFS_URB_TYPE_INTERRUPT }))).toBe('ENOMEM');
  expect(urbs).toHaveLength(3);
  sys.close(first);
  submit(second, SOURCE, 2 * 2 ** 20, { type: USBDEVFS_URB_TYPE_INTERRUPT });
});
