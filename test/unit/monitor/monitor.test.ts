// The monitor on the simulated machine: what is told, and what it makes of sockets that tell nothing or not all.
import { Exit, SysError, UdrvError } from '../../../src/errors';
import type { Framework } from '../../../src/model/device';
import type { DeviceEvent } from '../../../src/monitor/event';
import { type MonitorStart, monitorDevices } from '../../../src/monitor/monitor';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import type { Datagram, Sys } from '../../../src/sys/sys';
import { claimInterface, disconnectDriver } from '../../../src/usb/usbfs';

const UNBIND = '/sys/bus/usb/drivers/usb-storage/unbind';
const BIND = '/sys/bus/usb/drivers/usb-storage/bind';

let machine: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  machine = simulatedMachine();
  ({ sys } = machine);
});

const inShort = (event: DeviceEvent) => `${event.action} ${event.interface ?? event.address} ${event.driver ?? '-'}`;

interface Run {
  events: DeviceEvent[];
  start: MonitorStart | undefined;
}

/**
 * Monitors while `act` does something to the machine, and until there are `count` events.
 *
 * @param on another view of the machine
 */
async function monitored(
  act: () => void,
  count: number,
  { type, on = sys }: { type?: Framework; on?: Sys } = {},
): Promise<Run> {
  const run: Run = { events: [], start: undefined };
  const onStart = (start: MonitorStart) => {
    run.start = start;
    setImmediate(act);
  };
  for await (const event of monitorDevices(on, { type, onStart, timeoutMs: 5000 })) {
    run.events.push(event);
    if (run.events.length === count) break;
  }
  return run;
}

/** The machine, with some calls of it changed. */
function view(changes: Partial<Sys>): Sys {
  return new Proxy(sys as Sys, {
    get: (target, key: keyof Sys) => {
      const value = changes[key] ?? target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('what is told', () => {
  test('a USB device that goes, and what it was; it comes again', async () => {
    const { events, start } = await monitored(() => {
      machine.controls.unplug('1-4');
      machine.controls.plug('1-4');
    }, 4);
    expect(start?.listening).toBe(true);
    expect(start?.devices).toBeGreaterThan(15);
    expect(events.map(inShort)).toEqual([
      'unbind 1-4:1.0 usb-storage',
      'remove 1-4 -',
      'add 1-4 -',
      'bind 1-4:1.0 usb-storage',
    ]);
    expect(events[1]).toEqual({
      time: expect.any(Date),
      action: 'remove',
      framework: 'usb',
      address: '1-4',
      interface: null,
      vendorId: '46f4',
      deviceId: '0001',
      driver: null,
      node: '/dev/bus/usb/001/002',
      access: 'rw',
      name: 'QEMU USB HARDDRIVE',
    });
    expect(events[3]).toMatchObject({ node: '/dev/bus/usb/001/006', access: 'rw' });
  });

  test('gone again before anybody looked: what the messages say', async () => {
    const { events } = await monitored(() => {
      for (let i = 0; i < 2; i++) {
        machine.controls.unplug('1-2');
        machine.controls.plug('1-2');
      }
      machine.controls.unplug('1-2');
    }, 5);
    expect(events.map(inShort)).toEqual(['remove 1-2 -', 'add 1-2 -', 'remove 1-2 -', 'add 1-2 -', 'remove 1-2 -']);
    expect(events.map(({ node }) => node?.slice(-3))).toEqual(['003', '006', '006', '007', '007']);
    for (const { vendorId, deviceId } of events) expect([vendorId, deviceId]).toEqual(['0525', 'a4a0']);
    expect(events[1]).toMatchObject({ access: null, name: '1-2' });
  });

  test('a UIO device and its PCI function, which are two', async () => {
    const driver = '/sys/bus/pci/drivers/uio_pci_generic';
    const { events } = await monitored(() => {
      sys.writeFile(`${driver}/unbind`, '0000:00:04.0');
      sys.writeFile(`${driver}/bind`, '0000:00:04.0');
    }, 4);
    expect(events.map((event) => `${event.framework} ${inShort(event)}`)).toEqual([
      'uio remove uio0 uio_pci_generic',
      'pci unbind 0000:00:04.0 uio_pci_generic',
      'uio add uio0 uio_pci_generic',
      'pci bind 0000:00:04.0 uio_pci_generic',
    ]);
    expect(events[2]).toMatchObject({ vendorId: '1234', deviceId: '11e8', node: '/dev/uio0', access: 'rw' });
  });

  test('a VFIO driver leaves a function and takes it again', async () => {
    const driver = '/sys/bus/pci/drivers/vfio-pci';
    const act = () => {
      sys.writeFile(`${driver}/unbind`, '0000:00:03.0');
      sys.writeFile(`${driver}/bind`, '0000:00:03.0');
    };
    const { events } = await monitored(act, 2, { type: 'vfio' });
    expect(events.map(inShort)).toEqual(['unbind 0000:00:03.0 vfio-pci', 'bind 0000:00:03.0 vfio-pci']);
    for (const event of events)
      expect(event).toMatchObject({ framework: 'vfio', node: '/dev/vfio/devices/vfio0', access: 'rw' });
  });

  test('a PCI function that is pulled out', async () => {
    const { events } = await monitored(() => machine.controls.unplug('0000:00:04.0'), 3);
    expect(events.map(inShort)).toEqual([
      'remove uio0 uio_pci_generic',
      'unbind 0000:00:04.0 uio_pci_generic',
      'remove 0000:00:04.0 -',
    ]);
  });

  test.each<[Framework, string[]]>([
    ['uio', ['remove uio0 uio_pci_generic']],
    ['pci', ['unbind 0000:00:04.0 uio_pci_generic', 'remove 0000:00:04.0 -']],
    ['usb', ['remove 1-2 -']],
  ])('only of one framework: %s', async (type, expected) => {
    const act = () => {
      machine.controls.unplug('0000:00:04.0');
      machine.controls.unplug('1-2');
    };
    expect((await monitored(act, expected.length, { type })).events.map(inShort)).toEqual(expected);
  });

  test('messages that do not come from the kernel are not heard', async () => {
    const forged = view({
      receive: (fd, buffer) => {
        const datagram = sys.receive(fd, buffer);
        // Messages about 1-4 come from somebody else.
        return buffer.includes('1-4') ? { ...datagram, port: 4711 } : datagram;
      },
    });
    const act = () => {
      machine.controls.unplug('1-4');
      machine.controls.unplug('1-2');
    };
    const { events } = await monitored(act, 1, { on: forged, type: 'usb' });
    expect(events.map(inShort)).toEqual(['remove 1-2 -']);
  });
});

describe('a node comes after its device', () => {
  test('and is waited for', async () => {
    let asked = 0;
    const late = view({
      access: (path) => (path === '/dev/bus/usb/001/006' && ++asked < 3 ? 'none' : sys.access(path)),
    });
    const act = () => {
      machine.controls.unplug('1-2');
      machine.controls.plug('1-2');
    };
    const { events } = await monitored(act, 2, { on: late });
    expect(events[1]).toMatchObject({ action: 'add', node: '/dev/bus/usb/001/006', access: 'rw' });
    expect(asked).toBe(3);
  });

  test('but not for ever', async () => {
    const closed = view({ access: (path) => (path === '/dev/bus/usb/001/006' ? 'none' : sys.access(path)) });
    const act = () => {
      machine.controls.unplug('1-2');
      machine.controls.plug('1-2');
    };
    const { events } = await monitored(act, 2, { on: closed });
    expect(events[1]).toMatchObject({ action: 'add', access: 'none' });
  });

  test('nor longer than udev works on it', async () => {
    let asked = 0;
    const done = view({
      access: (path) => {
        if (path === '/run/udev/control' || path === '/run/udev/data/c189:5') return 'r';
        if (path !== '/dev/bus/usb/001/006') return sys.access(path);
        asked++;
        return 'none';
      },
    });
    const act = () => {
      machine.controls.unplug('1-2');
      machine.controls.plug('1-2');
    };
    const { events } = await monitored(act, 2, { on: done });
    expect(events[1]).toMatchObject({ action: 'add', access: 'none' });
    // With the device, and once more.
    expect(asked).toBe(2);
  });
});

describe('where not all is heard, it looks', () => {
  const differences = [
    'remove 1-2 -',
    'add 1-2 -',
    'unbind 1-4:1.0 usb-storage',
    'bind 1-3.1:1.0 usbfs',
    'change 1-3 hub',
  ];
  /** Changes of all kinds. */
  const act = () => {
    machine.controls.unplug('1-2');
    machine.controls.plug('1-2');
    sys.writeFile(UNBIND, '1-4:1.0');
    const fd = sys.open('/dev/bus/usb/001/005', { write: true });
    disconnectDriver(sys, fd, 0);
    claimInterface(sys, fd, 0);
    machine.controls.setAccess('/dev/bus/usb/001/004', 'r');
  };
  const sorted = (events: DeviceEvent[]) =>
    events
      .map(inShort)
      .filter((line) => line !== 'unbind 1-3.1:1.0 usbhid')
      .sort();

  test('no socket is to be had', async () => {
    machine.controls.fail('ueventSocket', 'uevents', 'EPERM');
    const { events, start } = await monitored(act, 6, { type: 'usb' });
    expect(start?.listening).toBe(false);
    expect(sorted(events)).toEqual([...differences].sort());
    expect(events.find(({ action }) => action === 'change')).toMatchObject({ address: '1-3', access: 'r' });
  });

  test('the socket hears nothing', async () => {
    const deaf = view({ ueventSocket: () => sys.ueventSocket(0) });
    const { events, start } = await monitored(act, 6, { type: 'usb', on: deaf });
    expect(start?.listening).toBe(true);
    expect(sorted(events)).toEqual([...differences].sort());
  });

  test('the kernel had no room for all of it', async () => {
    const storm = () => {
      for (let i = 0; i < 300; i++) {
        sys.writeFile(UNBIND, '1-4:1.0');
        sys.writeFile(BIND, '1-4:1.0');
      }
      machine.controls.unplug('1-2');
      sys.writeFile(UNBIND, '1-4:1.0');
    };
    const run = await monitored(storm, 258, { type: 'usb' });
    const lines = run.events.map(inShort);
    expect(lines.slice(-2)).toEqual(['remove 1-2 -', 'unbind 1-4:1.0 usb-storage']);
    // Those that were heard make sense, one after the other.
    for (const [i, { action }] of run.events.slice(0, 256).entries()) expect(action).toBe(i % 2 ? 'bind' : 'unbind');
  });

  test('a loss counts after the last of the older messages, however many there are', async () => {
    const queue: { datagram: Datagram; message: Buffer }[] = [];
    let socket = -1;
    let overrun = false;
    const large = view({
      ueventSocket: (group) => {
        socket = sys.ueventSocket(group);
        return socket;
      },
      receive: (_, buffer) => {
        if (overrun) {
          overrun = false;
          throw new SysError('recvfrom', 'ENOBUFS', 'uevents');
        }
        const first = queue.shift();
        if (first === undefined) throw new SysError('recvfrom', 'EAGAIN', 'uevents');
        first.message.copy(buffer);
        return first.datagram;
      },
    });
    const take = () => {
      for (;;) {
        const message = Buffer.alloc(8192);
        try {
          queue.push({ datagram: sys.receive(socket, message), message });
        } catch {
          return;
        }
      }
    };
    const storm = () => {
      for (let i = 0; i < 600; i++) {
        sys.writeFile(UNBIND, '1-4:1.0');
        sys.writeFile(BIND, '1-4:1.0');
        take();
      }
      machine.controls.unplug('1-2');
      overrun = true;
    };
    const { events } = await monitored(storm, 1201, { type: 'usb', on: large });
    expect(events.slice(0, 1200).map(inShort)).toEqual(
      Array.from({ length: 1200 }, (_, i) => `${i % 2 ? 'bind' : 'unbind'} 1-4:1.0 usb-storage`),
    );
    expect(events.slice(1200).map(inShort)).toEqual(['remove 1-2 -']);
  });

  test('nothing is told twice: what was seen is known when its message comes', async () => {
    // The messages are to be had only after it has looked.
    const codes = ['ENOBUFS', 'EAGAIN'];
    const slow = view({
      receive: (fd, buffer) => {
        const code = codes.shift();
        if (code !== undefined) throw new SysError('recvfrom', code, 'uevents');
        return sys.receive(fd, buffer);
      },
    });
    const run: string[] = [];
    for await (const event of monitorDevices(slow, {
      type: 'usb',
      timeoutMs: 300,
      onStart: () => {
        machine.controls.unplug('1-2');
        machine.controls.plug('1-2');
        sys.writeFile(UNBIND, '1-4:1.0');
      },
    })) {
      run.push(inShort(event));
      if (run.length === 3) setTimeout(() => machine.controls.unplug('1-3.1'), 20);
      if (run.length === 5) break;
    }
    expect(run).toEqual([
      'remove 1-2 -',
      'add 1-2 -',
      'unbind 1-4:1.0 usb-storage',
      'unbind 1-3.1:1.0 usbhid',
      'remove 1-3.1 -',
    ]);
  });
});

describe('its end', () => {
  test('a time without an event', async () => {
    const events = monitorDevices(sys, { timeoutMs: 20 });
    const error = await events.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UdrvError);
    expect(error).toMatchObject({ exit: Exit.timeout, code: 'ETIMEDOUT', message: 'no event within 20 ms' });
  });

  test('an abort, which is no error', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    for await (const _ of monitorDevices(sys, { signal: controller.signal })) throw new Error('nothing happened');
    for await (const _ of monitorDevices(sys, { signal: controller.signal })) throw new Error('nothing happened');
  });

  test('the socket is closed, whichever way', async () => {
    const open: number[] = [];
    const counted = view({
      ueventSocket: (groups) => {
        const fd = sys.ueventSocket(groups);
        open.push(fd);
        return fd;
      },
      close: (fd) => {
        open.splice(open.indexOf(fd), 1);
        sys.close(fd);
      },
    });
    await monitored(() => machine.controls.unplug('1-2'), 1, { on: counted });
    expect(open).toEqual([]);
    const broken = view({
      readDir: () => {
        throw new Error('broken');
      },
      ueventSocket: counted.ueventSocket,
      close: counted.close,
    });
    await expect(monitorDevices(broken).next()).rejects.toThrow('broken');
    expect(open).toEqual([]);
  });
});
