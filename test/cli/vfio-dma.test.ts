import { Context, type GlobalOptions } from '../../src/cli/program/context';
import { command } from '../../src/cli/vfio/dma-test';
import { simulatedMachine } from '../../src/sim';
import type { Sys } from '../../src/sys/sys';
import { cliFails, cliPasses, outcomeOf, shell, shows, start, text, udrv } from './udrv';

/** An edu behind vfio-pci: writing to 0x60 raises its interrupt, writing the causes (0x24) to 0x64 takes it back. */
const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const RAISE = '--trigger bar0:0x60=1';
const ACK = '--ack bar0:0x64=bar0:0x24';
const backends = ['group', 'iommufd'];

const TRANSFERS = [
  'roundtrip',
  'write-unmapped',
  'read-unmapped',
  'write-read-only',
  'remapped',
  'bus-master-off',
  'recovery',
];

describe('dma-test', () => {
  test.concurrent.each(backends)('edu by %s, as JSON', async (backend) => {
    const { stdout, stderr, exit } = await udrv(`--sim --json vfio dma-test ${EDU} --backend ${backend}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual(['device', 'backend', 'tier', 'checks', 'deviceDma', 'isolated']);
    expect(report).toMatchObject({ device: EDU, backend, tier: 'edu', deviceDma: true, isolated: true });
    for (const check of report.checks) {
      expect(Object.keys(check).sort()).toEqual(['detail', 'name', 'verdict']);
      expect(['pass', 'skip']).toContain(check.verdict);
    }
    const passed = report.checks
      .filter((c: { verdict: string }) => c.verdict === 'pass')
      .map((c: { name: string }) => c.name);
    expect(passed).toEqual(
      expect.arrayContaining(backend === 'iommufd' ? [...TRANSFERS, 'write-detached'] : TRANSFERS),
    );
  });

  test.concurrent('edu, for a person: what was tested, each check, and what it comes to', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio dma-test ${EDU}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(
      /^device 0000:00:03\.0 1234:11e8 \(QEMU edu\) {2}driver vfio-pci {2}backend iommufd {2}IOMMU dmar0 \(Intel VT-d, 39 bit\) {2}group \d+ DMA\n/,
    );
    expect(stdout).toMatch(/^PASS {2}roundtrip {9}2048 bytes, memory 0x100000 -> device -> memory 0x101000, \d+ ms$/m);
    expect(stdout).toMatch(
      /^PASS {2}write-unmapped {4}canary at 0x101000 intact; kernel log: write fault at 0x101000, reason 0x05, PTE Write access is not set$/m,
    );
    expect(stdout).toMatch(/\nresult: device DMA works, IOMMU isolates this device \(22 pass, 0 fail, 1 skip\)\n$/);
  });

  test.concurrent('-q prints what is not pass, and the result', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio dma-test ${EDU} -q`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(
      /^(SKIP .*\n)+result: device DMA works, IOMMU isolates this device \(22 pass, 0 fail, 1 skip\)\n$/,
    );
  });

  test.concurrent('the generic tier says that no device DMA was performed', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio dma-test ${EDU} --tier generic`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(
      /result: no device DMA was performed, whether it is isolated was not found out \(11 pass, 0 fail\)\n$/,
    );
    const json = await udrv(`--sim --json vfio dma-test ${EDU} --tier generic`);
    expect(JSON.parse(json.stdout)).toMatchObject({ tier: 'generic', deviceDma: false, isolated: null });
  });

  cliPasses([
    [
      `--sim vfio dma-test ${EDU} -n`,
      text`
        open 0000:00:03.0, which resets it
        run the checks of the generic tier, then those of the edu tier, with bus mastering on
        put back mappings, interrupts and bus mastering
      `,
    ],
  ]);

  cliFails(2, [
    [`--sim vfio dma-test ${EDU} --tier nvme`, `${EDU}: is no NVMe controller`, '--tier edu is for this device'],
    [`--sim vfio dma-test ${EDU} --tier ioat`, /argument 'ioat' is invalid/],
  ]);
  cliFails(3, [
    [
      `--sim vfio dma-test ${NVME}`,
      `${NVME}: not bound to a VFIO driver (driver: nvme) (ENODEV)`,
      `udrv --sim bind ${NVME} vfio-pci`,
    ],
  ]);
  test.concurrent('a group that is not viable is 5, with what is in the way', async () => {
    const { stdout, stderr, exit } = await udrv('--sim vfio dma-test 0000:02:01.0 --backend group');
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 5 });
    expect(stderr).toMatch(/^udrv: .*0000:02:02\.0.*\nhint: .*\n$/);
  });

  test.concurrent('Ctrl-C in the middle is 130, with what was found until then', async () => {
    const child = start(`--sim vfio dma-test ${EDU}`);
    const outcome = outcomeOf(child);
    await shows(child, 'stdout', /roundtrip/);
    child.kill('SIGINT');
    const { stdout, stderr, exit } = await outcome;
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 130 });
    expect(stdout).not.toMatch(/recovery|result/);
  });

  test.concurrent('| head ends quietly', async () => {
    expect(await shell(`udrv --sim vfio dma-test ${EDU} | head -n 1 | cut -c 1-19`)).toEqual({
      stdout: `device ${EDU}\n`,
      stderr: '',
      exit: 0,
    });
  });
});

/** A command on a machine that something was done to before. */
class SimContext extends Context {
  output = '';
  remarks = '';

  constructor(machine: Sys, options: Partial<GlobalOptions> = {}) {
    const stream = (write: (data: string) => void) => ({ fd: -1, isTTY: false, write }) as never;
    super(
      { color: 'never', ...options },
      machine,
      stream((data) => {
        this.output += data;
      }),
      stream((data) => {
        this.remarks += data;
      }),
      {},
    );
  }
}

describe.each(backends)('dma-test by %s', (backend) => {
  const dmaTest = (context: Context, device: string) =>
    command.run(context, ...([device, { backend, tier: 'auto' }] as never[]));

  test('fails where the IOMMU leaves in reach what was taken away', async () => {
    const { sys, controls } = simulatedMachine();
    controls.leakIommu(EDU);
    const context = new SimContext(sys);
    expect(await dmaTest(context, EDU)).toBe(1);
    expect(context.output).toMatch(
      /^FAIL {2}write-unmapped {4}canary at 0x101000 overwritten: \d+ of 2048 bytes changed$/m,
    );
    expect(context.output).toMatch(/^FAIL {2}read-unmapped {5}the device read 2048 of 2048 secret bytes at 0x100000$/m);
    expect(context.output).toMatch(/^PASS {2}roundtrip/m);
    expect(context.output).toMatch(/^result: device DMA works, this device is NOT isolated \(\d+ pass, \d fail/m);
  });

  test('NVMe passes, and says beforehand that it is reset', async () => {
    const { sys } = simulatedMachine();
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver/unbind`, NVME);
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver_override`, 'vfio-pci');
    sys.writeFile('/sys/bus/pci/drivers_probe', NVME);
    const context = new SimContext(sys);
    expect(await dmaTest(context, NVME)).toBeUndefined();
    expect(context.remarks).toMatch(/^udrv: 0000:01:00\.0: the NVMe controller is reset, .*\n$/);
    expect(context.output).toMatch(/^PASS {2}device-write .*it identifies itself as .*, serial UDRV0001$/m);
    expect(context.output).toMatch(
      /^PASS {2}read-unmapped {5}a command in a queue that is not mapped was not carried out/m,
    );
    expect(context.output).toMatch(/^result: device DMA works, IOMMU isolates this device \(\d+ pass, 0 fail\)$/m);
  });

  test('nothing is said of a reset where the NVMe controller cannot be opened', async () => {
    const { sys } = simulatedMachine();
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver/unbind`, NVME);
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver_override`, 'vfio-pci');
    sys.writeFile('/sys/bus/pci/drivers_probe', NVME);
    sys.open(`/dev/vfio/${sys.readLink(`/sys/bus/pci/devices/${NVME}/iommu_group`).split('/').at(-1)}`, {
      write: true,
    });
    const context = new SimContext(sys);
    await expect(dmaTest(context, NVME)).rejects.toMatchObject({ code: 'EBUSY' });
    expect(context.remarks).toBe('');
  });

  test('NVMe fails where the IOMMU leaves in reach what was taken away', async () => {
    const { sys, controls } = simulatedMachine();
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver/unbind`, NVME);
    sys.writeFile(`/sys/bus/pci/devices/${NVME}/driver_override`, 'vfio-pci');
    sys.writeFile('/sys/bus/pci/drivers_probe', NVME);
    controls.leakIommu(NVME);
    const context = new SimContext(sys, { json: true });
    expect(await dmaTest(context, NVME)).toBe(1);
    const { isolated, checks } = JSON.parse(context.output);
    expect(isolated).toBe(false);
    expect(checks).toContainEqual(expect.objectContaining({ name: 'write-unmapped', verdict: 'fail' }));
    expect(checks).toContainEqual(expect.objectContaining({ name: 'read-unmapped', verdict: 'fail' }));
  });
});

describe('watch-irq', () => {
  const line = (index: number, irq: string, vector: number, count: number) =>
    `${String(index).padStart(6)}  ${irq.padStart(5)}  ${String(vector).padStart(6)}  ${String(count).padStart(10)}       0  `;

  cliPasses([
    ...backends.flatMap((backend) =>
      ['intx', 'msi'].map(
        (irq) =>
          [
            `--sim vfio watch-irq ${EDU} --irq ${irq} --backend ${backend} --count 2 ${RAISE} ${ACK}`,
            new RegExp(
              `^     #    IRQ  VECTOR       COUNT  MISSED        SINCE LAST\n${line(1, irq, 0, 1)} +-\n${line(2, irq, 0, 2)} +[0-9.]+ ms\n$`,
            ),
          ] as const,
      ),
    ),
    [`--sim vfio watch-irq ${EDU} -q --loopback --count 1`, `${line(1, 'msi', 0, 1)}               -\n`],
    [`--sim vfio watch-irq ${EDU} -q --loopback --irq intx --count 1`, `${line(1, 'intx', 0, 1)}               -\n`],
    [`--sim vfio watch-irq ${EDU} -q --loopback --irq req --count 1`, `${line(1, 'req', 0, 1)}               -\n`],
  ]);

  test.concurrent('--json is one object a line, as of the contract', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json vfio watch-irq ${EDU} --count 2 ${RAISE} ${ACK}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const interrupts = stdout
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each));
    for (const interrupt of interrupts)
      expect(Object.keys(interrupt)).toEqual(['index', 'count', 'missed', 'deltaUs', 'time', 'irq', 'vector']);
    expect(interrupts).toMatchObject([
      { index: 1, count: 1, missed: 0, deltaUs: null, irq: 'msi', vector: 0 },
      { index: 2, count: 2, missed: 0, deltaUs: expect.any(Number), irq: 'msi', vector: 0 },
    ]);
  });

  test.concurrent('an INTx that nobody acknowledges comes once, is remarked upon, and is 6', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio watch-irq ${EDU} -v --irq intx ${RAISE} --timeout 200ms`);
    expect(exit).toBe(6);
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stderr).toBe(
      `udrv: ${EDU}: without --ack nothing silences the device: the next interrupt comes through only once its line is quiet\nudrv: ${EDU}: no interrupt within 200 ms (ETIMEDOUT)\n`,
    );
  });

  test.concurrent('Ctrl-C is 130, also where there is always an interrupt', async () => {
    const child = start(`--sim vfio watch-irq ${EDU} --loopback`);
    const outcome = outcomeOf(child);
    await shows(child, 'stdout', / 2 +msi/);
    child.kill('SIGINT');
    expect(await outcome).toMatchObject({ stderr: '', exit: 130 });
  });

  cliFails(2, [
    [`--sim vfio watch-irq ${EDU} --vector 3-1`, '3-1: is neither a vector nor a range of vectors', 'write 3, or 0-3'],
    [`--sim vfio watch-irq ${EDU} --vector x`, 'x: is neither a vector nor a range of vectors', 'write 3, or 0-3'],
    [`--sim vfio watch-irq ${EDU} --ack bar0:0x100000=1`, /outside of the region/],
  ]);
  cliFails(3, [
    [`--sim vfio watch-irq ${EDU} --irq msi --vector 0-1`, `${EDU}: has one vector of MSI: 0 (EINVAL)`],
    [`--sim vfio watch-irq ${EDU} --trigger bar7:0=1`, `${EDU} bar7: no such region`, 'it has bar0'],
  ]);
  cliFails(9, [[`--sim vfio watch-irq ${EDU} --irq msix`, `${EDU}: has no MSI-X interrupt (EINVAL)`]]);
});

describe('bench', () => {
  const ordered = ({ min, p50, p90, p99, max }: Record<string, number>) => {
    const values = [min, p50, p90, p99, max].map(Number);
    return [...values].sort((a, b) => a - b).every((value, i) => value === values[i]);
  };

  test.concurrent('interrupts', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json vfio bench ${EDU} -c 20 ${RAISE} ${ACK}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const { count, latencyUs } = JSON.parse(stdout);
    expect(count).toBe(20);
    expect(ordered(latencyUs)).toBe(true);
  });

  test.concurrent('mappings by size', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json vfio bench ${EDU} -c 5 --sizes 1,5000,4K,2M`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const { device, backend, sizes } = JSON.parse(stdout);
    expect({ device, backend }).toEqual({ device: EDU, backend: 'iommufd' });
    // Whole pages, each number of them once.
    expect(sizes.map((s: Record<string, unknown>) => [s['size'], s['count']])).toEqual([
      [4096, 5],
      [8192, 5],
      [2 ** 21, 5],
    ]);
    for (const { latencyUs, mapUs, unmapUs } of sizes)
      expect([latencyUs, mapUs, unmapUs].map(ordered)).toEqual([true, true, true]);
  });

  cliPasses([
    [
      `--sim vfio bench ${EDU} -c 5 --sizes 4K`,
      /^ +SIZE +MIN us +P50 +P90 +P99 +MAX\n +4096 +map( +[0-9.]+){5}\n +4096 +unmap( +[0-9.]+){5}\n$/,
    ],
    [
      `--sim vfio bench ${EDU} -n --sizes 4K`,
      text`
        open 0000:00:03.0, which resets it
        map and unmap 4096 bytes, 1000 times
      `,
    ],
  ]);
  cliFails(2, [
    [`--sim vfio bench ${EDU} ${ACK}`, '--ack, --irq and --vector: are for interrupts: give a --trigger too'],
    [
      `--sim vfio bench ${EDU} ${RAISE} --sizes 4K`,
      '--sizes: is for mappings; with --trigger, interrupts are measured',
    ],
    [`--sim vfio bench ${EDU} --sizes 4K,0`, '0: is no size to map: 1 byte to 1G, rounded up to whole pages'],
    [`--sim vfio bench ${EDU} --sizes 2G`, '2G: is no size to map: 1 byte to 1G, rounded up to whole pages'],
  ]);
});
