import { describeInLab } from './jest';
import { backendsOf } from './lab';
import { descriptorsOf, type Left, leftOf, until, VFIO_DEVICE } from './look';

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const SYSFS = '/sys/bus/pci/devices';

interface Report {
  device: string;
  backend: string;
  tier: string;
  checks: { name: string; verdict: string; detail: string }[];
  deviceDma: boolean;
  isolated: boolean | null;
}

describeInLab('DMA, interrupts and latencies of VFIO', (lab, kernel) => {
  const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });
  const backends = backendsOf(kernel);

  /** Reads what a command must leave as it was: who drives the device, its command register, and who holds it. */
  const state = (address: string) => leftOf(lab(), address);
  let before: Left;
  beforeEach(async () => {
    before = await state(EDU);
    expect(before).toMatchObject({ driver: 'vfio-pci', held: 0 });
    expect(before.command & 0xf0fc).toBe(0);
  });
  afterEach(async () => {
    expect(await state(EDU)).toEqual(before);
  });

  const bindNvme = (driver: string) =>
    run(
      `echo ${NVME} > ${SYSFS}/${NVME}/driver/unbind; echo ${driver} > ${SYSFS}/${NVME}/driver_override; echo ${NVME} > /sys/bus/pci/drivers_probe; basename $(readlink ${SYSFS}/${NVME}/driver)`,
    );

  const verdicts = ({ checks }: Report) => Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  describe.each(backends)('with %s', (backend) => {
    test('dma-test passes on edu, each negative check beside its transfer', async () => {
      const { stdout, stderr, code } = await run(`udrv --json vfio dma-test ${EDU} --backend ${backend}`);
      const report: Report = JSON.parse(stdout);
      expect({ stderr, code, wrong: report.checks.filter(({ verdict }) => verdict !== 'pass') }).toEqual({
        stderr: '',
        code: 0,
        // Before Linux 7, the driver of this IOMMU sets the bit that allows reading in every entry.
        wrong: kernel === 'newer' ? [] : [expect.objectContaining({ name: 'read-write-only', verdict: 'skip' })],
      });
      expect(report).toMatchObject({ device: EDU, backend, tier: 'edu', deviceDma: true, isolated: true });
      expect(verdicts(report)).toMatchObject({
        'completion-msi': 'pass',
        'completion-intx': 'pass',
        roundtrip: 'pass',
        'write-unmapped': 'pass',
        'read-unmapped': 'pass',
        'write-read-only': 'pass',
        remapped: 'pass',
        'bus-master-off': 'pass',
        recovery: 'pass',
      });
      // The kernel has seen it too; which of its lines are left out is its own business.
      expect(report.checks.map(({ detail }) => detail).join('\n')).toMatch(
        /kernel log: (write|read) fault at 0x10[01]000/,
      );
    });

    test('dma-test fails where the device still reaches memory that was taken from it', async () => {
      const { stdout, code } = await run(`node test/lab/leaking-iommu.cjs ${EDU} ${backend}`);
      const report: Report = JSON.parse(stdout);
      expect({ code, isolated: report.isolated, deviceDma: report.deviceDma }).toEqual({
        code: 0,
        isolated: false,
        deviceDma: true,
      });
      expect(verdicts(report)).toMatchObject({
        roundtrip: 'pass',
        'write-unmapped': 'fail',
        'read-unmapped': 'fail',
        'write-read-only': 'fail',
        'bus-master-off': 'pass',
        recovery: 'pass',
      });
    });

    test('the generic tier moves nothing and says so', async () => {
      const { stdout, stderr, code } = await run(`udrv vfio dma-test ${EDU} --tier generic --backend ${backend}`);
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(
        new RegExp(
          `^device ${EDU} 1234:11e8 \\(.*\\)  driver vfio-pci  backend ${backend}  IOMMU dmar0 \\(Intel VT-d, 39 bit\\)  group \\d+ DMA`,
        ),
      );
      expect(stdout).toMatch(
        /^result: no device DMA was performed, whether it is isolated was not found out \(11 pass, 0 fail\)$/m,
      );
      expect(stdout).not.toMatch(/^(FAIL|INCONCLUSIVE)/m);
    });

    test('Ctrl-C in the middle is 130, SIGKILL is survived, and the next run works', async () => {
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        const test = lab().spawn(`exec udrv vfio dma-test ${EDU} --backend ${backend}`);
        await test.waitFor(/^PASS {2}roundtrip/m, 60_000);
        test.kill(signal);
        expect(await test.exit).toEqual(signal === 'SIGINT' ? { code: 130, signal: null } : { code: null, signal });
        expect(test.stdout).not.toMatch(/^result/m);
        expect(await state(EDU)).toEqual(before);
      }
      expect(await run(`udrv vfio dma-test ${EDU} --backend ${backend} | tail -n 1`)).toMatchObject({
        stdout: expect.stringMatching(/^result: device DMA works, IOMMU isolates this device \(\d+ pass, 0 fail/),
        stderr: '',
        code: 0,
      });
    }, 180_000);

    test.each([
      ['intx', ''],
      ['msi', ''],
    ])('watch-irq sees %s that the device raises', async (irq) => {
      const { stdout, stderr, code } = await run(
        `udrv --json vfio watch-irq ${EDU} --irq ${irq} --backend ${backend} --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24 --count 3 --timeout 20`,
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(
        lines(stdout).map(({ index, count, missed, irq, vector }) => ({ index, count, missed, irq, vector })),
      ).toEqual([1, 2, 3].map((i) => ({ index: i, count: i, missed: 0, irq, vector: 0 })));
    });

    test('an INTx that nobody acknowledges comes once, and is 6', async () => {
      const { stdout, stderr, code } = await run(
        `udrv vfio watch-irq ${EDU} --irq intx --backend ${backend} --trigger bar0:0x60=1 --timeout 1`,
      );
      expect(code).toBe(6);
      expect(stdout).toMatch(/^ +# .*\n +1 +intx +0 +1 +0 +-\n$/);
      expect(stderr).toMatch(/without --ack.*\n.*no interrupt within 1000 ms \(ETIMEDOUT\)\n$/);
      // The interrupt outlives the process that raised it: a register write ends it.
      await run(
        `udrv vfio watch-irq ${EDU} --irq msi --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24 --count 1 --timeout 9`,
      );
    });

    test('watch-irq ends with 8 where somebody unbinds the device, which then goes through', async () => {
      const watch = lab().spawn(`exec udrv vfio watch-irq ${EDU} --backend ${backend}`);
      await until(async () => (await descriptorsOf(lab(), VFIO_DEVICE)) > 0);
      await run(`echo ${EDU} > /sys/bus/pci/drivers/vfio-pci/unbind`);
      try {
        expect(await watch.exit).toEqual({ code: 8, signal: null });
        expect(watch.stderr).toMatch(/the kernel requests the device back/);
      } finally {
        await run(`echo ${EDU} > /sys/bus/pci/drivers/vfio-pci/bind`);
      }
    });

    test('Ctrl-C ends a watch with 130', async () => {
      const watch = lab().spawn(
        `exec udrv vfio watch-irq ${EDU} --irq msi --backend ${backend} --loopback --count 100000`,
      );
      await watch.waitFor(/ 2 +msi/, 60_000);
      watch.kill('SIGINT');
      expect(await watch.exit).toEqual({ code: 130, signal: null });
      expect(watch.stderr).toBe('');
    });

    test('bench: interrupts, and mappings by size', async () => {
      const ordered = ({ min, p50, p90, p99, max }: Record<string, number>) =>
        [min, p50, p90, p99, max].every(
          (value, i, all) => value !== undefined && value > 0 && (i === 0 || value >= (all[i - 1] ?? 0)),
        );
      const interrupts = await run(
        `udrv --json vfio bench ${EDU} --backend ${backend} --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24 -c 50`,
      );
      expect(interrupts).toMatchObject({ stderr: '', code: 0 });
      const { count, latencyUs } = JSON.parse(interrupts.stdout);
      expect({ count, ordered: ordered(latencyUs) }).toEqual({ count: 50, ordered: true });
      const mappings = await run(`udrv --json vfio bench ${EDU} --backend ${backend} --sizes 4K,2M -c 20`);
      expect(mappings).toMatchObject({ stderr: '', code: 0 });
      const { sizes } = JSON.parse(mappings.stdout);
      expect(sizes.map((s: Record<string, unknown>) => [s['size'], s['count']])).toEqual([
        [4096, 20],
        [2097152, 20],
      ]);
      for (const size of sizes)
        expect([size.latencyUs, size.mapUs, size.unmapUs].map(ordered)).toEqual([true, true, true]);
    });
  });

  describe('NVMe', () => {
    beforeAll(async () => {
      expect((await bindNvme('vfio-pci')).stdout).toBe('vfio-pci\n');
    });
    afterAll(async () => {
      // A controller that was tested is one that the kernel's driver takes again.
      expect((await bindNvme('nvme')).stdout).toBe('nvme\n');
      expect(
        (await run('for i in $(seq 100); do [ -b /dev/nvme0n1 ] && exec echo there; sleep 0.1; done')).stdout,
      ).toBe('there\n');
    });

    test.each(backends)('dma-test passes with %s, and says beforehand what it does', async (backend) => {
      const nvmeBefore = await state(NVME);
      const { stdout, stderr, code } = await run(`udrv vfio dma-test ${NVME} --backend ${backend}`);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^udrv: 0000:01:00\.0: the NVMe controller is reset, .*\n$/),
      });
      expect(stdout).toMatch(/^PASS {2}completion-msix /m);
      expect(stdout).toMatch(/^PASS {2}device-write .*it identifies itself as QEMU NVMe Ctrl, serial UDRV0001$/m);
      for (const name of [
        'write-unmapped',
        'read-unmapped',
        'write-read-only',
        'remapped',
        'bus-master-off',
        'recovery',
      ])
        expect(stdout).toMatch(new RegExp(`^PASS {2}${name} `, 'm'));
      expect(stdout).toMatch(/^result: device DMA works, IOMMU isolates this device \(\d+ pass, 0 fail\)$/m);
      expect(await state(NVME)).toEqual(nvmeBefore);
    });

    test.each(backends)('and fails with %s where nothing is taken away', async (backend) => {
      const { stdout } = await run(`node test/lab/leaking-iommu.cjs ${NVME} ${backend}`);
      const report: Report = JSON.parse(stdout);
      expect(report.isolated).toBe(false);
      expect(verdicts(report)).toMatchObject({ 'write-unmapped': 'fail', 'write-read-only': 'fail', recovery: 'pass' });
    });

    test('several vectors of MSI-X: which of them fired', async () => {
      const { stdout, code } = await run(
        `udrv --json vfio watch-irq ${NVME} --irq msix --vector 2-4 --loopback --count 6`,
      );
      expect(code).toBe(0);
      expect(lines(stdout).map(({ irq, vector, count }) => `${irq} ${vector} ${count}`)).toEqual([
        'msix 2 1',
        'msix 3 1',
        'msix 4 1',
        'msix 2 2',
        'msix 3 2',
        'msix 4 2',
      ]);
    });

    test.each(['err', 'req'])('%s, raised by the kernel', async (irq) => {
      const { stdout, code } = await run(`udrv --json vfio watch-irq ${NVME} --irq ${irq} --loopback --count 2`);
      expect(code).toBe(0);
      expect(lines(stdout).map(({ irq, vector, count }) => [irq, vector, count])).toEqual([
        [irq, 0, 1],
        [irq, 0, 2],
      ]);
    });

    test('a vector that it has not is 3, an interrupt that edu has not is 9', async () => {
      expect(await run(`udrv vfio watch-irq ${NVME} --vector 4095`)).toMatchObject({ code: 3 });
      expect(await run(`udrv vfio watch-irq ${EDU} --irq msix`)).toMatchObject({ code: 9 });
    });
  });
});
