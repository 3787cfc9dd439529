// The simulated VFIO beyond the conformance suite: controls, faults, an NVMe controller, binding.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { FatalSignal } from '../../../src/sim/kernel/fatal-signal';
import { findHolders } from '../../../src/sys/readers/holders';
import * as vfio from '../../../src/uapi/vfio';
import {
  CONFIG,
  cdevNode,
  command,
  detach,
  deviceInfo,
  EVENTFD,
  eduTransfer,
  eventCount,
  groupNode,
  groupStatus,
  INTX,
  irqInfo,
  kernelLog,
  MSIX,
  type Opened,
  openThroughGroup,
  openThroughIommufd,
  PAGE,
  REQ,
  read,
  read32,
  regionInfo,
  setCommand,
  setIrqs,
  TRIGGER,
  withMemory,
  words,
  write32,
  write64,
} from '../../support/vfio-ioctls';

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const fails = (code: string) => expect.objectContaining({ code });
const pci = (address: string) => `/sys/bus/pci/devices/${address}`;

let sim: SimulatedMachine;
let sys: SimulatedMachine['sys'];
beforeEach(() => {
  sim = simulatedMachine();
  sys = sim.sys;
});

function bind(address: string, driver: string): void {
  sys.writeFile(`${pci(address)}/driver/unbind`, address);
  sys.writeFile(`${pci(address)}/driver_override`, driver);
  sys.writeFile(`/sys/bus/pci/drivers/${driver}/bind`, address);
}

const driverOf = (address: string) => {
  try {
    return sys
      .readLink(`${pci(address)}/driver`)
      .split('/')
      .pop();
  } catch {
    return null;
  }
};

describe.each([
  ['group', () => openThroughGroup(sys, EDU)],
  ['iommufd', () => openThroughIommufd(sys, EDU)],
] as [string, () => Opened][])('the IOMMU, through %s', (_name, open) => {
  const IOVA = 0x800000n;
  const faults = () => kernelLog(sys).filter((record) => record.includes('[fault reason'));

  test('tells what it refused', () => {
    const opened = open();
    setCommand(sys, opened.device, 0x107);
    withMemory(sys, PAGE, (memory) => {
      eduTransfer(sys, opened.device, 'to-memory', IOVA + 8n);
      eduTransfer(sys, opened.device, 'from-memory', 0x900000n);
      opened.map(memory, IOVA, PAGE, 1);
      eduTransfer(sys, opened.device, 'to-memory', IOVA);
    });
    const line = (access: string, address: string, reason: string) =>
      `DMAR: [DMA ${access} NO_PASID] Request device [00:03.0] fault addr ${address} [fault reason ${reason}\n`;
    expect(faults().map((record) => record.replace(/^3,\d+,\d+,-;/, ''))).toEqual([
      line('Write', '0x800000', '0x05] PTE Write access is not set'),
      line('Read', '0x900000', '0x06] PTE Read access is not set'),
      line('Write', '0x800000', '0x05] PTE Write access is not set'),
    ]);
    opened.close();
  });

  test('translates a transfer across mappings, up to where they end', () => {
    const opened = open();
    setCommand(sys, opened.device, 0x107);
    withMemory(sys, 2 * PAGE, (memory) => {
      memory.bytes.fill(7, 0, 2048);
      opened.map(memory, 0x10000n);
      eduTransfer(sys, opened.device, 'from-memory', 0x10000n);
      opened.map({ address: memory.address + BigInt(PAGE) }, 0x11000n);
      eduTransfer(sys, opened.device, 'to-memory', 0x10c00n);
      const filled = (from: number, to: number) => memory.bytes.subarray(from, to).every((byte) => byte === 7);
      expect(filled(0xc00, 0x1400)).toBe(true);
      expect(memory.bytes.subarray(0x1400).some((byte) => byte === 7)).toBe(false);
      eduTransfer(sys, opened.device, 'to-memory', 0x11c00n);
      expect(filled(0x1c00, 0x2000)).toBe(true);
      expect(faults()).toHaveLength(1);
      expect(faults()[0]).toContain('fault addr 0x12000 ');
    });
    opened.close();
  });

  test('keeps pages that the process gave up', () => {
    const opened = open();
    setCommand(sys, opened.device, 0x107);
    const memory = sys.allocate(PAGE);
    const { bytes } = memory;
    opened.map(memory, IOVA);
    memory.close();
    bytes.fill(9, 0, 2048);
    eduTransfer(sys, opened.device, 'from-memory', IOVA);
    bytes.fill(0);
    eduTransfer(sys, opened.device, 'to-memory', IOVA);
    expect(bytes.subarray(0, 2048).every((byte) => byte === 9)).toBe(true);
    expect(() => opened.map(memory, IOVA + BigInt(PAGE))).toThrow(fails('EFAULT'));
    opened.close();
  });

  test('can be made to leak what was unmapped', () => {
    const opened = open();
    setCommand(sys, opened.device, 0x107);
    sim.controls.leakIommu(EDU);
    withMemory(sys, 2 * PAGE, (memory) => {
      opened.map(memory, IOVA);
      memory.bytes.fill(1, 0, 2048);
      eduTransfer(sys, opened.device, 'from-memory', IOVA);
      opened.unmap(IOVA);
      memory.bytes.fill(2);
      eduTransfer(sys, opened.device, 'to-memory', IOVA);
      expect(memory.bytes[0]).toBe(1);
      // The next mapping at the same address is the one seen.
      opened.map({ address: memory.address + BigInt(PAGE) }, IOVA);
      eduTransfer(sys, opened.device, 'to-memory', IOVA);
      expect(memory.bytes[PAGE]).toBe(1);
    });
    opened.close();
  });

  test('counts locked memory where there is a limit', () => {
    const opened = open();
    sim.controls.setMemlock(2 * PAGE);
    expect(sys.readFile('/proc/self/limits').toString()).toMatch(/^Max locked memory +8192 +8192 +bytes/m);
    withMemory(sys, 4 * PAGE, (memory) => {
      expect(() => opened.map(memory, IOVA, 3 * PAGE)).toThrow(fails('ENOMEM'));
      opened.map(memory, IOVA, 2 * PAGE);
      expect(() => opened.map(memory, 0x10000n)).toThrow(fails('ENOMEM'));
      opened.unmap(IOVA, BigInt(2 * PAGE));
      opened.map(memory, IOVA);
    });
    opened.close();
    expect(kernelLog(sys).filter((record) => record.includes('RLIMIT_MEMLOCK'))).toHaveLength(
      opened.device !== undefined && 'container' in opened ? 2 : 0,
    );
  });
});

describe('a device that is detached, or that nobody attached', () => {
  test('reaches nothing', () => {
    const { device, close } = openThroughIommufd(sys, EDU);
    setCommand(sys, device, 0x107);
    detach(sys, device);
    eduTransfer(sys, device, 'to-memory', 0xa00000n);
    expect(kernelLog(sys).at(-1)).toMatch(/fault addr 0xa00000 \[fault reason 0x02\] Present bit in context entry/);
    close();
  });
});

describe('a mapping of registers', () => {
  test('is a bus error while memory decoding is off, and asleep', () => {
    const { device, close } = openThroughGroup(sys, EDU);
    const mapping = sys.mmap(device, PAGE, true, 0);
    setCommand(sys, device, 0x101);
    expect(() => mapping.read(0, 4)).toThrow(FatalSignal);
    setCommand(sys, device, 0x103);
    expect(mapping.read(0, 4)).toBe(0x010000ed);
    sim.controls.setPower(EDU, 'D3hot');
    expect(() => mapping.write(4, 4, 0)).toThrow(FatalSignal);
    expect(() => read32(sys, device, 0)).toThrow(fails('EIO'));
    mapping.close();
    close();
  });

  test('is split into the widest aligned accesses', () => {
    const { device, close } = openThroughGroup(sys, EDU);
    sim.controls.record();
    read(sys, device, 0x8e, 0x13);
    const accesses = sim.controls.accesses.map(({ region, offset, width }) => [region, offset, width]);
    expect(accesses).toEqual([
      ['bar0', 0x8e, 2],
      ['bar0', 0x90, 8],
      ['bar0', 0x98, 8],
      ['bar0', 0xa0, 1],
    ]);
    close();
  });
});

describe('an NVMe controller', () => {
  let opened: ReturnType<typeof openThroughGroup>;
  let device: number;
  beforeEach(() => {
    bind(NVME, 'vfio-pci');
    opened = openThroughGroup(sys, NVME);
    ({ device } = opened);
  });

  const ADMIN = { cc: 0x14, csts: 0x1c, aqa: 0x24, asq: 0x28, acq: 0x30, sqTail: 0x1000, cqHead: 0x1004 } as const;
  const QUEUES = 0x100000n;
  const DATA = 0x2000;

  /** Queues in the first two pages; enabled. */
  function start(): void {
    write32(sys, device, ADMIN.aqa, 0x001f001f);
    write64(sys, device, ADMIN.asq, QUEUES);
    write64(sys, device, ADMIN.acq, QUEUES + BigInt(PAGE));
    write32(sys, device, ADMIN.cc, 0x00460001);
  }

  function submit(bytes: Buffer, slot: number, opcode: number, prp: bigint, dword10: number, namespace = 0): number {
    bytes.fill(0, slot * 64, slot * 64 + 64);
    bytes.writeUInt32LE(opcode | (slot << 16), slot * 64);
    bytes.writeUInt32LE(namespace, slot * 64 + 4);
    bytes.writeBigUInt64LE(prp, slot * 64 + 24);
    bytes.writeUInt32LE(dword10, slot * 64 + 40);
    write32(sys, device, ADMIN.sqTail, slot + 1);
    const entry = PAGE + slot * 16;
    expect(bytes.readUInt16LE(entry + 12)).toBe(slot);
    expect(bytes.readUInt16LE(entry + 14) & 1).toBe(1);
    write32(sys, device, ADMIN.cqHead, slot + 1);
    return bytes.readUInt16LE(entry + 14) >> 1;
  }

  test('is a PCI Express device with MSI-X in its BAR', () => {
    expect(deviceInfo(sys, device).flags).toBe(3);
    expect(regionInfo(sys, device, 0)).toMatchObject({ argsz: 64, flags: 0xf, size: 0x4000, capabilities: 32 });
    expect(regionInfo(sys, device, 0, 32)).toMatchObject({ argsz: 40, flags: 0xf, capabilities: 0 });
    expect(regionInfo(sys, device, 0).bytes.readUInt32LE(32)).toBe(0x10003);
    expect(regionInfo(sys, device, 7).size).toBe(4096);
    expect(irqInfo(sys, device, MSIX)).toEqual({ flags: 1, count: 65 });
    expect(irqInfo(sys, device, 3)).toEqual({ flags: 9, count: 1 });
    // The table is nobody's to see.
    expect(read(sys, device, 0x1ff8, 16).toString('hex')).toBe(`${'00'.repeat(8)}${'ff'.repeat(8)}`);
    expect(read(sys, device, 0x2410, 4)).toEqual(Buffer.alloc(4));
    expect(read(sys, device, 0, 8).toString('hex')).toBe('ff07010f20184000');
    expect(read32(sys, device, 8)).toBe(0x10400);
  });

  test('is not started with queues that make no sense', () => {
    for (const [aqa, asq, cc] of [
      [0, QUEUES, 0x00460001],
      [0x001f001f, QUEUES + 16n, 0x00460001],
      [0x001f001f, QUEUES, 0x00450001],
    ] as const) {
      write32(sys, device, ADMIN.aqa, aqa);
      write64(sys, device, ADMIN.asq, asq);
      write32(sys, device, ADMIN.cc, cc);
      expect(read32(sys, device, ADMIN.csts)).toBe(2);
      write32(sys, device, ADMIN.cc, 0);
      expect(read32(sys, device, ADMIN.csts)).toBe(0);
    }
  });

  test('identifies itself, and signals MSI-X vector 0', () => {
    const event = sys.eventfd();
    setCommand(sys, device, command(sys, device) | 4);
    setIrqs(sys, device, EVENTFD | TRIGGER, [MSIX, 0, 1], words(event));
    withMemory(sys, 4 * PAGE, (memory) => {
      opened.map(memory, QUEUES, 4 * PAGE);
      start();
      expect(read32(sys, device, ADMIN.csts)).toBe(1);
      expect(submit(memory.bytes, 0, 6, QUEUES + BigInt(DATA), 1)).toBe(0);
      expect(eventCount(sys, event)).toBe(1);
      const data = memory.bytes.subarray(DATA);
      expect(data.readUInt16LE(0)).toBe(0x1b36);
      expect(data.readUInt16LE(2)).toBe(0x1af4);
      expect(data.toString('latin1', 4, 24)).toBe('UDRV0001'.padEnd(20));
      expect(data.toString('latin1', 24, 64)).toBe('QEMU NVMe Ctrl'.padEnd(40));
      expect(submit(memory.bytes, 1, 6, QUEUES + BigInt(DATA), 2)).toBe(0);
      expect(data.readUInt32LE()).toBe(1);
      expect(submit(memory.bytes, 2, 6, QUEUES + BigInt(DATA), 0, 1)).toBe(0);
      expect(data.readBigUInt64LE()).toBe(131072n);
      expect(submit(memory.bytes, 3, 6, QUEUES + BigInt(DATA), 0, 0xffffffff)).toBe(0x400b);
      expect(submit(memory.bytes, 4, 6, QUEUES + BigInt(DATA), 0x99)).toBe(0x4002);
      expect(submit(memory.bytes, 5, 0x7f, 0n, 0)).toBe(0x4001);
      // In two pieces, where the first does not begin a page.
      expect(submit(memory.bytes, 6, 6, QUEUES + BigInt(DATA + 8), 1)).toBe(0);
      expect(data.readUInt16LE(8)).toBe(0x1b36);
      // Into nowhere: it does not notice.
      expect(submit(memory.bytes, 7, 6, 0x900000n, 1)).toBe(0);
      expect(kernelLog(sys).at(-1)).toContain('Request device [01:00.0] fault addr 0x900000 [fault reason 0x05]');
      expect(read32(sys, device, ADMIN.csts)).toBe(1);
    });
    expect(sys.ioctl(device, vfio.VFIO_DEVICE_RESET, 0)).toBe(0);
    expect([command(sys, device), read32(sys, device, ADMIN.cc), read32(sys, device, ADMIN.csts)]).toEqual([
      0x107, 0, 0,
    ]);
  });

  test('never signals a vector that was switched on too late, but completes', () => {
    const event = sys.eventfd();
    setCommand(sys, device, command(sys, device) | 4);
    withMemory(sys, 4 * PAGE, (memory) => {
      opened.map(memory, QUEUES, 4 * PAGE);
      start();
      setIrqs(sys, device, EVENTFD | TRIGGER, [MSIX, 0, 1], words(event));
      expect(submit(memory.bytes, 0, 6, QUEUES + BigInt(DATA), 1)).toBe(0);
      expect(eventCount(sys, event, 0)).toBe(0);
    });
  });

  test('signals INTx without MSI-X, until the completion is taken', () => {
    const event = sys.eventfd();
    setCommand(sys, device, command(sys, device) | 4);
    withMemory(sys, 4 * PAGE, (memory) => {
      opened.map(memory, QUEUES, 4 * PAGE);
      setIrqs(sys, device, EVENTFD | TRIGGER, [INTX, 0, 1], words(event));
      start();
      submit(memory.bytes, 0, 6, QUEUES + BigInt(DATA), 1);
      expect(eventCount(sys, event)).toBe(1);
      expect(read(sys, device, CONFIG + 6, 1)[0]).toBe(0x10);
    });
  });

  test('fails where its queues cannot be reached', () => {
    start();
    write32(sys, device, ADMIN.sqTail, 1);
    expect(read32(sys, device, ADMIN.csts)).toBe(2);
    setCommand(sys, device, command(sys, device) | 4);
    write32(sys, device, ADMIN.cc, 0);
    start();
    write32(sys, device, ADMIN.sqTail, 1);
    expect(read32(sys, device, ADMIN.csts)).toBe(2);
    expect(kernelLog(sys).at(-1)).toContain('[DMA Read NO_PASID] Request device [01:00.0] fault addr 0x100000 ');
  });

  test('goes through its bus in a hot reset, alone', () => {
    const info = words(20, 0, 0, 0, 0);
    sys.ioctl(device, vfio.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
    expect(info).toEqual(words(20, 0, 1, 9, 0x00010000));
    const short = words(12, 0, 0);
    expect(() => sys.ioctl(device, vfio.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, short)).toThrow(fails('ENOSPC'));
    expect(short.readUInt32LE(8)).toBe(1);
  });
});

describe('binding', () => {
  test('to vfio-pci makes a group and a cdev, and nvme takes its controller back as it was', () => {
    const before = sys.readDir('/dev').sort();
    bind(NVME, 'vfio-pci');
    expect(driverOf(NVME)).toBe('vfio-pci');
    expect(sys.readDir('/dev/vfio').sort()).toEqual(['1', '7', '9', 'devices', 'vfio']);
    expect(sys.readDir('/sys/class/vfio').sort()).toEqual(['1', '7', '9']);
    expect(sys.readDir('/dev/vfio/devices').sort()).toEqual(['vfio0', 'vfio1', 'vfio2']);
    expect(sys.readFile(`${pci(NVME)}/vfio-dev/vfio2/dev`).toString()).toBe('245:2\n');
    for (const gone of ['/dev/nvme0', '/dev/nvme0n1', '/dev/ng0n1', '/sys/block/nvme0n1', '/sys/class/nvme/nvme0'])
      expect(sys.access(gone)).toBeNull();
    expect(sys.readFile(`${pci(NVME)}/config`).readUInt16LE(4)).toBe(0x103);

    sys.writeFile(`${pci(NVME)}/driver/unbind`, NVME);
    expect(sys.access('/dev/vfio/9')).toBeNull();
    sys.writeFile(`${pci(NVME)}/driver_override`, '\n');
    sys.writeFile('/sys/bus/pci/drivers_probe', NVME);
    expect(driverOf(NVME)).toBe('nvme');
    expect(sys.readDir('/dev').sort()).toEqual(before);
    expect(sys.readFile('/sys/class/nvme/nvme0/serial').toString()).toMatch(/^UDRV0001 +\n$/);
    expect(sys.readFile('/sys/block/nvme0n1/size').toString()).toBe('131072\n');
    expect(sys.readFile(`${pci(NVME)}/config`).readUInt16LE(4)).toBe(0x507);
  });

  test('the one in the way makes a group viable', () => {
    bind('0000:02:02.0', 'vfio-pci');
    const { group, device, close } = openThroughGroup(sys, '0000:02:01.0');
    expect(groupStatus(sys, group)).toBe(3);
    expect(read32(sys, device, 0)).toBe(0x010000ed);
    // It is not alone on its bus.
    expect(deviceInfo(sys, device).flags).toBe(2);
    const info = Buffer.alloc(12 + 2 * 8);
    info.writeUInt32LE(info.length, 0);
    sys.ioctl(device, vfio.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
    expect(info.subarray(8).equals(words(2, 7, 0x08020000, 7, 0x10020000))).toBe(true);
    close();
  });

  test('a driver that uses DMA is kept out of a group that is in use', () => {
    bind('0000:02:02.0', 'vfio-pci');
    const { close } = openThroughGroup(sys, '0000:02:01.0');
    sys.writeFile(`${pci('0000:02:02.0')}/driver/unbind`, '0000:02:02.0');
    sys.writeFile(`${pci('0000:02:02.0')}/driver_override`, '\n');
    expect(() => sys.writeFile('/sys/bus/pci/drivers/virtio-pci/bind', '0000:02:02.0')).toThrow(fails('EBUSY'));
    // A probe that finds no driver willing is a success.
    sys.writeFile('/sys/bus/pci/drivers_probe', '0000:02:02.0');
    expect(driverOf('0000:02:02.0')).toBeNull();
    close();
    sys.writeFile('/sys/bus/pci/drivers_probe', '0000:02:02.0');
    expect(driverOf('0000:02:02.0')).toBe('virtio-pci');
  });

  test('a device that is open is asked for, and not given', () => {
    const { device, close } = openThroughGroup(sys, EDU);
    const event = sys.eventfd();
    const unbind = () => sys.writeFile(`${pci(EDU)}/driver/unbind`, EDU);
    expect(unbind).toThrow(fails('EBUSY'));
    expect(kernelLog(sys).at(-1)).toContain('No device request channel registered');
    setIrqs(sys, device, EVENTFD | TRIGGER, [REQ, 0, 1], words(event));
    expect(unbind).toThrow(fails('EBUSY'));
    expect(eventCount(sys, event)).toBe(1);
    expect(kernelLog(sys).at(-1)).toMatch(
      /vfio-pci 0000:00:03\.0: Relaying device request to user \(#0\)\n SUBSYSTEM=pci\n/,
    );
    expect(driverOf(EDU)).toBe('vfio-pci');
    close();
    unbind();
    expect(driverOf(EDU)).toBeNull();
    expect(sys.access(`/dev/vfio/1`)).toBeNull();
  });

  test('a device that is pulled out goes when its user lets it go', () => {
    const { device, close } = openThroughGroup(sys, EDU);
    const event = sys.eventfd();
    setIrqs(sys, device, EVENTFD | TRIGGER, [REQ, 0, 1], words(event));
    sim.controls.unplug(EDU);
    expect(eventCount(sys, event)).toBe(1);
    expect(read(sys, device, CONFIG, 4)).toEqual(words(0x11e81234));
    expect(sys.access(pci(EDU))).not.toBeNull();
    close();
    expect(sys.access(pci(EDU))).toBeNull();
    expect(sys.access('/dev/vfio/1')).toBeNull();
  });
});

describe('another process', () => {
  test('keeps a group, and is found', () => {
    const node = groupNode(sys, EDU);
    const release = sim.controls.hold(node, { pid: 4711, command: 'qemu' });
    expect(() => sys.open(node, { write: true })).toThrow(fails('EBUSY'));
    expect(findHolders(sys, [node])).toEqual({
      complete: true,
      holders: [{ pid: 4711, command: 'qemu', node, by: 'descriptor' }],
    });
    release();
    expect(findHolders(sys, [node]).holders).toEqual([]);
    sys.close(sys.open(node, { write: true }));
  });

  test('keeps a device from being unbound', () => {
    const release = sim.controls.hold(cdevNode(sys, EDU), { pid: 4711, command: 'qemu' });
    const unbind = () => sys.writeFile(`${pci(EDU)}/driver/unbind`, EDU);
    expect(unbind).toThrow(fails('EBUSY'));
    release();
    unbind();
  });
});

describe('/dev/kmsg', () => {
  test('gives a record a read, from the oldest on, and keeps what it is written', () => {
    const fd = sys.open('/dev/kmsg', { write: true, nonblock: true });
    const buffer = Buffer.alloc(256);
    const next = () => buffer.toString('latin1', 0, sys.read(fd, buffer));
    expect(next()).toMatch(/^5,0,\d+,-;Linux version 6\.12\.95 .*\n$/);
    expect(sys.poll(fd, 0)).toBe('timeout');
    expect(() => sys.read(fd, buffer)).toThrow(fails('EAGAIN'));
    sys.write(fd, Buffer.from('<3>hello\n'));
    expect(sys.poll(fd, 0)).toBe('ready');
    expect(() => sys.read(fd, Buffer.alloc(4))).toThrow(fails('EINVAL'));
    sys.write(fd, Buffer.from('again'));
    expect(next()).toMatch(/^12,2,\d+,-;again\n$/);
    sys.close(fd);
  });
});
