// drivers/uio/uio_pdrv_genirq.c, and the timer behind it.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';

const CONTROL = 0x104;
const PERIOD_US = 0x108;
const STATUS = 0x10c;
const COUNT = 0x110;
const TRIGGER = 0x114;
const SCRATCH = 0x118;
const STOPPED = 0x2;
const LEVEL = 0x6;

let sim: SimulatedMachine;
let sys: SimulatedMachine['sys'];
let fd: number;
beforeEach(() => {
  sim = simulatedMachine();
  sys = sim.sys;
  fd = sys.open('/dev/uio1', { write: true, nonblock: true });
});

const registers = () => sys.mmap(fd, 4096, true, 0);
const irqControl = (on: number) => sys.write(fd, Buffer.from(Int32Array.of(on).buffer));

/** The count, or the errno. */
function count(): number | string {
  const word = Buffer.alloc(4);
  try {
    sys.read(fd, word);
    return word.readInt32LE();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('is there as the device tree would have it, its registers not at the start of their page', () => {
  const text = (name: string) => sys.readFile(`/sys/class/uio/uio1/${name}`).toString();
  expect(text('name')).toBe('timer\n');
  expect(text('version')).toBe('devicetree\n');
  expect(['name', 'addr', 'size', 'offset'].map((name) => text(`maps/map0/${name}`))).toEqual([
    'registers\n',
    '0x00000000fed60000\n',
    '0x0000000000001000\n',
    '0x100\n',
  ]);
  expect(registers().read(0x100, 4)).toBe(0x54494d01);
  expect(registers().read(0, 4)).toBe(0xffffffff);
  expect(registers().read(0x200, 4)).toBe(0xffffffff);
});

test('ticks from boot on: blocking poll', () => {
  const start = performance.now();
  expect(sys.poll(fd, 2000)).toBe('ready');
  const first = performance.now() - start;
  expect(count()).toBe(1);
  expect(irqControl(1)).toBe(4);
  expect(sys.poll(fd, 2000)).toBe('ready');
  expect(count()).toBe(2);
  expect(first).toBeGreaterThan(100);
  expect(performance.now() - start - first).toBeGreaterThan(100);
});

test('ticks from boot on: the event loop', async () => {
  const counts: (number | string)[] = [];
  const timer = registers();
  timer.write(PERIOD_US, 4, 2000);
  await new Promise<void>((resolve) => {
    const watch = sys.watch(fd, () => {
      counts.push(count());
      irqControl(1);
      if (counts.length < 3) return;
      watch.close();
      resolve();
    });
  });
  expect(counts).toEqual([1, 2, 3]);
});

test('each event disables the interrupt; what comes meanwhile is not kept', () => {
  const timer = registers();
  timer.write(CONTROL, 4, STOPPED);
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe(1);
  timer.write(TRIGGER, 4, 1);
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe('EAGAIN');
  irqControl(1);
  expect(count()).toBe('EAGAIN');
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe(2);
  expect(timer.read(COUNT, 4)).toBe(4);
});

test('a level that is still asserted fires at once when the interrupt is enabled', () => {
  const timer = registers();
  timer.write(CONTROL, 4, LEVEL);
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe(1);
  irqControl(1);
  expect(count()).toBe(2);
  timer.write(STATUS, 4, 1);
  irqControl(1);
  expect(count()).toBe('EAGAIN');
  expect(timer.read(STATUS, 4)).toBe(0);
});

test('disabling and enabling do not nest', () => {
  const timer = registers();
  timer.write(CONTROL, 4, STOPPED);
  irqControl(0);
  irqControl(0);
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe('EAGAIN');
  irqControl(1);
  timer.write(TRIGGER, 4, 1);
  expect(count()).toBe(1);
});

test('status says that it expired, and that it did so again before that was cleared', () => {
  const timer = registers();
  timer.write(CONTROL, 4, STOPPED);
  timer.write(TRIGGER, 4, 1);
  expect(timer.read(STATUS, 4)).toBe(0x1);
  timer.write(TRIGGER, 4, 1);
  expect(timer.read(STATUS, 4)).toBe(0x3);
  timer.write(STATUS, 4, 0x1);
  expect(timer.read(STATUS, 4)).toBe(0x2);
});

test('periods that nobody looked at are counted, and give one interrupt', () => {
  const timer = registers();
  timer.write(PERIOD_US, 4, 1000);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  expect(timer.read(COUNT, 4)).toBeGreaterThanOrEqual(10);
  expect(count()).toBe(1);
  expect(timer.read(STATUS, 4)).toBe(0x3);
});

test('period 0 stops it', () => {
  const timer = registers();
  timer.write(PERIOD_US, 4, 0);
  expect(sys.poll(fd, 20)).toBe('timeout');
  expect(timer.read(COUNT, 4)).toBe(0);
});

test('registers take 4 bytes and nothing else', () => {
  const timer = registers();
  timer.write(SCRATCH, 4, 0x12345678);
  timer.write(SCRATCH, 2, 0xffff);
  timer.write(SCRATCH, 8, 0n);
  expect(timer.read(SCRATCH, 4)).toBe(0x12345678);
  expect(timer.read(SCRATCH, 1)).toBe(0xff);
  expect(timer.read(SCRATCH, 8)).toBe(0xffffffffffffffffn);
});

test('the buffer is memory of any width', () => {
  const buffer = sys.mmap(fd, 4096, true, 4096);
  buffer.write(8, 8, 0x1122334455667788n);
  expect([buffer.read(8, 1), buffer.read(10, 2), buffer.read(12, 4)]).toEqual([0x88, 0x5566, 0x11223344]);
});

test('only a watch keeps the process alive', () => {
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const cleared = jest.spyOn(globalThis, 'clearTimeout');
  try {
    const { sys: other } = simulatedMachine();
    const node = other.open('/dev/uio1', { write: true, nonblock: true });
    other.readFile('/sys/class/uio/uio1/event');
    expect(timers).not.toHaveBeenCalled();
    const watch = other.watch(node, () => {});
    const timer = timers.mock.results.at(-1)?.value;
    expect(timer.hasRef()).toBe(true);
    watch.close();
    expect(cleared).toHaveBeenLastCalledWith(timer);
  } finally {
    timers.mockRestore();
    cleared.mockRestore();
  }
});
