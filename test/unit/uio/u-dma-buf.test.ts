// Buffers of u-dma-buf, a driver outside of Linux: its attributes as its source shows them (u-dma-buf.c, 5.x).
import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import { NO_NAMES } from '../../../src/names/database';
import { Session } from '../../../src/session/session';
import { simulatedMachine } from '../../../src/sim';
import type { Memory, OpenOptions, Sys } from '../../../src/sys/sys';
import { findUDmaBuf, listUDmaBufs, UDmaBuf } from '../../../src/uio/u-dma-buf';
import { TreeSys } from '../../support/tree-sys';

const CLASS = '/sys/class/u-dma-buf';

/** A machine with buffers: their attributes, and one memory behind every node. */
class BufferSys extends TreeSys {
  readonly opened: [string, OpenOptions][] = [];
  readonly written: string[] = [];
  readonly memory = Buffer.alloc(8192);
  readonly closed: string[] = [];

  constructor() {
    super({
      [`${CLASS}/udmabuf10/phys_addr`]: '0x0000000081000000\n',
      [`${CLASS}/udmabuf10/size`]: '4096\n',
      [`${CLASS}/udmabuf2/phys_addr`]: '0x0000001080000000\n',
      [`${CLASS}/udmabuf2/size`]: '5000\n',
      [`${CLASS}/udmabuf2/dma_coherent`]: '0\n',
      [`${CLASS}/broken/phys_addr`]: 'nonsense\n',
      [`${CLASS}/broken/size`]: '4096\n',
      '/sys/class/udmabuf/old/phys_addr': '0x3f000000\n',
      '/sys/class/udmabuf/old/size': '1048576\n',
      '/sys/class/udmabuf/old/dma_coherent': '1\n',
    });
  }

  override open(path: string, flags: OpenOptions): number {
    this.opened.push([path, flags]);
    return 7;
  }

  override close(fd: number): void {
    this.closed.push(`fd ${fd}`);
  }

  override allocateDma(fd: number, length: number): Memory {
    expect([fd, length]).toEqual([7, 5000]);
    return { address: 0n, bytes: this.memory, close: () => void this.closed.push('memory') };
  }

  override writeFile(path: string, data: string): void {
    this.written.push(`${path.slice(CLASS.length + 1)} = ${data}`);
  }
}

const sys = () => new BufferSys();

test('they are listed by name; what has no address is left out', () => {
  expect(
    listUDmaBufs(sys()).map(({ name, node, address, size, coherent }) => [name, node, address, size, coherent]),
  ).toEqual([
    ['old', '/dev/old', 0x3f000000n, 1048576, true],
    ['udmabuf2', '/dev/udmabuf2', 0x1080000000n, 5000, false],
    ['udmabuf10', '/dev/udmabuf10', 0x81000000n, 4096, null],
  ]);
});

test('one that is not there', () => {
  const fail = (tree: Sys, name: string) => {
    try {
      findUDmaBuf(tree, name);
    } catch (error) {
      if (error instanceof UdrvError) return [error.exit, error.message, error.hint];
      throw error;
    }
    throw new Error('it was found');
  };
  expect(fail(sys(), 'udmabuf3')).toEqual([3, 'no such u-dma-buf', 'did you mean udmabuf2?']);
  expect(fail(new TreeSys(), 'udmabuf0')).toEqual([
    3,
    'no such u-dma-buf',
    'sudo modprobe u-dma-buf udmabuf0=1048576 makes one of 1M',
  ]);
});

test('its memory and address, uncached unless it is asked for, and closed in order', () => {
  const machine = sys();
  const buffer = UDmaBuf.open(machine, findUDmaBuf(machine, 'udmabuf2'));
  expect(machine.opened).toEqual([['/dev/udmabuf2', { write: true, sync: true }]]);
  expect([buffer.iova, buffer.length, buffer.bytes.length]).toEqual([0x1080000000n, 5000, 5000]);
  buffer.bytes[4999] = 1;
  expect(machine.memory[4999]).toBe(1);
  buffer.close();
  buffer.close();
  expect(machine.closed).toEqual(['memory', 'fd 7']);
});

test('a cached one is handed over in parts', () => {
  const machine = sys();
  using buffer = UDmaBuf.open(machine, findUDmaBuf(machine, 'udmabuf2'), { cached: true });
  expect(machine.opened[0]?.[1]).toEqual({ write: true, sync: false });
  buffer.syncForDevice(0, 4096, 'to-device');
  buffer.syncForCpu(4096, 904, 'from-device');
  expect(machine.written).toEqual([
    'udmabuf2/sync_offset = 0',
    'udmabuf2/sync_size = 4096',
    'udmabuf2/sync_direction = 1',
    'udmabuf2/sync_for_device = 1',
    'udmabuf2/sync_offset = 4096',
    'udmabuf2/sync_size = 904',
    'udmabuf2/sync_direction = 2',
    'udmabuf2/sync_for_cpu = 1',
  ]);
  for (const [offset, size] of [
    [-1, 4],
    [0, 5001],
    [4999, 2],
    [0, 0],
  ] as const)
    expect(() => buffer.syncForCpu(offset, size, 'both')).toThrow(RangeError);
});

test('in a session of a UIO device it is a buffer, whose address registers take', async () => {
  const sim = simulatedMachine();
  const buffers = sys();
  const isBuffers = (path: string) => path.includes('udmabuf');
  const machine: Sys = Object.assign(Object.create(sim.sys) as Sys, {
    readDir: (path: string) => (isBuffers(path) || path === CLASS ? buffers : sim.sys).readDir(path),
    readFile: (path: string) => (path.startsWith(CLASS) ? buffers : sim.sys).readFile(path),
    open: (path: string, flags: OpenOptions) => (isBuffers(path) ? buffers : sim.sys).open(path, flags),
    close: (fd: number) => (fd === 7 ? buffers : sim.sys).close(fd),
    allocateDma: (fd: number, length: number) => buffers.allocateDma(fd, length),
  });
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(sim.sys)) as (keyof Sys)[])
    if (!Object.hasOwn(machine, method) && typeof sim.sys[method] === 'function')
      Object.assign(machine, { [method]: (sim.sys[method] as (...args: unknown[]) => unknown).bind(sim.sys) });
  const info = findDevice(sim.sys, NO_NAMES, 'uio0');
  if (info.framework !== 'uio') throw new Error('uio0 is none');
  const session = Session.open(machine, info, {});
  const results: unknown[] = [];
  await session.do(
    'buf A udmabuf2; fill A 0x5a; write map0:0x80/8 A; expect map0:0x80/8==A; read A:0x1384/4; hexdump A:0+8; free A',
    { onStep: ({ result }) => void results.push(result) },
  );
  session.close();
  expect(results[0]).toMatchObject({ kind: 'buffer', buffer: 'A', iova: 0x1080000000n, size: 5000 });
  expect(results[4]).toMatchObject({ value: 0x5a5a5a5a });
  expect(buffers.closed).toEqual(['memory', 'fd 7']);
});
