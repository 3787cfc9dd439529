// The NVMe driver on the simulated controller.
import { findDevice } from '../../../src/devices/select';
import { Nvme, type NvmeQueue } from '../../../src/drivers/nvme';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { VfioDevice } from '../../../src/vfio/device/device';

const ADDRESS = '0000:01:00.0';

let sim: SimulatedMachine;
let device: VfioDevice;

beforeEach(() => {
  sim = simulatedMachine();
  sim.sys.writeFile(`/sys/bus/pci/drivers/nvme/unbind`, ADDRESS);
  sim.sys.writeFile(`/sys/bus/pci/devices/${ADDRESS}/driver_override`, 'vfio-pci');
  sim.sys.writeFile(`/sys/bus/pci/drivers_probe`, ADDRESS);
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), ADDRESS);
  if (info.framework !== 'vfio') throw new Error(`${ADDRESS} is not bound to a VFIO driver`);
  device = VfioDevice.open(sim.sys, info);
});
afterEach(() => device.close());

describe.each([[true], [false]])('with interrupts: %s', (interrupts) => {
  test('it identifies the controller and its namespace', async () => {
    const disk = await Nvme.open(device, { interrupts });
    expect(disk.controller).toMatchObject({ model: 'QEMU NVMe Ctrl', serial: 'UDRV0001', maxTransfer: 512 * 1024 });
    expect(await disk.namespace()).toEqual({ id: 1, blocks: 131072, blockSize: 512 });
    expect((await disk.health()).celsius).toBe(50);
    await disk.close();
  });

  test('what was written is read, over lists of pages and from within one', async () => {
    const disk = await Nvme.open(device, { interrupts, queues: 2, depth: 8 });
    const from = disk.allocate(512 * 1024);
    const to = disk.allocate(512 * 1024 + 4096);
    for (let i = 0; i < from.length; i += 4) from.bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    await disk.write(from, 1000, 1024);
    await disk.flush();
    await disk.read(to, 1000, 1024);
    expect(to.bytes.subarray(0, from.length).equals(from.bytes)).toBe(true);
    for (const [offset, count] of [
      [4, 1],
      [512, 8],
      [3584, 9],
      [4092, 17],
    ] as const) {
      to.bytes.fill(0);
      await disk.read(to, 1003, count, { offset });
      const length = count * 512;
      expect(to.bytes.subarray(offset, offset + length).equals(from.bytes.subarray(3 * 512, 3 * 512 + length))).toBe(
        true,
      );
      expect(to.bytes[offset - 1]).toBe(0);
      expect(to.bytes[offset + length]).toBe(0);
    }
    await disk.close();
  });

  test('more at once than the queues hold', async () => {
    const disk = await Nvme.open(device, { interrupts, queues: 2, depth: 4 });
    const buffers = Array.from({ length: 40 }, () => disk.allocate(4096));
    await Promise.all(buffers.map((buffer, i) => disk.write(filled(buffer, i + 1), i * 8, 8)));
    const read = disk.allocate(4096);
    for (let i = 0; i < buffers.length; i++) {
      await disk.read(read, i * 8, 8);
      expect(read.bytes.every((byte) => byte === i + 1)).toBe(true);
    }
    await disk.close();
  });
});

function filled<T extends { bytes: Buffer }>(buffer: T, value: number): T {
  buffer.bytes.fill(value);
  return buffer;
}

test('a queue is driven by numbers alone', async () => {
  const disk = await Nvme.open(device, { interrupts: false, depth: 5 });
  const buffer = disk.allocate(4096);
  const [queue] = disk.queues as [NvmeQueue];
  const iova = Number(buffer.iova);
  const commands = Array.from({ length: 5 }, () => queue.read(1, 0, 8, iova, 4096));
  expect(commands.filter((command) => command >= 0)).toHaveLength(4);
  expect(commands[4]).toBe(-1);
  const ended: number[] = [];
  const onCompletion = (command: number, status: number) => void ended.push(command, status);
  expect(queue.reap(onCompletion)).toBe(0);
  queue.ring();
  expect(queue.reap(onCompletion)).toBe(4);
  expect(ended).toEqual(commands.slice(0, 4).flatMap((command) => [command, 0]));
  expect([queue.free, queue.pending]).toEqual([4, 0]);
  for (let i = 0; i < 1000; i++) {
    expect(queue.read(1, i, 1, iova, 512)).toBeGreaterThanOrEqual(0);
    queue.ring();
    expect(queue.reap(onCompletion)).toBe(1);
  }
  await disk.close();
});

test('a refused command is an error with its status, and the next one works', async () => {
  const disk = await Nvme.open(device);
  const buffer = disk.allocate(4096);
  const [queue] = disk.queues as [NvmeQueue];
  await expect(disk.namespace(7)).rejects.toMatchObject({ exit: 3, message: 'has no namespace 7' });
  await disk.read(buffer, 0, 1);
  const statuses: number[] = [];
  queue.read(1, 131072, 1, Number(buffer.iova), 512);
  queue.ring();
  for (let i = 0; i < 5; i++) queue.reap((_, status) => void statuses.push(status));
  expect(statuses.map((status) => status & 0x7ff)).toEqual([0x080]);
  await disk.read(buffer, 0, 1);
  await disk.close();
});

test.each([
  [131072, 1, 0],
  [131071, 2, 0],
  [-1, 1, 0],
  [0, 0, 0],
  [0, 1025, 0],
  [0, 1, 2],
  [0, 8, 4],
  [0.5, 1, 0],
])('blocks from %s, %s of them, to offset %s: nothing is sent', async (block, count, offset) => {
  await using disk = await Nvme.open(device);
  await expect(disk.read(disk.allocate(4096), block, count, { offset })).rejects.toThrow(RangeError);
});

test('the close stops the controller before its memory goes, and what waits ends', async () => {
  const disk = await Nvme.open(device);
  const buffer = disk.allocate(4096);
  await disk.close();
  await disk.close();
  expect(device.region('bar0').read(0x1c, 4)).toBe(0);
  expect(device.busMaster).toBe(false);
  expect(buffer.mapped).toBe(false);
  await expect(disk.read(buffer, 0, 1)).rejects.toThrow('closed');
  await expect(disk.flush()).rejects.toThrow('closed');
  const [queue] = disk.queues as [NvmeQueue];
  expect([queue.read(1, 0, 1, 0x1000, 512), queue.reap(() => {})]).toEqual([-1, 0]);
});
