import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';
import { traced } from '../../../src/sys/trace';
import { UsbDevice } from '../../../src/usb/device/device';
import { inspectUsb } from '../../../src/usb/inspect/inspect';
import { TransferQueue } from '../../../src/usb/transfer/queue';

const NODE = '/dev/bus/usb/001/003';
const SOURCE = 0x81;
const SINK = 0x01;
const LENGTH = 256 * 1024;

/** Gadget zero, with what is asked of the kernel in `calls`. */
function opened() {
  const { sys, controls } = simulatedMachine();
  const calls: string[] = [];
  const info = inspectUsb(sys, new NameDatabase(sys), '1-2');
  if (info === null) throw new Error('1-2 is not there');
  const device = UsbDevice.open(
    traced(sys, (line) => calls.push(line)),
    info,
  );
  const mapped = () => calls.filter((call) => call.startsWith('mmap(')).map((call) => call.split(' = ')[1]);
  return { sys, controls, calls, device, mapped };
}

test('what is long comes in memory of usbfs, which is used again', async () => {
  const { device, mapped } = opened();
  for (let i = 0; i < 3; i++)
    expect(await device.read(SOURCE, LENGTH, { queue: 2, chunk: LENGTH / 4 })).toMatchObject({ actual: LENGTH });
  expect(mapped()).toHaveLength(2);
  device.close();
});

test('what is short, and an URB of a control request, is copied', async () => {
  const { device, mapped } = opened();
  expect(await device.read(SOURCE, 8192)).toMatchObject({ status: 'ok', actual: 8192 });
  const setup = { bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 };
  expect(await device.controlIn(setup, 18)).toMatchObject({ status: 'ok', actual: 18 });
  expect(mapped()).toEqual([]);
  device.close();
});

test('a control request has none, however long, not even what is idle', () => {
  const { sys } = simulatedMachine();
  const queue = new TransferQueue(sys, sys.open(NODE, { write: true }), (error) => error);
  const lent = queue.acquire(65_536);
  expect(lent.urb.isLent).toBe(true);
  queue.recycle(lent);
  const control = queue.acquire(32_768, { copied: true });
  expect(control.urb.isLent).toBe(false);
  expect(queue.acquire(65_536)).toBe(lent);
});

test('what is idle makes room for what is wanted', async () => {
  const { device } = opened();
  await device.read(SOURCE, 2 * 2 ** 20, { queue: 2, chunk: 2 ** 20 });
  const length = 15 * 2 ** 20;
  expect(await device.read(SOURCE, length, { chunk: length })).toMatchObject({ status: 'ok', actual: length });
  device.close();
});

test.each(['ENOMEM', 'ENODEV', 'EAGAIN'])('where usbfs lends none (%s), the kernel copies', async (code) => {
  const { controls, device, mapped } = opened();
  controls.fail('allocateDma', NODE, code, 1);
  const { status, actual, data } = await device.read(SOURCE, LENGTH, { queue: 2, chunk: LENGTH / 2 });
  expect({ status, actual }).toEqual({ status: 'ok', actual: LENGTH });
  expect(data.equals(Buffer.alloc(LENGTH))).toBe(true);
  expect(mapped()).toEqual([expect.stringContaining(code), expect.stringMatching(/^0x/)]);
  device.close();
});

test('where usbfs_memory_mb leaves none for more, it goes on with what there is', async () => {
  const { device } = opened();
  const stream = device.readStream(SOURCE, 48 * 2 ** 20, { queue: 64, chunk: 2 ** 20 });
  for await (const piece of stream) expect(piece.length).toBe(2 ** 20);
  expect(stream).toMatchObject({ status: 'ok', actual: 48 * 2 ** 20 });
  device.close();
});

/** All that usbfs may lend is there again, but for less than a page of usual pieces. */
function expectNothingLent(sys: Sys): void {
  const fd = sys.open(NODE, { write: true });
  const megabytes = [4, 4, 4, 3.96].map((size) => sys.allocateDma(fd, size * 2 ** 20));
  for (const memory of megabytes) memory.close();
  sys.close(fd);
}

test('a transfer that outlives its device keeps nothing of it', async () => {
  const { sys, device } = opened();
  const pieces = device.readStream(SOURCE, LENGTH, { queue: 2, chunk: LENGTH / 4 })[Symbol.asyncIterator]();
  await pieces.next();
  device.close();
  await pieces.return?.(undefined);
  expectNothingLent(sys);
});

test('a stream that goes on after its device was closed ends as cancelled, and leaves the descriptor alone', async () => {
  const { sys, calls, device } = opened();
  const stream = device.readStream(SOURCE, LENGTH, { queue: 3, chunk: LENGTH / 8 });
  const pieces = stream[Symbol.asyncIterator]();
  await pieces.next();
  device.close();
  // It has the number now.
  const other = sys.open(NODE, { write: true });
  const { length } = calls;
  while (!(await pieces.next()).done);
  expect(stream.status).toBe('cancelled');
  expect(calls.slice(length).filter((call) => !call.startsWith('munmap('))).toEqual([]);
  sys.close(other);
  expectNothingLent(sys);
});

test.each([
  [
    'at once',
    function* () {
      yield Buffer.alloc(LENGTH / 2);
      throw new Error('no more');
    },
  ],
  [
    'later',
    async function* () {
      yield Buffer.alloc(LENGTH / 2);
      throw new Error('no more');
    },
  ],
] as const)('a source that fails %s leaves nothing lent', async (_, source) => {
  const { sys, device } = opened();
  await expect(device.write(SINK, source(), { chunk: LENGTH / 4 })).rejects.toThrow('no more');
  device.close();
  expectNothingLent(sys);
});

test('where the URB itself gets no memory, what was lent for its data is given back', async () => {
  const { sys, controls, device } = opened();
  controls.fail('allocate', 'memory', 'ENOMEM', 1);
  await expect(device.read(SOURCE, LENGTH, { queue: 1, chunk: LENGTH })).rejects.toMatchObject({ code: 'ENOMEM' });
  device.close();
  expectNothingLent(sys);
});
