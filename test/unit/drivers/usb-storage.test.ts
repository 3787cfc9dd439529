// The driver of USB disks on the simulated one.
import { findDevice } from '../../../src/devices/select';
import { parseSense, ScsiError, senseText, UsbStorage } from '../../../src/drivers/usb-storage';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { UsbDevice } from '../../../src/usb/device/device';

const ADDRESS = '1-4';
const DISK_BLOCKS = 32768;

let sim: SimulatedMachine;
let device: UsbDevice;

const inspected = (address: string) => {
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), address);
  if (info.framework !== 'usb') throw new Error(`${address} is no USB device`);
  return info;
};

beforeEach(() => {
  sim = simulatedMachine();
  device = UsbDevice.open(sim.sys, inspected(ADDRESS));
});
afterEach(() => device.close());

/** Bytes of which no two blocks are alike. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 4) bytes.writeUInt32LE(Math.imul(i + 4, 2654435761) >>> 0, i);
  return bytes;
}

test('it tells who the disk is and how large', async () => {
  await using disk = await UsbStorage.open(device);
  expect(disk.inquiry).toEqual({
    type: 0,
    removable: false,
    vendor: 'QEMU',
    product: 'QEMU HARDDISK',
    revision: '2.5+',
  });
  expect([disk.blocks, disk.blockSize, disk.maxLun]).toEqual([DISK_BLOCKS, 512, 0]);
  await disk.testUnitReady();
});

test("the kernel's driver is away, and back when the device is closed", async () => {
  await using disk = await UsbStorage.open(device);
  expect(inspected(ADDRESS).driver).toBe('usbfs');
  await disk.close();
  expect(device.close()).toEqual([]);
  expect(inspected(ADDRESS).driver).toBe('usb-storage');
});

test.each([
  [1, 0],
  [7, 3],
  [240, 0],
  [241, 100],
  [2048, 30720],
])('%s blocks from %s that were written are read', async (count, block) => {
  const bytes = pattern(count * 512);
  {
    await using disk = await UsbStorage.open(device);
    await disk.write(bytes, block);
    await disk.flush();
  }
  await using disk = await UsbStorage.open(device);
  const read = Buffer.alloc(bytes.length);
  await disk.read(read, block);
  expect(read.equals(bytes)).toBe(true);
});

test('calls at a time take their turns, and each gets its own', async () => {
  await using disk = await UsbStorage.open(device, { maxTransfer: 1024 });
  const buffers = Array.from({ length: 20 }, (_, i) => Buffer.alloc(2560, i + 1));
  await Promise.all(buffers.map((buffer, i) => disk.write(buffer, i * 5)));
  const read = buffers.map(() => Buffer.alloc(2560));
  await Promise.all(read.map((buffer, i) => disk.read(buffer, i * 5)));
  expect(read.every((buffer, i) => buffer.equals(buffers[i] as Buffer))).toBe(true);
});

test.each([
  [0, 100],
  [512, -1],
  [512, DISK_BLOCKS],
  [1024, DISK_BLOCKS - 1],
  [700, 0],
  [512, 0.5],
])('%s bytes at block %s: nothing is sent', async (length, block) => {
  await using disk = await UsbStorage.open(device);
  await expect(disk.read(Buffer.alloc(length), block)).rejects.toThrow(RangeError);
  await expect(disk.write(Buffer.alloc(length), block)).rejects.toThrow(RangeError);
});

describe('a command that fails', () => {
  const medium = { sense: [3, 0x11, 0] } as const;

  test.each([
    ['fills its data up', false],
    ['stalls', true],
  ])('and %s: its sense is the error, and the next one works', async (_, stalls) => {
    await using disk = await UsbStorage.open(device);
    const buffer = pattern(4096);
    for (const work of [() => disk.read(buffer, 0), () => disk.write(buffer, 0)]) {
      sim.controls.failCommands(ADDRESS, { ...medium, stalls });
      const error = await work().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ScsiError);
      expect(error).toMatchObject({ exit: 7, subject: ADDRESS, sense: { key: 3, asc: 0x11, ascq: 0 } });
      expect((error as Error).message).toMatch(
        /^(READ|WRITE): medium error: unrecovered read error \(sense 3\/11\/00\)$/,
      );
    }
    await disk.write(buffer, 8);
    const read = Buffer.alloc(4096);
    await disk.read(read, 8);
    expect(read.equals(buffer)).toBe(true);
  });

  test('is tried again after a unit attention, but not for ever', async () => {
    await using disk = await UsbStorage.open(device);
    const attention = { sense: [6, 0x29, 0] } as const;
    // Between two of them there is a REQUEST SENSE.
    sim.controls.failCommands(ADDRESS, attention, {}, attention, {});
    await disk.testUnitReady();
    sim.controls.failCommands(ADDRESS, ...Array.from({ length: 4 }, () => [attention, {}]).flat());
    await expect(disk.testUnitReady()).rejects.toThrow('unit attention: power on or reset (sense 6/29/00)');
    await disk.testUnitReady();
  });

  test('because the disk is not ready yet is waited for by the open', async () => {
    const starting = { sense: [2, 4, 1] } as const;
    sim.controls.failCommands(ADDRESS, {}, starting, {}, starting, {});
    await using disk = await UsbStorage.open(device);
    expect(disk.blocks).toBe(DISK_BLOCKS);
  });

  test('because there is no medium is told by the open', async () => {
    sim.controls.failCommands(ADDRESS, {}, { sense: [2, 0x3a, 0] });
    await expect(UsbStorage.open(device)).rejects.toThrow('not ready: medium not present (sense 2/3a/00)');
  });
});

test.each(['signature', 'tag', 'phase'] as const)(
  'a wrong %s in the status: the device is reset, and the next command works',
  async (status) => {
    await using disk = await UsbStorage.open(device);
    sim.controls.failCommands(ADDRESS, { status });
    await expect(disk.read(Buffer.alloc(512), 0)).rejects.toThrow(
      status === 'phase' ? 'READ: phase error; was reset' : /READ: invalid status [0-9a-f]{26}; was reset/,
    );
    await disk.read(Buffer.alloc(512), 0);
  },
);

test('a residue is data that did not come', async () => {
  await using disk = await UsbStorage.open(device);
  sim.controls.failCommands(ADDRESS, { status: 'residue' });
  await expect(disk.read(Buffer.alloc(512), 0)).rejects.toThrow('READ moved 0 of 512 bytes');
});

test('a halted endpoint takes no command: reset recovery mends it', async () => {
  await using disk = await UsbStorage.open(device);
  sim.controls.stall(ADDRESS, 0x02);
  await expect(disk.write(pattern(512), 0)).rejects.toMatchObject({
    subject: `${ADDRESS} WRITE`,
    message: 'stalled: the device refuses, 0 of 31 bytes done',
    exit: 7,
  });
  await disk.write(pattern(512), 0);
});

test('a disk that answers no more: the time is up, and the next command works', async () => {
  await using disk = await UsbStorage.open(device, { timeoutMs: 50 });
  sim.controls.hang(ADDRESS, 0x81);
  await expect(disk.read(Buffer.alloc(4096), 0)).rejects.toMatchObject({
    subject: `${ADDRESS} READ`,
    message: 'timed out after 50 ms, 0 of 4096 bytes done',
    exit: 6,
    hint: `udrv usb reset ${ADDRESS}`,
  });
  sim.controls.hang(ADDRESS, 0x81, false);
  await disk.read(Buffer.alloc(4096), 0);
});

test('the close in the middle ends the command, and leaves a disk that works', async () => {
  const disk = await UsbStorage.open(device);
  const reading = disk.read(Buffer.alloc(2 ** 20), 0);
  const ended = expect(reading).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 3));
  await disk.close();
  await ended;
  await disk.close();
  await expect(disk.read(Buffer.alloc(512), 0)).rejects.toThrow('closed');
  await using again = await UsbStorage.open(device);
  await again.read(Buffer.alloc(512), 0);
});

test('a disk is taken that another driver has left in the middle of a write', async () => {
  device.claim(0, { detach: true });
  // WRITE(10) of 8 blocks, and no data.
  const wrapper = Buffer.alloc(31);
  wrapper.write('USBC', 'latin1');
  wrapper.writeUInt32LE(4096, 8);
  wrapper[14] = 10;
  wrapper[15] = 0x2a;
  wrapper[23] = 8;
  await device.write(0x02, [wrapper]);
  device.close();
  device = UsbDevice.open(sim.sys, inspected(ADDRESS));
  await using disk = await UsbStorage.open(device, { timeoutMs: 500 });
  expect(disk.inquiry.product).toBe('QEMU HARDDISK');
  await disk.read(Buffer.alloc(4096), 0);
});

test('a disk that is pulled out in the middle of a write', async () => {
  const disk = await UsbStorage.open(device);
  const writing = disk.write(pattern(2 ** 20), 0);
  setTimeout(() => sim.controls.unplug(ADDRESS), 5);
  await expect(writing).rejects.toMatchObject({ exit: 8 });
  await disk.close();
});

test('another device is none', async () => {
  using keyboard = UsbDevice.open(sim.sys, inspected('1-3.1'));
  await expect(UsbStorage.open(keyboard)).rejects.toMatchObject({ exit: 9 });
  expect(inspected('1-3.1').driver).toBe('usbhid');
});

test.each([
  ['70000200000000000000000004010000', { key: 2, asc: 4, ascq: 1 }, 'not ready: becoming ready (sense 2/04/01)'],
  ['7203110200000000', { key: 3, asc: 0x11, ascq: 2 }, 'medium error: unrecovered read error (sense 3/11/02)'],
  ['70000b000000000000000000eeff0000', { key: 0xb, asc: 0xee, ascq: 0xff }, 'aborted command (sense b/ee/ff)'],
  ['', { key: 0, asc: 0, ascq: 0 }, 'no sense (sense 0/00/00)'],
])('sense %s', (bytes, sense, text) => {
  expect(parseSense(Buffer.from(bytes, 'hex'))).toEqual(sense);
  expect(senseText(sense)).toBe(text);
});
