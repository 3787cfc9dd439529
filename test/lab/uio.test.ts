import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';
import { commandOf, until } from './look';

const ACK = '--ack map0:0x64=map0:0x24';
const UNBIND = 'echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/unbind';
const BIND = 'echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/bind';

describeInLab('udrv on a real kernel', (lab, kernel) => {
  const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });
  /** Interrupt Disable, in the command register. */
  const masked = async () => ((await commandOf(lab(), '0000:00:04.0')) & 0x400) !== 0;
  /** Starts a watch on an interrupt that is switched off, and waits until it has switched it on. */
  const watching = async (options: string) => {
    await run('udrv uio irq uio0 disable');
    const watch = lab().spawn(`exec udrv uio watch-irq uio0 ${ACK} ${options}`);
    await until(async () => !(await masked()));
    return watch;
  };
  const raise = 'udrv uio write uio0 map0 0x60 1';

  afterEach(async () => {
    await run('udrv uio write uio0 map0 0x64 0xffffffff');
    await run('udrv uio irq uio0 enable');
  });

  test('list agrees with sysfs, and is the same for an ordinary user but for the access', async () => {
    const { stdout, stderr, code } = await run('udrv list --json');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const { schema, devices } = JSON.parse(stdout);
    expect(schema).toBe('udrv.list/1');
    const uio = devices.find((d: { address: string }) => d.address === 'uio0');
    expect(uio).toMatchObject({
      framework: 'uio',
      vendorId: '1234',
      deviceId: '11e8',
      driver: 'uio_pci_generic',
      access: 'rw',
    });
    const vfio = devices.find((d: { address: string }) => d.address === '0000:00:03.0');
    const group = (await run('basename $(readlink /sys/bus/pci/devices/0000:00:03.0/iommu_group)')).stdout.trim();
    expect(vfio).toMatchObject({ framework: 'vfio', vendorId: '1234', deviceId: '11e8', driver: 'vfio-pci' });
    expect(vfio.vfio).toMatchObject({
      group: Number(group),
      viable: true,
      blockers: [],
      groupDevices: ['0000:00:03.0'],
    });
    expect(vfio.node).toBe(kernel !== 'stock' ? '/dev/vfio/devices/vfio0' : `/dev/vfio/${group}`);
    const blocked = devices.find((d: { address: string }) => d.address === '0000:02:01.0');
    expect(blocked.vfio).toMatchObject({ viable: false, blockers: ['0000:02:02.0'] });

    const usb = devices.filter((d: { framework: string }) => d.framework === 'usb');
    const listed = usb.map((d: { address: string }) => d.address).sort();
    const present = (await run("ls /sys/bus/usb/devices | grep -v ':'")).stdout.trim().split('\n').sort();
    expect(listed).toEqual(present);
    const read = (
      await run(
        "cd /sys/bus/usb/devices; for d in $(ls | grep -v ':'); do echo $d $(cat $d/idVendor $d/idProduct $d/busnum $d/devnum $d/speed $d/bConfigurationValue); done",
      )
    ).stdout;
    const facts = usb.map((d: { address: string; vendorId: string; deviceId: string; usb: Record<string, unknown> }) =>
      [
        d.address,
        d.vendorId,
        d.deviceId,
        d.usb['bus'],
        d.usb['device'],
        d.usb['speedMbps'],
        d.usb['configuration'],
      ].join(' '),
    );
    expect(facts.sort()).toEqual(read.trim().split('\n').sort());

    const user = JSON.parse((await run('udrv list --json', { user: true })).stdout);
    expect(user.devices.find((d: { address: string }) => d.address === 'uio0').access).toBe('none');
    const withoutAccess = (list: { access: unknown }[]) => list.map((d) => ({ ...d, access: null }));
    expect(withoutAccess(user.devices)).toEqual(withoutAccess(devices));
  });

  test('what a snapshot records of this machine is listed the same from it', async () => {
    expect(await run('udrv snapshot -o /tmp/lab.snapshot')).toMatchObject({ stderr: '', code: 0 });
    const live = await run('udrv list --all --json');
    expect(live).toMatchObject({ stderr: '', code: 0 });
    expect(await run('udrv --snapshot /tmp/lab.snapshot list --all --json')).toMatchObject({
      stdout: live.stdout,
      code: 0,
    });
  });

  test('read, write and dump', async () => {
    expect(await run('udrv uio read uio0 map0 0x0')).toMatchObject({ stdout: '0x010000ed\n', stderr: '', code: 0 });
    expect(await run('udrv uio write uio0 map0 0x4 0x12345678')).toMatchObject({ stdout: '', stderr: '', code: 0 });
    expect((await run('udrv uio dump uio0 map0 0x0+0x8')).stdout).toBe('0x0000  0x010000ed 0xedcba987\n');
    expect((await run('udrv uio dump uio0 map0 0x0+0x8 --format bin | od -An -tx1')).stdout.trim()).toBe(
      'ed 00 00 01 87 a9 cb ed',
    );
    expect((await run('udrv uio read uio0 map0 0x0', { user: true })).code).toBe(4);
  });

  test('five interrupts from a second process, and Interrupt Disable is as before', async () => {
    const watch = await watching('--json --count 5');
    for (let i = 1; i <= 5; i++) {
      await run(raise);
      await watch.waitFor(new RegExp(`"index":${i},`), 20_000);
    }
    expect(await watch.exit).toEqual({ code: 0, signal: null });
    const lines = watch.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ index, missed }) => [index, missed])).toEqual([1, 2, 3, 4, 5].map((i) => [i, 0]));
    expect(lines[4].count - lines[0].count).toBe(4);
    expect(lines[4].count).toBe(Number((await run('cat /sys/class/uio/uio0/event')).stdout));
    expect(watch.stderr).toBe('');
    expect(await masked()).toBe(true);
  });

  test('missed: those that somebody else served while the watcher did not look', async () => {
    const watch = await watching('--json --count 2');
    await run(raise);
    await watch.waitFor(/"index":1,/, 20_000);
    watch.kill('SIGSTOP');
    const serve = [raise, 'udrv uio write uio0 map0 0x64 1', 'udrv uio irq uio0 enable'];
    for (const command of [...serve, ...serve, raise]) expect(await run(command)).toMatchObject({ code: 0 });
    watch.kill('SIGCONT');
    await watch.waitFor(/"index":2,/, 20_000);
    const [, second] = watch.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(second.missed).toBe(2);
    expect(await watch.exit).toEqual({ code: 0, signal: null });
  });

  test('Ctrl-C is 130, and what arming changed is put back', async () => {
    const watch = await watching('');
    watch.kill('SIGINT');
    expect(await watch.exit).toEqual({ code: 130, signal: null });
    expect(await masked()).toBe(true);
    expect(watch.stderr).toBe('');
  });

  test('an unbind while it waits is exit 8', async () => {
    const watch = await watching('');
    await run(raise);
    await watch.waitFor(/MISSED.*\n +1 /, 20_000);
    await run(UNBIND);
    try {
      expect(await watch.exit).toEqual({ code: 8, signal: null });
      expect(watch.stderr).toBe('udrv: uio0: the device went away (ENODEV)\n');
      expect(await run('udrv uio read uio0 map0 0')).toMatchObject({ code: 3 });
    } finally {
      await run(BIND);
    }
  });

  test('an interrupt that waits since before the watch comes as its first', async () => {
    await run(raise);
    const { stdout, code } = await run(`udrv --json uio watch-irq uio0 --count 1 --timeout 20s ${ACK}`);
    expect({ code, first: JSON.parse(stdout) }).toMatchObject({ code: 0, first: { index: 1, missed: 0 } });
  });

  test('a timeout is exit 6', async () => {
    expect(await run(`udrv uio watch-irq uio0 ${ACK} --timeout 200ms`)).toMatchObject({
      code: 6,
      stdout: '',
      stderr:
        'udrv: uio0: no interrupt within 200 ms (ETIMEDOUT)\n' +
        'hint: --trigger REGION:OFFSET=VALUE makes a device interrupt that does not by itself\n',
    });
  });

  test('a reader that goes away ends it quietly', async () => {
    const { stdout, stderr } = await run(`set -o pipefail; udrv uio dump uio0 map0 | head -n 1; echo "$?"`);
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^0x000000 {2}0x010000ed [^\n]*\n0\n$/),
      stderr: '',
    });
  });

  test.each([
    ['udrv uio dump uio0 map0 0x0+0x10', '/dev/uio0'],
    ['udrv uio write uio0 map0 0x4 1', '/dev/uio0'],
    [`udrv uio watch-irq uio0 ${ACK}`, '/dev/uio0'],
    ['udrv uio irq uio0 enable', '/dev/uio0'],
    ['udrv uio bench uio0 --trigger map0:0x60=1', '/dev/uio0'],
  ])('an ordinary user is told what is missing: %s', async (command, path) => {
    const { code, stdout, stderr } = await run(command, { user: true });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^udrv: ${path}: permission denied \\(EACCES\\)\nhint: .*sudo.*\n$`));
  });

  test('with the node alone, the configuration space is what is missing', async () => {
    await run('chmod 666 /dev/uio0');
    try {
      expect((await run('udrv uio read uio0 map0 0', { user: true })).stdout).toBe('0x010000ed\n');
      const { code, stderr } = await run(`udrv uio watch-irq uio0 ${ACK} --timeout 1s`, { user: true });
      expect(code).toBe(4);
      expect(stderr).toMatch(/^udrv: .*0000:00:04.0\/config: permission denied: .*\(EACCES\)\nhint: .*sudo/);
      expect((await run(`udrv uio watch-irq uio0 --rearm none --timeout 200ms`, { user: true })).code).toBe(6);
    } finally {
      await run('chmod 600 /dev/uio0');
    }
  });
});

const traces = mkdtempSync(join(tmpdir(), 'udrv-trace-'));
const trace = { file: join(traces, 'qemu.log'), events: ['memory_region_ops_read', 'memory_region_ops_write'] };
afterAll(() => rmSync(traces, { recursive: true }));

describeInLab(
  'access widths as the device sees them',
  (lab) => {
    /** Every access to edu's registers while a command runs, as QEMU's memory core hands it to the device. */
    const seen = async (command: string): Promise<string[]> => {
      const before = readFileSync(trace.file).length;
      expect(await lab().run(command)).toMatchObject({ code: 0, stderr: '' });
      return readFileSync(trace.file)
        .subarray(before)
        .toString()
        .split('\n')
        .filter((line) => line.includes("'edu-mmio'"))
        .map((line) => {
          const match = /memory_region_ops_(read|write) .*addr 0x([0-9a-f]+) .*size (\d)/.exec(line);
          return `${match?.[1]} ${(Number.parseInt(match?.[2] ?? '', 16) & 0xfffff).toString(16)} ${match?.[3]}`;
        });
    };

    test.each([
      ['udrv uio read uio0 map0 0x0', ['read 0 4']],
      ['udrv uio read uio0 map0 0x80 -w 8', ['read 80 8']],
      ['udrv uio write uio0 map0 0x4 0xdeadbeef', ['write 4 4']],
      ['udrv uio write uio0 map0 0x80 0x123456789 -w 8', ['write 80 8']],
      ['udrv uio dump uio0 map0 0x0+0x10', ['read 0 4', 'read 4 4', 'read 8 4', 'read c 4']],
      ['udrv uio dump uio0 map0 0x80-0x90 -w 8', ['read 80 8', 'read 88 8']],
      ['udrv list; udrv uio show uio0', []],
    ])('%s', async (command, accesses) => {
      expect(await seen(command)).toEqual(accesses);
    });
  },
  { trace },
);
