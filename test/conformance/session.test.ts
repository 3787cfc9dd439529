// A session as a program and the command have it. The edu at 0000:00:03.0 is vfio-pci's, and moves memory by its DMA
// engine: docs/specs/edu.rst of QEMU.
import { findDevice } from '../../src/devices/select';
import { UdrvError } from '../../src/errors';
import { NO_NAMES } from '../../src/names/database';
import type { BlamedFault, StepResult } from '../../src/session/result';
import { Session } from '../../src/session/session';
import { traced } from '../../src/sys/trace';
import { serveSignals } from '../../src/sys/wait';
import { makeSys, onKernel, title, UIO, USB } from './target';

const DEVICE = '0000:00:03.0';
const MASTER = 0x04;

const sys = makeSys();
const backends = sys.access('/dev/iommu') === null ? (['group'] as const) : (['group', 'iommufd'] as const);

function open(address: string, backend?: 'group' | 'iommufd'): Session {
  const info = findDevice(sys, NO_NAMES, address);
  if (info.framework === 'pci') throw new Error(`${address} is not bound to a VFIO driver`);
  return Session.open(sys, info, { backend });
}

/** Reads the command register of the bus, not VFIO's view of it. */
const command = () => sys.readFile(`/sys/bus/pci/devices/${DEVICE}/config`).readUInt16LE(4);

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    return `${error.exit} ${error.subject}: ${error.message}`;
  }
  throw new Error('it did not fail');
}

describe.each(backends)(title('a session by %s'), (backend) => {
  let session: Session;
  let faults: BlamedFault[];
  let results: StepResult[];
  const run = (text: string) =>
    session.do(text, {
      onStep: ({ result }) => void results.push(result),
      onFaults: (found) => void faults.push(...found),
    });

  /** Runs steps until their fault is told: the kernel tells of ten in 5 s, of those of other tests too (dmar_fault()). */
  const runUntilFault = async (text: string) => {
    for (const start = performance.now(); faults.length === 0 && performance.now() - start < 20_000; ) await run(text);
  };

  beforeEach(() => {
    session = open(DEVICE, backend);
    faults = [];
    results = [];
  });
  afterEach(() => {
    session.close();
    expect(command() & MASTER).toBe(0);
  });

  test('registers keep what was written from step to step', async () => {
    await run('write bar0:0x4 0x12345678; read bar0:0x4; write bar0:0x80 0x1234; sleep 1ms');
    await run('expect bar0:0x4==0xedcba987; expect bar0:0x80==0x1234');
    expect(results[1]).toEqual({ kind: 'value', region: 'bar0', offset: 4, width: 4, value: 0xedcba987 });
  });

  test('memory goes through the device, an access to what is unmapped is explained, and it works again', async () => {
    await run(`
      buf A 4K r; buf B 4K w
      fill A 0x5a; load A deadbeef
      irq msi on
      write bar0:0x80 A; write bar0:0x88 0x40000; write bar0:0x90 0x800
      write bar0:0x98 5
      wait msi 5s
      write bar0:0x64 0x100
      write bar0:0x80 0x40000; write bar0:0x88 B
      write bar0:0x98 7
      wait msi 5s
      write bar0:0x64 0x100
      expect A:0+0x800==B
    `);
    expect(faults).toEqual([]);
    const b = session.buffers.get('B');
    expect(b?.bytes.readUInt32BE(0)).toBe(0xdeadbeef);
    await run('unmap B; fill B 0');
    await runUntilFault('write bar0:0x98 3; poll bar0:0x98&1==0 5s; sleep 100ms');
    expect(faults[0]).toMatchObject({
      address: b?.iova,
      access: 'write',
      buffer: 'B',
      offset: 0n,
      where: 'in B at 0x0, which is not mapped',
    });
    await run('map B w; write bar0:0x98 3; poll bar0:0x98&1==0 5s; expect A:0+0x800==B');
    const listed = await run('faults');
    expect(listed.kind === 'faults' && listed.faults.length).toBeGreaterThan(0);
  }, 60_000);

  test('what a device reads behind the end of a buffer is told by how much', async () => {
    await run('buf A 4K; master on; write bar0:0x80 A+0x1000; write bar0:0x88 0x40000; write bar0:0x90 16');
    await runUntilFault('write bar0:0x98 1; poll bar0:0x98&1==0 5s; sleep 100ms');
    expect(faults[0]).toMatchObject({ buffer: 'A', offset: 0x1000n, where: 'right behind the end of A' });
  }, 60_000);

  test('a step that fails has its number and exit code, and the session goes on', async () => {
    expect(await failure(run('read bar0:0; expect bar0:0==1; write bar0:0x4 1'))).toBe(
      `1 step 2: ${DEVICE} bar0:0x0: is 0x010000ed, not 0x00000001`,
    );
    expect(results).toHaveLength(1);
    expect(await failure(run('poll bar0:0==1 50ms'))).toMatch(/^6 step 1: .*: is still 0x010000ed/);
    expect(await failure(run('irq intx on; wait 50ms'))).toBe(`6 step 2: ${DEVICE}: no interrupt within 50 ms`);
    await run('read bar0:0');
  });

  test('nothing is done where a later step is wrong', async () => {
    await run('write bar0:0x4 0');
    expect(await failure(run('write bar0:0x4 1\nread bar7:0'))).toMatch(/^3 step 2: /);
    await run('expect bar0:0x4==0xffffffff');
  });

  test('INTx comes again once the device was acknowledged', async () => {
    await run('irq intx on; repeat 3 { write bar0:0x60 1; wait 2s; write bar0:0x64 1 }; irq intx off');
    expect(results.filter(({ kind }) => kind === 'interrupt')).toHaveLength(3);
  });

  test('an aborted wait ends, and the session goes on', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const begun = performance.now();
    await session.do('sleep 20s; write bar0:0x4 1', { signal: controller.signal });
    expect(performance.now() - begun).toBeLessThan(10_000);
    await run('read bar0:0');
  });

  test('bus mastering that was switched on outlives an interrupt', async () => {
    await run('irq msi on; master on; irq msi off');
    await run('expect config:4/2&4==4');
  });

  test('nothing grows over 100000 steps', async () => {
    const used = () => {
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers;
    };
    await run('repeat 1000 { write bar0:0x4 1; read bar0:0x4 }');
    results.length = 0;
    const before = used();
    let steps = 0;
    await session.do('repeat 50000 { write bar0:0x4 1; read bar0:0x4 }', { onStep: () => void steps++ });
    expect(steps).toBe(100_000);
    expect(used() - before).toBeLessThan(32 * 1024 * 1024);
  }, 120_000);

  test('buffers come and go without leaving addresses behind', async () => {
    // Each counts as well as the first: in the guest, where each takes long, fewer do.
    await run(`repeat ${onKernel ? 200 : 2000} { buf A 64K; free A }; buf A 4K`);
    const first = session.buffers.get('A')?.iova;
    await run('free A; buf A 4K');
    expect(session.buffers.get('A')?.iova).toBe(first);
  }, 60_000);
});

test(title('a session with a UIO device takes its interrupts'), async () => {
  using session = open(UIO);
  const results: StepResult[] = [];
  await session.do('irq on; repeat 3 { write map0:0x60 1; wait 2s; write map0:0x64 1 }; irq off', {
    onStep: ({ result }) => void results.push(result),
  });
  expect(results.filter(({ kind }) => kind === 'interrupt')).toHaveLength(3);
});

test(title('a session with a USB disk asks it who it is, and the driver has it again'), async () => {
  const driver = () => {
    const info = findDevice(sys, NO_NAMES, USB.disk);
    return info.framework === 'usb' ? info.drivers : [];
  };
  const before = driver();
  {
    using session = open(USB.disk);
    await session.do(`
      claim 0 --detach
      buf DATA 36; buf STATUS 13
      bulk 0x02 55534243010000002400000080000612000000240000000000000000000000
      bulk 0x81 DATA:0+36
      bulk 0x81 STATUS:0+13
      expect STATUS:0==0x53425355
      expect STATUS:12/1==0
    `);
    expect(session.buffers.get('DATA')?.bytes.toString('latin1', 8, 12)).toBe('QEMU');
  }
  expect(driver()).toEqual(before);
});

test(title('the end of a session touches no descriptor that it has closed'), async () => {
  const lines: string[] = [];
  const info = findDevice(sys, NO_NAMES, DEVICE);
  if (info.framework !== 'vfio') throw new Error('not bound to a VFIO driver');
  const session = Session.open(
    traced(sys, (line) => lines.push(line)),
    info,
  );
  await session.do('irq msi on; read bar0:0');
  session.close();
  await serveSignals();
  expect(lines.at(-1)).toMatch(/^close\(.*\) = 0$/);
  expect(lines.filter((line) => line.includes('EBADF'))).toEqual([]);
});
