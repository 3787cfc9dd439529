import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UdrvError } from '../../../src/errors';
import { type MachineInFile, machineInFile } from '../../../src/sim';

// A machine in a file as its next user finds it: what a kernel and its devices keep between two programs is kept, what
// ends with a program is not.

let folder = '';
let file = '';
const text = (machine: MachineInFile, path: string) => machine.sys.readFile(path).toString('latin1').trim();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'udrv-remembered-'));
  file = join(folder, 'machine');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Does some work as a process of its own does. */
function command<T>(work: (machine: MachineInFile) => T): T {
  const machine = machineInFile(file);
  try {
    return work(machine);
  } finally {
    machine[Symbol.dispose]();
  }
}

const state = () => JSON.parse(readFileSync(file, 'utf8'));

/** Everything but the time. */
const settled = ({ machine }: ReturnType<typeof state>) => ({ ...machine, now: 0 });

const BIND = '/sys/bus/pci/drivers';
const UIO1 = '/sys/class/uio/uio1/event';

test('a machine that was kept is the machine: kept again, its state is the same', () => {
  command(({ sys }) => {
    // Stops the timer, which would go on meanwhile.
    sys.mmap(sys.open('/dev/uio1', { write: true }), 4096, true, 0).write(0x104, 4, 0);
    sys.writeFile(`${BIND}/nvme/unbind`, '0000:01:00.0');
    sys.writeFile(`${BIND}/uio_pci_generic/unbind`, '0000:00:04.0');
    sys.writeFile('/sys/bus/pci/devices/0000:00:03.0/driver_override', 'uio_pci_generic');
    sys.writeFile(`${BIND}/vfio-pci/unbind`, '0000:00:03.0');
    sys.writeFile(`${BIND}/uio_pci_generic/bind`, '0000:00:03.0');
    sys.writeFile(`${BIND}/uio_pci_generic/bind`, '0000:00:04.0');
    sys.writeFile('/sys/bus/usb/drivers/hub/unbind', '1-3:1.0');
  });
  const before = state();
  expect(before.machine.uio['0'].parent).toMatch(/00:03\.0$/);
  command(({ sys }) => sys.close(sys.open('/dev/uio3', {})));
  expect(settled(state())).toEqual(settled(before));
});

test('numbers stay: of UIO devices, of VFIO devices, of USB devices that were plugged in anew', () => {
  command(({ sys, controls }) => {
    sys.writeFile(`${BIND}/uio_pci_generic/unbind`, '0000:00:04.0');
    sys.writeFile(`${BIND}/vfio-pci/unbind`, '0000:00:03.0');
    controls.unplug('1-2');
    controls.plug('1-2');
    controls.unplug('1-4');
  });
  command((machine) => {
    const { sys } = machine;
    expect(sys.readDir('/sys/class/uio').sort()).toEqual(['uio1', 'uio2', 'uio3']);
    expect(sys.readDir('/sys/class/vfio-dev')).toEqual(['vfio1']);
    expect(text(machine, '/sys/bus/usb/devices/1-2/devnum')).toBe('6');
    expect(sys.access('/sys/bus/usb/devices/1-4')).toBeNull();
    expect(sys.access('/dev/sda')).toBeNull();
    sys.close(sys.open('/dev/bus/usb/001/006', { write: true }));
    sys.writeFile(`${BIND}/uio_pci_generic/bind`, '0000:00:04.0');
    expect(sys.readDir('/sys/class/uio').sort()).toEqual(['uio0', 'uio1', 'uio2', 'uio3']);
  });
});

test('a host controller that lost its driver has no buses, and gets them back', () => {
  command(({ sys }) => sys.writeFile(`${BIND}/xhci_hcd/unbind`, '0000:00:07.0'));
  command(({ sys }) => {
    expect(sys.readDir('/sys/bus/usb/devices').sort()).toEqual(['3-0:1.0', '3-1', '3-1:1.0', 'usb3']);
    sys.writeFile(`${BIND}/xhci_hcd/bind`, '0000:00:07.0');
  });
  command((machine) => expect(text(machine, '/sys/bus/usb/devices/1-3.1/devnum')).toBe('5'));
});

test('registers, interrupts and counts stay', () => {
  command(({ sys, controls }) => {
    const fd = sys.open('/dev/uio0', { write: true });
    const map = sys.mmap(fd, 4096, true, 0);
    map.write(0x04, 4, 0x12345678);
    controls.raise('uio0', 0x5);
    // Open and mapped at the end of the process.
  });
  command((machine) => {
    const { sys } = machine;
    expect(text(machine, '/sys/class/uio/uio0/event')).toBe('1');
    const map = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    expect([map.read(0x04, 4), map.read(0x24, 4)]).toEqual([0xedcba987, 0x5]);
    // Masked by uio_pci_generic, as it was.
    expect(sys.readFile('/sys/bus/pci/devices/0000:00:04.0/config').readUInt16LE(4) & 0x400).toBe(0x400);
    machine.controls.raise('uio0', 0x8);
    expect(text(machine, '/sys/class/uio/uio0/event')).toBe('1');
  });
});

test('an interrupt that is disabled stays so, and time goes on meanwhile', () => {
  command(({ sys }) => {
    const fd = sys.open('/dev/uio1', { write: true });
    sys.write(fd, Buffer.alloc(4));
  });
  const kept = state();
  kept.keptAt -= 60_000;
  writeFileSync(file, JSON.stringify(kept));
  command((machine) => {
    const { sys } = machine;
    const fd = sys.open('/dev/uio1', { write: true });
    const map = sys.mmap(fd, 4096, true, 0);
    expect(Number(map.read(0x110, 4))).toBeGreaterThanOrEqual(240);
    const before = Number(text(machine, UIO1));
    machine.controls.raise('uio1');
    expect(Number(text(machine, UIO1))).toBe(before);
    sys.write(fd, Buffer.from(Int32Array.of(1).buffer));
    machine.controls.raise('uio1');
    expect(Number(text(machine, UIO1))).toBe(before + 1);
  });
});

test('a DMA transfer that a command started has ended when the next one looks', () => {
  command(({ sys }) => {
    const map = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    map.write(0x90, 8, 4n);
    map.write(0x98, 8, 1n);
  });
  expect(state().machine.hardware['0000:00:04.0']).toMatchObject({ dmaCommand: '0x1', dmaEnd: expect.any(Number) });
  const kept = state();
  kept.keptAt -= 200;
  writeFileSync(file, JSON.stringify(kept));
  command(({ sys }) => {
    const map = sys.mmap(sys.open('/dev/uio0', { write: true }), 4096, true, 0);
    expect(map.read(0x98, 8)).toBe(0n);
  });
});

test('the last close of a node is undone: bus mastering, and what was claimed', () => {
  command(({ sys }) => {
    sys.open('/dev/uio0', { write: true });
    const fd = sys.open('/sys/bus/pci/devices/0000:00:04.0/config', { write: true });
    sys.pwrite(fd, Buffer.of(0x07), 4);
  });
  command(({ sys }) => {
    expect(sys.readFile('/sys/bus/pci/devices/0000:00:04.0/config').readUInt16LE(4) & 0x4).toBe(0);
  });
});

test('files that were made below /etc are kept', () => {
  const rule = '/etc/udev/rules.d/71-x.rules';
  command(({ sys }) => sys.replaceFile(rule, '# x\n'));
  command(({ sys }) => {
    expect(sys.readFile(rule).toString()).toBe('# x\n');
    sys.removeFile(rule);
  });
  command(({ sys }) => expect(sys.readDir('/etc/udev/rules.d')).toEqual([]));
});

test('who only looks changes nothing', () => {
  command(() => {});
  const before = readFileSync(file, 'utf8');
  command(({ sys }) => sys.readDir('/sys/class/uio'));
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('who looked before another changed something works with what that left', () => {
  command((first) => {
    expect(first.sys.readDir('/sys/class/uio')).toContain('uio0');
    command(({ sys }) => sys.writeFile(`${BIND}/uio_pci_generic/unbind`, '0000:00:04.0'));
    first.sys.writeFile(`${BIND}/vfio-pci/unbind`, '0000:00:03.0');
  });
  command(({ sys }) => {
    expect(sys.readDir('/sys/class/uio')).not.toContain('uio0');
    expect(sys.readDir('/sys/class/vfio-dev')).toEqual(['vfio1']);
  });
});

const REFUSED: readonly (readonly [string, string | ((state: ReturnType<JSON['parse']>) => void), RegExp])[] = [
  ['text', 'hello', /: it is not JSON$/],
  ['another document', '{"schema":"udrv.list/1","devices":[]}', /: schema is not udrv.sim\/2$/],
  ['a list', '[]', /: it is no object$/],
  ['nothing of the machine', '{"schema":"udrv.sim/2","keptAt":0}', /: machine is missing$/],
  [
    'an infinite time',
    (s) => {
      s.machine.now = 'x';
    },
    /: machine.now is no time$/,
  ],
  [
    'a driver that is not there',
    (s) => {
      s.machine.pci['0000:00:03.0'].driver = 'xhci';
    },
    /: machine\.pci\.0000:00:03\.0 cannot have the driver xhci$/,
  ],
  [
    'registers too long',
    (s) => {
      s.machine.hardware['0000:00:03.0'].buffer = '00'.repeat(5000);
    },
    /\.buffer is no text of at most 8192 characters$/,
  ],
  [
    'a file in a strange place',
    (s) => {
      s.machine.files = { '/sys/bus/pci/drivers_probe': 'x' };
    },
    /files\.\/sys\/bus\/pci\/drivers_probe is no place for a file$/,
  ],
  [
    'a block behind the disk',
    (s) => {
      s.machine.usb.devices['1-4'].function.own.disk = { 99999: '01' };
    },
    /disk\.99999 is no block of the disk$/,
  ],
];

test.each(REFUSED)('%s is refused, and stays as it is', (_, content, message) => {
  command(() => {});
  let hostile = content;
  if (typeof hostile !== 'string') {
    const changed = state();
    hostile(changed);
    hostile = JSON.stringify(changed);
  }
  writeFileSync(file, hostile);
  expect(() => machineInFile(file)).toThrow(
    expect.objectContaining({ exit: 2, subject: file, message: expect.stringMatching(message) }),
  );
  expect(readFileSync(file, 'utf8')).toBe(hostile);
});

test('a file that is hostile in any place is refused, or is a machine that works', () => {
  command(({ sys }) => {
    sys.open('/dev/uio0', { write: true });
  });
  const sound = readFileSync(file, 'utf8');
  const random = generator(20261129);
  const outcomes = { refused: 0, taken: 0 };
  for (let i = 0; i < 150; i++) {
    const hostile = JSON.parse(sound);
    for (let n = random(3); n >= 0; n--) mutate(hostile, random);
    writeFileSync(file, JSON.stringify(hostile).replaceAll('"infinite"', '1e999'));
    try {
      command(({ sys }) => {
        for (const name of sys.readDir('/sys/class/uio')) sys.readFile(`/sys/class/uio/${name}/event`);
        const fd = sys.open('/dev/uio3', { write: true });
        sys.close(fd);
      });
      outcomes.taken++;
    } catch (error) {
      if (error instanceof UdrvError) {
        expect(error).toMatchObject({ exit: 2, subject: file });
        outcomes.refused++;
        // A machine without a uio3 is one, too.
      } else expect(error).toMatchObject({ name: 'SysError' });
    }
  }
  expect(outcomes.refused).toBeGreaterThan(40);
  expect(outcomes.taken).toBeGreaterThan(10);
});

const ODD = [
  null,
  true,
  -1,
  2 ** 40,
  0.5,
  'infinite',
  '',
  'x',
  '0x',
  'ff'.repeat(3000),
  [],
  {},
  [[[]]],
  { __proto__: 1 },
];

/** Changes one value somewhere, or takes it away. */
function mutate(root: object, random: (below: number) => number): void {
  let at = root as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(at);
    const name = names[random(names.length)];
    if (name === undefined) return;
    const value = at[name];
    if (typeof value === 'object' && value !== null && random(12) > 0) {
      at = value as Record<string, unknown>;
      continue;
    }
    const kind = random(4);
    if (kind === 0) delete at[name];
    else if (kind === 1 && typeof value === 'number') at[name] = random(256);
    else if (kind === 2 && typeof value === 'string') at[name] = value.slice(random(value.length + 1));
    else at[name] = ODD[random(ODD.length)];
    return;
  }
}

/** xorshift32. */
function generator(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % Math.max(1, below);
  };
}
