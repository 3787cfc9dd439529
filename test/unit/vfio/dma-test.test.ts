import { findDevice } from '../../../src/devices/select';
import { SysError } from '../../../src/errors';
import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import type { Memory, Sys } from '../../../src/sys/sys';
import { VfioDevice } from '../../../src/vfio/device/device';
import { DmaSpace } from '../../../src/vfio/dma/buffer';
import type { DmaAccess, Iommu } from '../../../src/vfio/dma/iommu';
import { KernelLog } from '../../../src/vfio/dma/kernel-log';
import { eduTier } from '../../../src/vfio/dma-test/edu';
import { runDmaTest } from '../../../src/vfio/dma-test/run';
import type { Check, DmaDriver, DmaTier, Finding } from '../../../src/vfio/dma-test/tier';
import { Transfers } from '../../../src/vfio/dma-test/transfers';
import { deviceFailed } from '../../../src/vfio/errors';

// The verdicts, against a device and an IOMMU that can be told to misbehave. What a real one does is in test/lab.

/** Faults of the machine. */
interface Faults {
  /** Mappings stay although they are taken away, with all rights: no isolation. */
  leaks?: boolean;
  /** Writes go where the address led first: a translation that is remembered. */
  remembers?: boolean;
  /** The device moves nothing at all. */
  dead?: boolean;
  /** From the second transfer on. */
  dies?: boolean;
  /** Bus mastering is ignored. */
  unruly?: boolean;
  /** Reason why reading what may be written is no news. */
  isKnown?: string;
  /** It writes only data of its own. */
  ofItsOwn?: boolean;
  /** Number of mappings that are refused from now on. */
  refuses?: number;
}

const LENGTH = 256;
const OWN = Buffer.alloc(LENGTH, 'own ');

/** @param log what the kernel says during the transfer of this number */
function machine(faults: Faults = {}, log: Record<number, string> = {}) {
  const kmsg: string[] = [];
  const sim = simulatedMachine().sys;
  const mapped = new Map<bigint, { memory: Memory; access: DmaAccess }>();
  const first = new Map<bigint, Memory>();
  const iommu: Iommu = {
    kind: 'type1',
    info: () => ({ pageSizes: [4096n], ranges: [{ start: 0n, end: 0xffffffn }], dmaAvail: null }),
    objects: () => [],
    map(iova, memory, _length, access) {
      if (!faults.leaks && mapped.has(iova)) throw new Error('mapped twice');
      if (faults.refuses !== undefined && faults.refuses-- > 0) throw new SysError('ioctl', 'ENOMEM', 'container');
      mapped.set(iova, { memory: memory as Memory, access: faults.leaks ? { read: true, write: true } : access });
      if (!first.has(iova)) first.set(iova, memory as Memory);
    },
    unmap(iova) {
      if (!faults.leaks) mapped.delete(iova);
      return 4096;
    },
    unmapAll: () => mapped.clear(),
    mapping: (...request) => ({ map: () => iommu.map(...request), unmap: () => iommu.unmap(request[0], request[2]) }),
  };
  let busMaster = true;
  let transfers = 0;
  const inside = Buffer.alloc(LENGTH);
  const driver: DmaDriver = {
    maxLength: LENGTH,
    source: faults.ofItsOwn ? 'device' : 'memory',
    checks: [],
    recognize: (bytes) => (bytes.equals(OWN) ? 'its own' : null),
    async copy({ source, destination }) {
      transfers++;
      kmsg.push(...[log[transfers] ?? []].flat());
      if (!busMaster && !faults.unruly) return { completed: false, note: null };
      if (faults.dead || (faults.dies && transfers > 1)) return { completed: true, note: 'done' };
      const from = mapped.get(source);
      if (faults.ofItsOwn) OWN.copy(inside);
      else if (from?.access.read) from.memory.bytes.copy(inside, 0, 0, LENGTH);
      else inside.fill(0);
      const to = mapped.get(destination);
      const memory = faults.remembers ? first.get(destination) : to?.memory;
      if (to?.access.write) inside.copy(memory?.bytes ?? inside);
      return { completed: true, note: null };
    },
    remove: async () => {},
  };
  const sys = Object.create(sim, {
    open: { value: (path: string) => (path === '/dev/kmsg' ? 77 : sim.open(path, {})) },
    read: {
      value: (_: number, buffer: Buffer) => {
        const line = kmsg.shift();
        if (line === undefined) return 0;
        return buffer.write(`4,1,1,-;${line}\n`, 'latin1');
      },
    },
  });
  const transfersOf = new Transfers({
    sys: sim,
    address: '0000:00:03.0',
    iommu,
    pool: new DmaSpace(sim, iommu, '0000:00:03.0').pool(),
    driver,
    log: KernelLog.open(Object.keys(log).length > 0 ? sys : sim),
    setBusMaster: (on) => {
      busMaster = on;
    },
    detach: null,
    readsWhatItWrites: faults.isKnown,
  });
  return { transfers: transfersOf, mapped };
}

async function verdicts(checks: readonly Check[]): Promise<Record<string, Finding['verdict']>> {
  const signal = new AbortController().signal;
  const all: Record<string, Finding['verdict']> = {};
  for (const check of checks) all[check.name] = (await check.run(signal)).verdict;
  return all;
}

const NAMES = [
  'roundtrip',
  'write-unmapped',
  'read-unmapped',
  'write-read-only',
  'read-write-only',
  'remapped',
  'bus-master-off',
  'recovery',
];
const all = (verdict: Finding['verdict'], names = NAMES) => Object.fromEntries(names.map((name) => [name, verdict]));

test('a good device behind a good IOMMU passes everything, and leaves its two buffers as they were', async () => {
  const { transfers, mapped } = machine();
  expect(await verdicts(transfers.checks)).toEqual(all('pass'));
  expect(transfers.moved).toBe(true);
  expect([...mapped.values()].map(({ access }) => access)).toEqual([
    { read: true, write: true },
    { read: true, write: true },
  ]);
});

test('an IOMMU that takes nothing away fails each check of isolation', async () => {
  const { transfers } = machine({ leaks: true });
  expect(await verdicts(transfers.checks)).toEqual({
    ...all('fail', ['write-unmapped', 'read-unmapped', 'write-read-only', 'read-write-only']),
    ...all('pass', ['roundtrip', 'remapped', 'bus-master-off', 'recovery']),
  });
});

test('reading what may be written is skipped where the IOMMU is known not to forbid it', async () => {
  const { transfers } = machine({ leaks: true, isKnown: 'no bit for it' });
  const check = transfers.checks.find(({ name }) => name === 'read-write-only');
  expect(await check?.run(new AbortController().signal)).toEqual({
    verdict: 'skip',
    detail: 'the device read 256 of 256 secret bytes at 0x100000, as expected: no bit for it',
  });
});

test('what is changed or read is told', async () => {
  const { transfers } = machine({ leaks: true });
  const detail = async (name: string) =>
    (await transfers.checks.find((check) => check.name === name)?.run(new AbortController().signal))?.detail;
  expect(await detail('write-unmapped')).toMatch(/^canary at 0x101000 overwritten: 2\d\d of 256 bytes changed$/);
  expect(await detail('read-unmapped')).toBe('the device read 256 of 256 secret bytes at 0x100000');
});

test('a translation that is remembered fails the check of remapping', async () => {
  const { transfers } = machine({ remembers: true });
  expect(await verdicts(transfers.checks)).toEqual({ ...all('pass'), remapped: 'fail' });
});

test('a device that moves nothing proves nothing', async () => {
  const { transfers } = machine({ dead: true });
  expect(await verdicts(transfers.checks)).toEqual({
    ...all('inconclusive'),
    ...all('fail', ['roundtrip', 'recovery']),
  });
  expect(transfers.moved).toBe(false);
});

test('nor does one that stops later', async () => {
  const { transfers } = machine({ dies: true });
  expect(await verdicts(transfers.checks)).toEqual({ ...all('inconclusive'), roundtrip: 'pass', recovery: 'fail' });
});

test('a device that does not care about bus mastering', async () => {
  const { transfers } = machine({ unruly: true });
  expect(await verdicts(transfers.checks)).toEqual({ ...all('pass'), 'bus-master-off': 'fail' });
});

test('a device with data of its own is not asked to read', async () => {
  const { transfers } = machine({ ofItsOwn: true });
  expect(await verdicts(transfers.checks)).toEqual(
    all('pass', ['device-write', 'write-unmapped', 'write-read-only', 'remapped', 'bus-master-off', 'recovery']),
  );
  expect((await transfers.checks[0]?.run(new AbortController().signal))?.detail).toMatch(/; its own$/);
});

test('a fault in the kernel log is told beside the verdict, if it is of this transfer', async () => {
  const line = (address: string) =>
    `DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr ${address} [fault reason 0x05] PTE Write access is not set`;
  const run = async (log: Record<number, string>) => {
    const check = machine({}, log).transfers.checks.find(({ name }) => name === 'write-unmapped');
    return (await check?.run(new AbortController().signal))?.detail;
  };
  // The second transfer is the one that is stopped.
  expect(await run({ 2: line('0x101000') })).toBe(
    'canary at 0x101000 intact; kernel log: write fault at 0x101000, reason 0x05, PTE Write access is not set',
  );
  expect(await run({ 2: line('0x700000') })).toBe('canary at 0x101000 intact; kernel log: no fault (not required)');
  expect(await run({ 1: line('0x101000') })).toBe('canary at 0x101000 intact; kernel log: no fault (not required)');
});

test('a check ends where the test is aborted, and maps nothing again', async () => {
  const { transfers, mapped } = machine();
  const controller = new AbortController();
  const check = transfers.checks.find(({ name }) => name === 'write-unmapped');
  controller.abort();
  await expect(check?.run(controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  expect(mapped.size).toBe(1);
});

describe('a signal during a check of the kernel', () => {
  const open = (sys: Sys) => {
    const info = findDevice(sys, NO_NAMES, '0000:00:03.0');
    if (info.framework !== 'vfio') throw new Error('edu is not bound to a VFIO driver');
    return VfioDevice.open(sys, info);
  };

  test('is served before the next one: none of them waits for anything by itself', async () => {
    const { sys } = simulatedMachine();
    using device = open(sys);
    const controller = new AbortController();
    // As Node calls the handler of a signal: from the event loop.
    const onStart = (name: string) => {
      if (name === 'map-unmap') setTimeout(() => controller.abort(), 0);
    };
    const { checks } = await runDmaTest(sys, device, { onStart, signal: controller.signal });
    expect(checks.map(({ name }) => name)).toEqual(['iova-ranges', 'map-unmap']);
  });

  test.each([
    ['loopback', 'bus-master'],
    ['completion-msi', 'identity'],
  ])('ends the wait of %s for an interrupt that does not come, which is no finding then', async (waiting, last) => {
    const { sys } = simulatedMachine();
    using device = open(sys);
    const controller = new AbortController();
    let start = 0;
    const onStart = (name: string) => {
      if (name !== waiting) return;
      start = performance.now();
      jest.spyOn(sys, 'watch').mockReturnValue({ close() {} });
      jest.spyOn(sys, 'read').mockImplementation(() => {
        throw new SysError('read', 'EAGAIN', 'eventfd');
      });
      setTimeout(() => controller.abort(), 300);
    };
    const { checks } = await runDmaTest(sys, device, { onStart, signal: controller.signal });
    expect(checks.at(-1)).toMatchObject({ name: last, verdict: 'pass' });
    expect(performance.now() - start).toBeLessThan(900);
  });
});

describe.each(['remapped', 'write-read-only', 'read-write-only'])('where a mapping of %s is refused', (name) => {
  const signal = new AbortController().signal;
  const run = (checks: readonly Check[], wanted: string) => checks.find((check) => check.name === wanted)?.run(signal);

  test('the buffer is mapped again, and the device works as before', async () => {
    const faults: Faults = {};
    const { transfers, mapped } = machine(faults);
    await run(transfers.checks, 'roundtrip');
    faults.refuses = 1;
    await expect(run(transfers.checks, name)).rejects.toMatchObject({ code: 'ENOMEM' });
    expect(mapped.size).toBe(2);
    expect(await run(transfers.checks, 'recovery')).toMatchObject({ verdict: 'pass' });
  });

  test('and so is the one that puts it back: the next check makes it', async () => {
    const faults: Faults = {};
    const { transfers, mapped } = machine(faults);
    await run(transfers.checks, 'roundtrip');
    faults.refuses = 2;
    await expect(run(transfers.checks, name)).rejects.toMatchObject({ code: 'ENOMEM' });
    expect(mapped.size).toBe(1);
    expect(await run(transfers.checks, 'recovery')).toMatchObject({ verdict: 'pass' });
    expect(mapped.size).toBe(2);
  });
});

test('a leak stays a failure where the mapping cannot be put back', async () => {
  const faults: Faults = { leaks: true };
  const { transfers } = machine(faults);
  const check = transfers.checks.find(({ name }) => name === 'write-unmapped');
  faults.refuses = 1;
  expect(await check?.run(new AbortController().signal)).toMatchObject({ verdict: 'fail' });
});

describe('an error of the driver', () => {
  /** edu, whose transfers of these numbers end with an error of its driver. */
  const failing = (fails: (transfer: number) => boolean): DmaTier => ({
    ...eduTier,
    async init(port, signal) {
      const driver = await eduTier.init(port, signal);
      let transfers = 0;
      return {
        maxLength: driver.maxLength,
        source: driver.source,
        checks: [],
        copy: async (copy, during) => {
          if (fails(++transfers)) throw deviceFailed(port.device.address, 'its engine was still busy', 'ETIMEDOUT');
          return await driver.copy(copy, during);
        },
        remove: () => driver.remove(),
      };
    },
  });

  async function report(fails: (transfer: number) => boolean) {
    const { sys } = simulatedMachine();
    const info = findDevice(sys, NO_NAMES, '0000:00:03.0');
    if (info.framework !== 'vfio') throw new Error('edu is not bound to a VFIO driver');
    using device = VfioDevice.open(sys, info);
    const { checks, isolated } = await runDmaTest(sys, device, { tiers: [failing(fails)] });
    const found = (name: string) => checks.find((check) => check.name === name);
    return { isolated, found };
  }

  test('in a check of isolation decides nothing', async () => {
    // The second transfer of that check is the one that must not happen.
    const { isolated, found } = await report((transfer) => transfer === 3);
    expect(found('write-unmapped')).toEqual({
      name: 'write-unmapped',
      verdict: 'inconclusive',
      detail: '0000:00:03.0: its engine was still busy (ETIMEDOUT)',
    });
    expect(found('read-unmapped')?.verdict).toBe('pass');
    expect(isolated).toBe(true);
  });

  test('in all of them: isolation was not found out, but that the device does not work was', async () => {
    const { isolated, found } = await report((transfer) => transfer > 1);
    expect(isolated).toBeNull();
    expect(found('roundtrip')?.verdict).toBe('pass');
    expect(found('recovery')).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('still busy') });
  });
});

test('without an IOMMU the verdict on isolation is a failure, and no device DMA is performed', async () => {
  let busMaster = false;
  const device = {
    info: { address: '0000:00:03.0', vendorId: '1234', deviceId: '11e8', pci: { class: '0x00ff00' } },
    backend: 'group',
    iommu: { kind: 'noiommu', info: () => ({ pageSizes: [], ranges: [], dmaAvail: null }) },
    irq: () => ({ info: { count: 0 } }),
    get busMaster() {
      return busMaster;
    },
    setBusMaster(on: boolean) {
      busMaster = on;
    },
  } as unknown as VfioDevice;
  expect(await runDmaTest(simulatedMachine().sys, device)).toEqual({
    device: '0000:00:03.0',
    backend: 'group',
    tier: 'generic',
    checks: [
      { name: 'isolation', verdict: 'fail', detail: 'no IOMMU: device can reach all memory' },
      { name: 'bus-master', verdict: 'pass', detail: 'goes on and off; was off' },
      { name: 'loopback', verdict: 'skip', detail: 'the device has no interrupts' },
    ],
    deviceDma: false,
    isolated: false,
  });
  expect(busMaster).toBe(false);
});
