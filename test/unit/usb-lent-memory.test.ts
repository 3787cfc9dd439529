import { NameDatabase } from '../../src/names/database';
import { simulatedMachine } from '../../src/sim';
import { traced } from '../../src/sys/trace';
import { OpenUsb } from '../../src/usb/device';
import { inspectUsb } from '../../src/usb/inspect';

const NODE = '/dev/bus/usb/001/003';
const SOURCE = 0x81;
const LENGTH = 256 * 1024;

/** Gadget zero, with what is asked of the kernel in `calls`. */
function opened() {
  const { sys, controls } = simulatedMachine();
  const calls: string[] = [];
  const info = inspectUsb(sys, new NameDatabase(sys), '1-2');
  if (info === null) throw new Error('1-2 is not there');
  const device = OpenUsb.open(
    traced(sys, (line) => calls.push(line)),
    info,
  );
  const mapped = () => calls.filter((call) => call.startsWith('mmap(')).map((call) => call.split(' = ')[1]);
  return { sys, controls, device, mapped };
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

test('a transfer that outlives its device keeps nothing of it', async () => {
  const { sys, device } = opened();
  const pieces = device.readStream(SOURCE, LENGTH, { queue: 2, chunk: LENGTH / 4 })[Symbol.asyncIterator]();
  await pieces.next();
  device.close();
  await pieces.return?.(undefined);
  // All that usbfs may lend, but for less than one of those pieces.
  const fd = sys.open(NODE, { write: true });
  const megabytes = [4, 4, 4, 3.96].map((size) => sys.allocateDma(fd, size * 2 ** 20));
  for (const memory of megabytes) memory.close();
  sys.close(fd);
});
