// hw/misc/edu.c of QEMU, as seen on 7.2 through a mapping.
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { Edu } from '../../../src/sim/devices/edu';
import { Timeline } from '../../../src/sim/hardware/timeline';
import { PciFunction } from '../../../src/sim/pci/function';
import type { Mapping } from '../../../src/sys/sys';

const ONES = 0xffffffffffffffffn;
const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

let sim: SimulatedMachine;
let edu: Mapping;
beforeEach(() => {
  sim = simulatedMachine();
  edu = sim.sys.mmap(sim.sys.open('/dev/uio0', { write: true }), 0x100000, true, 0);
});

describe('widths', () => {
  test.each<[number, 1 | 2 | 4 | 8, number | bigint]>([
    [0x00, 4, 0x010000ed],
    [0x00, 8, ONES],
    [0x00, 1, 0],
    [0x00, 2, 0],
    [0x0c, 4, 0xffffffff],
    [0x10, 8, ONES],
    [0x80, 4, 0],
    [0x80, 8, 0n],
    [0x80, 2, 0],
    [0x84, 4, 0xffffffff],
    [0x1000, 4, 0xffffffff],
    [0x40000, 4, 0xffffffff],
  ])('a read at %p of %p bytes', (offset, width, value) => {
    expect(edu.read(offset, width)).toBe(value);
  });

  test('a write of another width is lost', () => {
    edu.write(0x04, 4, 0x12345678);
    edu.write(0x04, 1, 0);
    edu.write(0x04, 2, 0);
    edu.write(0x00, 8, 0n);
    expect(edu.read(0x04, 4)).toBe(0xedcba987);
    edu.write(0x80, 8, 0x1122334455667788n);
    edu.write(0x80, 2, 0);
    edu.write(0x84, 4, 0);
    expect(edu.read(0x80, 8)).toBe(0x1122334455667788n);
    edu.write(0x80, 4, 0xdeadbeef);
    expect(edu.read(0x80, 8)).toBe(0xdeadbeefn);
  });
});

describe('factorial', () => {
  test.each([
    [0, 1],
    [5, 120],
    [13, 1932053504],
    [40, 0],
    [0xffffffff, 0],
  ])('of %p is %p', (value, result) => {
    edu.write(0x08, 4, value);
    wait(2);
    expect(edu.read(0x08, 4)).toBe(result);
  });

  test('is busy for a while, and takes no other then', () => {
    edu.write(0x08, 4, 6);
    edu.write(0x08, 4, 2);
    wait(2);
    expect(edu.read(0x20, 4)).toBe(0);
    expect(edu.read(0x08, 4)).toBe(720);
  });

  test('raises an interrupt when done, if asked to', () => {
    edu.write(0x20, 4, 0xff);
    expect(edu.read(0x20, 4)).toBe(0x80);
    edu.write(0x08, 4, 3);
    wait(2);
    expect(edu.read(0x24, 4)).toBe(0x1);
    edu.write(0x20, 4, 0);
    expect(edu.read(0x20, 4)).toBe(0);
  });
});

test('causes of an interrupt add up and are acknowledged bit by bit', () => {
  edu.write(0x60, 4, 0x3);
  edu.write(0x60, 4, 0x80000000);
  expect(edu.read(0x24, 4)).toBe(0x80000003);
  edu.write(0x64, 4, 0x80000001);
  expect(edu.read(0x24, 4)).toBe(0x2);
  expect(sim.controls.edu('uio0').irqStatus).toBe(0x2);
});

test('raising nothing raises nothing', () => {
  edu.write(0x60, 4, 0);
  expect(sim.sys.readFile('/sys/class/uio/uio0/event').toString()).toBe('0\n');
});

describe('DMA', () => {
  test('a command without the run bit is none', () => {
    edu.write(0x98, 4, 0x4);
    expect(edu.read(0x98, 8)).toBe(0n);
  });

  test('takes 10 ms and no orders meanwhile', () => {
    edu.write(0x88, 8, 0x40000n);
    edu.write(0x90, 8, 64n);
    edu.write(0x98, 8, 0x5n);
    expect(edu.read(0x98, 8)).toBe(0x5n);
    edu.write(0x90, 8, 1n);
    expect(edu.read(0x90, 8)).toBe(64n);
    wait(11);
    expect(edu.read(0x98, 8)).toBe(0x4n);
    expect(edu.read(0x24, 4)).toBe(0x100);
  });

  /** An edu of its own, before memory that it reaches at any address; runs a transfer to its end. */
  function engine() {
    const fn = new PciFunction('0000:00:04.0', '', Buffer.alloc(256), []);
    const timeline = new Timeline();
    const device = new Edu(fn, timeline);
    const memory = Buffer.alloc(0x3000);
    fn.dma = {
      read: (address, length) => Buffer.from(memory.subarray(Number(address), Number(address) + length)),
      write: (address, data) => data.copy(memory, Number(address)) === data.length,
    };
    const now = jest.spyOn(timeline, 'now');
    const transfer = (source: number, destination: number, count: number, command: bigint) => {
      device.write(0x80, 8, BigInt(source));
      device.write(0x88, 8, BigInt(destination));
      device.write(0x90, 8, BigInt(count));
      device.write(0x98, 8, command);
      now.mockReturnValueOnce(Number.POSITIVE_INFINITY);
      timeline.run();
      expect(device.read(0x98, 8)).toBe(command & ~1n);
    };
    return { fn, memory, transfer };
  }

  test('moves data both ways', () => {
    const { fn, memory, transfer } = engine();
    fn.config.setCommand(0x4);
    memory.fill(0xa5, 0x1000, 0x1040);
    transfer(0x1000, 0x40000, 64, 1n);
    transfer(0x40000, 0x2000, 64, 3n);
    expect(memory.subarray(0x2000, 0x2041)).toEqual(Buffer.from([...Buffer.alloc(64, 0xa5), 0]));
  });

  test('drives 28 address bits', () => {
    const { fn, memory, transfer } = engine();
    fn.config.setCommand(0x4);
    memory[0x1000] = 7;
    transfer(0x7000_1000, 0x40000, 1, 1n);
    transfer(0x40000, 0x2000, 1, 3n);
    expect(memory[0x2000]).toBe(7);
  });

  test('is refused without bus mastering: memory stays, the buffer gets zeros', () => {
    const { fn, memory, transfer } = engine();
    memory.fill(0xff);
    transfer(0x40000, 0x2000, 64, 3n);
    expect(memory[0x2000]).toBe(0xff);
    transfer(0x1000, 0x40000, 64, 1n);
    fn.config.setCommand(0x4);
    transfer(0x40000, 0x2000, 64, 3n);
    expect(memory[0x2000]).toBe(0);
  });

  test('that would leave the buffer is not made', () => {
    const { fn, memory, transfer } = engine();
    fn.config.setCommand(0x4);
    memory.fill(0xff);
    for (const [source, count] of [
      [0x40fff, 2],
      [0x3ffff, 1],
      [0x40000, 4097],
    ] as const)
      transfer(source, 0x2000, count, 3n);
    expect(memory[0x2000]).toBe(0xff);
    transfer(0x40000, 0x2000, 4096, 3n);
    expect(memory[0x2000]).toBe(0);
  });
});
