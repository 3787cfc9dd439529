import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';
import { backendsOf } from './lab';
import { type Left, leftOf } from './look';
import { CHECKOUT } from './prepared';

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const SYSFS = '/sys/bus/pci/devices';
const CACHE = 'node_modules/.cache/udrv';
const C_PROGRAM = `${CACHE}/vfio-info`;

interface CInfo {
  flags: number;
  regions: { index: number; size: number; flags: number; sparse: { offset: number; size: number }[] }[];
  interrupts: { index: number; count: number; flags: number }[];
  pageSizes: string;
  iovaRanges: { start: string; end: string }[];
  dmaAvail: number;
}

type Flags = Record<string, boolean>;
const bits = (flags: Flags, names: readonly string[]) =>
  names.reduce((word, name, bit) => (flags[name] ? word | (1 << bit) : word), 0);

beforeAll(() => {
  mkdirSync(join(CHECKOUT, CACHE), { recursive: true });
  const source = join(CHECKOUT, 'test/lab/vfio-info.c');
  execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-o', join(CHECKOUT, C_PROGRAM), source]);
});

describeInLab('VFIO devices on a real kernel', (lab, kernel) => {
  const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });
  const backends = backendsOf(kernel);
  const groupOf = async (address: string) =>
    (await run(`basename $(readlink ${SYSFS}/${address}/iommu_group)`)).stdout.trim();

  /** Reads what a command must leave as it was: the driver, the command register, and nobody with the device. */
  const state = () => leftOf(lab(), EDU);
  let before: Left;
  beforeEach(async () => {
    before = await state();
    expect(before).toMatchObject({ driver: 'vfio-pci', held: 0 });
    expect(before.command & 0xf0fc).toBe(0);
  });
  afterEach(async () => {
    expect(await state()).toEqual(before);
  });

  describe.each(backends)('with %s', (backend) => {
    const option = `--backend ${backend}`;

    test('memory that is switched off behind a mapping is exit 7, and everything is put back', async () => {
      const script = `export default async ({ device }) => {
        device.setBusMaster(true);
        const bar = device.region('bar0');
        console.log(bar.read(0, 4).toString(16));
        device.region('config').write(4, 2, 0);
        bar.read(8, 4);
      };`;
      const { stdout, stderr, code } = await run(`cat >/tmp/off.mjs && udrv run /tmp/off.mjs ${EDU} ${option} --mmap`, {
        stdin: script,
      });
      expect({ stdout, stderr, code }).toEqual({
        stdout: '10000ed\n',
        stderr: expect.stringMatching(`^udrv: ${EDU} bar0: nothing answers an access of 4 bytes at 0x8 \\(EIO\\)\n`),
        code: 7,
      });
    });

    test.each([EDU, NVME])('info of %s says what a C program reads from the kernel', async (address) => {
      if (address === NVME) expect(await run(`udrv bind ${NVME} vfio-pci`)).toMatchObject({ code: 0 });
      try {
        const { stdout, stderr, code } = await run(`udrv --json vfio info ${address} ${option}`);
        expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
        const ours = JSON.parse(stdout);
        const c = await run(`${C_PROGRAM} ${await groupOf(address)} ${address}`);
        expect(c).toMatchObject({ stderr: '', code: 0 });
        const theirs: CInfo = JSON.parse(c.stdout);
        expect(ours).toMatchObject({ address, backend });
        expect(ours.flags).toEqual(['reset', 'pci'].filter((_, bit) => (theirs.flags >> bit) & 1));
        // Whether there are capabilities (8) is seen in them.
        expect(
          ours.regions.map((r: Flags & { index: number; size: number; sparse: unknown }) => ({
            index: r.index,
            size: r.size,
            flags: bits(r, ['read', 'write', 'mmap']),
            sparse: r.sparse,
          })),
        ).toEqual(theirs.regions.map((r) => ({ ...r, flags: r.flags & 7 })));
        expect(
          ours.interrupts.map((i: Flags & { index: number; count: number }) => ({
            index: i.index,
            count: i.count,
            flags: bits(i, ['eventfd', 'maskable', 'automasked', 'noresize']),
          })),
        ).toEqual(theirs.interrupts);
        expect(ours.iommu.iovaRanges).toEqual(theirs.iovaRanges);
        if (backend === 'group') {
          const sizes = ours.iommu.pageSizes.reduce((all: bigint, size: string) => all | BigInt(size), 0n);
          expect(sizes).toBe(BigInt(theirs.pageSizes));
          expect(ours.iommu.dmaAvail).toBe(theirs.dmaAvail);
        } else {
          expect(ours.iommu).toMatchObject({ kind: 'iommufd', pageSizes: ['0x1000'], dmaAvail: null });
        }
      } finally {
        if (address === NVME) expect(await run(`udrv restore ${NVME}`)).toMatchObject({ code: 0 });
      }
    });

    test('registers by pread and by mapping', async () => {
      for (const how of ['', '--mmap']) {
        expect(await run(`udrv vfio read ${EDU} bar0 0x0 ${option} ${how}`)).toMatchObject({
          stdout: '0x010000ed\n',
          stderr: '',
          code: 0,
        });
        expect(await run(`udrv vfio write ${EDU} bar0 0x4 0x12345678 ${option} ${how}`)).toMatchObject({
          stdout: '',
          stderr: '',
          code: 0,
        });
        // edu keeps the complement, also over the next open: it cannot be reset.
        expect((await run(`udrv vfio dump ${EDU} bar0 0x0+0x10 ${option} ${how}`)).stdout).toBe(
          '0x0000  0x010000ed 0xedcba987 0x00000000 0xffffffff\n',
        );
      }
      expect((await run(`udrv vfio read ${EDU} config 0x0 ${option}`)).stdout).toBe('0x11e81234\n');
    });

    test('a group that is not viable', async () => {
      const { stdout, stderr, code } = await run(`udrv vfio info 0000:02:01.0 ${option}`);
      expect({ stdout, code }).toEqual({ stdout: '', code: 5 });
      expect(stderr).toMatch(/^udrv: 0000:02:01\.0: its group, \d+, is not viable: blocked by 0000:02:02\.0/);
      expect(stderr).toMatch(/^hint: (?:sudo )?udrv bind 0000:02:01\.0 vfio-pci --group$/m);
    });

    test('a device that another process has', async () => {
      const holder = lab().spawn(`exec udrv vfio watch-irq ${EDU} --irq intx ${option} --trace`);
      await holder.waitFor(/watch\(/, 60_000);
      for (const other of backends) {
        const { stderr, code } = await run(`udrv vfio read ${EDU} bar0 0 --backend ${other}`);
        expect(code).toBe(5);
        expect(stderr).toMatch(
          /^udrv: 0000:00:03\.0: in use: (node|udrv|MainThread) \(pid \d+\) has \S+.* \(EBUSY\)\n/,
        );
      }
      const { groups } = JSON.parse((await run('udrv --json vfio groups')).stdout);
      const group = groups.find((one: { devices: { address: string }[] }) => one.devices[0]?.address === EDU);
      expect(group.viable).toBe(true);
      // One process, by each node that it has open: the group's or the cdev, and the device itself.
      const holders: { pid: number; by: string }[] = group.holders;
      expect(new Set(holders.map(({ pid, by }) => `${pid} ${by}`)).size).toBe(1);
      expect(holders[0]?.by).toBe('descriptor');
      holder.kill('SIGINT');
      expect(await holder.exitWithin(30_000)).toEqual({ code: 130, signal: null });
    });

    test('a process that was killed leaves nothing in the way', async () => {
      const holder = lab().spawn(`exec udrv vfio watch-irq ${EDU} --irq msi ${option} --trace`);
      await holder.waitFor(/watch\(/, 60_000);
      holder.kill('SIGKILL');
      await holder.exitWithin(30_000);
      expect(await run(`udrv vfio read ${EDU} bar0 0 ${option}`)).toMatchObject({ stdout: '0x010000ed\n', code: 0 });
    });

    test('an ordinary user is told what is missing, and needs no more than that', async () => {
      const command = `udrv vfio read ${EDU} bar0 0 ${option}`;
      const nodes =
        backend === 'group' ? [`/dev/vfio/${await groupOf(EDU)}`] : ['/dev/iommu', '/dev/vfio/devices/vfio0'];
      for (const node of nodes) {
        const { stdout, stderr, code } = await run(command, { user: true });
        expect({ stdout, code }).toEqual({ stdout: '', code: 4 });
        expect(stderr).toContain(
          `udrv: ${node}: permission denied (EACCES)\nhint: run as root, or: sudo chown "$USER" ${node}`,
        );
        await run(`chown 1000 ${node}`);
      }
      try {
        expect(await run(command, { user: true })).toMatchObject({ stdout: '0x010000ed\n', stderr: '', code: 0 });
        const map = `ulimit -l 64; node test/lab/map-memory.cjs ${EDU} ${backend} 0x100000 0x20000`;
        const locked = await run(map, { user: true });
        expect(locked).toMatchObject({ code: 4 });
        expect(locked.stdout).toMatch(/^ENOMEM RLIMIT_MEMLOCK is too small: 65536 bytes may be locked/);
      } finally {
        await run(`chown 0 ${nodes.join(' ')}`);
      }
    });

    test('mappings that break a rule are refused by its name', async () => {
      const mappings = '0xfee00000 0x1000 0x8000000000 0x1000 0x100800 0x1000 0x100000 0x800 0x100000 0x1000';
      const { stdout, stderr } = await run(`node test/lab/map-memory.cjs ${EDU} ${backend} ${mappings}`);
      expect(stderr).toBe('');
      expect(stdout.split('\n')).toEqual([
        expect.stringMatching(
          /^\w+ outside the IOVA ranges of this device: 0x0-0xfedfffff, 0xfef00000-0x7fffffffff(?: |$)/,
        ),
        expect.stringMatching(/^\w+ outside the IOVA ranges/),
        expect.stringMatching(/^EINVAL IOVA 0x100800 is not a multiple of the page size, 0x1000$/),
        expect.stringMatching(/^EINVAL length 0x800 is not a multiple/),
        'mapped',
        '',
      ]);
    });
  });

  test.each([
    ['0000:00:1e.7', 3, /no such device/],
    ['nonsense', 3, /no such device/],
    ['0000:00:08.0', 3, /is a bridge/],
    [
      '0000:00:04.0',
      3,
      /not bound to a VFIO driver \(driver: uio_pci_generic\).*\nhint: udrv bind 0000:00:04\.0 vfio-pci/,
    ],
    ['1-4', 3, /a USB device/],
  ])('%s cannot be opened', async (selector, exit, message) => {
    const { stdout, stderr, code } = await run(`udrv vfio info ${selector}`);
    expect({ stdout, code }).toEqual({ stdout: '', code: exit });
    expect(stderr).toMatch(message);
  });

  test.each([
    ['bar0 0x100000', 2],
    ['bar0 0x2', 2],
    ['bar1 0x0', 3],
    ['rom 0x0', 3],
    ['region9 0x0', 3],
    ['config 0x100', 2],
    ['config 0x1', 2],
  ])('read %s is exit %i', async (request, exit) => {
    expect(await run(`udrv vfio read ${EDU} ${request}`)).toMatchObject({ stdout: '', code: exit });
  });

  test('edu has no reset of its own; NVMe has', async () => {
    expect(await run(`udrv vfio reset ${EDU}`)).toMatchObject({ stdout: '', code: 9 });
    expect(await run(`udrv bind ${NVME} vfio-pci`)).toMatchObject({ code: 0 });
    expect(await run(`udrv vfio reset ${NVME}`)).toMatchObject({ stdout: '', stderr: '', code: 0 });
    expect(await run(`udrv restore ${NVME}`)).toMatchObject({ code: 0 });
  });

  if (kernel === 'stock')
    test('iommufd where the kernel has none', async () => {
      const { stderr, code } = await run(`udrv vfio info ${EDU} --backend iommufd`);
      expect(code).toBe(9);
      expect(stderr).toContain('hint: this kernel has only groups');
    });
});

describeInLab(
  'a machine without an IOMMU',
  (lab, kernel) => {
    const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });
    const noiommu = 'f=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode; [ -e $f ] && echo 1 > $f';

    test('has no group to open a device by', async () => {
      expect(await run('udrv vfio groups')).toMatchObject({ stdout: '', code: 0 });
      for (const bind of [`udrv bind ${EDU} vfio-pci`, `udrv -n bind ${EDU} vfio-pci`]) {
        const { stdout, stderr, code } = await run(bind);
        expect({ stdout, stderr, code }).toEqual({
          stdout: '',
          stderr: expect.stringMatching(
            /^udrv: 0000:00:03\.0: belongs to no IOMMU group: the kernel has the IOMMU off/,
          ),
          code: 9,
        });
      }
    });

    if (kernel !== 'stock')
      test('lets root open one all the same, and says what that means', async () => {
        expect(await run(`${noiommu}; echo ${EDU} > /sys/bus/pci/drivers/vfio-pci/bind`)).toMatchObject({ code: 0 });
        const warning = `udrv: ${EDU}: there is no IOMMU: the device can reach all memory of this machine\n`;
        const info = await run(`udrv --json -v vfio info ${EDU}`);
        expect(info).toMatchObject({ stderr: warning, code: 0 });
        expect(JSON.parse(info.stdout)).toMatchObject({
          backend: 'group',
          iommu: { kind: 'noiommu', pageSizes: [], iovaRanges: [], dmaAvail: null },
        });
        expect(await run(`udrv vfio read ${EDU} bar0 0`)).toMatchObject({ stdout: '0x010000ed\n', stderr: warning });
        const { groups } = JSON.parse((await run('udrv --json vfio groups')).stdout);
        expect(groups).toEqual([
          expect.objectContaining({ noiommu: true, node: '/dev/vfio/noiommu-0', iommu: null, viable: true }),
        ]);
        expect((await run('udrv vfio groups')).stdout).toMatch(/^0 +no IOMMU +yes +- +0000:00:03\.0 /m);
        expect((await run(`udrv vfio show ${EDU}`)).stdout).toMatch(
          /^ {2}iommu +none: the device can reach all memory/m,
        );
        await run('chmod 666 /dev/vfio/noiommu-0 /dev/vfio/vfio');
        const user = await run(`udrv vfio info ${EDU}`, { user: true });
        expect(user).toMatchObject({ stdout: '', code: 4 });
        expect(user.stderr).toBe(
          'udrv: /dev/vfio/noiommu-0: without an IOMMU only root may open it (EPERM)\nhint: it takes CAP_SYS_RAWIO: run this command with sudo\n',
        );
        expect((await run(`node test/lab/map-memory.cjs ${EDU} group 0x100000 0x1000`)).stdout).toBe(
          'ENOTTY there is no IOMMU to map memory in\n',
        );
      });
  },
  { parameters: { intel_iommu: 'off' } },
);

const trace = mkdtempSync(join(tmpdir(), 'udrv-vfio-'));
const file = join(trace, 'trace');
afterAll(() => rmSync(trace, { recursive: true }));

describeInLab(
  'the accesses that a VFIO device sees',
  (lab) => {
    const run = (command: string) => lab().run(command, { timeoutMs: 120_000 });
    /** Accesses to edu's BAR of a command, as QEMU saw them: `read 0x0/4`. */
    const accesses = async (command: string) => {
      const start = readFileSync(file, 'latin1').length;
      const { code, stderr } = await run(command);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const base = BigInt((await run(`head -n 1 ${SYSFS}/${EDU}/resource`)).stdout.split(' ')[0] ?? '0');
      return Array.from(
        readFileSync(file, 'latin1')
          .slice(start)
          .matchAll(/memory_region_ops_(read|write) .*? addr (0x[0-9a-f]+) .*?size (\d+) name 'edu-mmio'/g),
        ([, op, address, size]) => ({ op, offset: Number(BigInt(address ?? '0') - base), size: Number(size) }),
      ).filter(({ offset }) => offset >= 0 && offset < 0x100000);
    };
    const read = (offset: number, size: number) => ({ op: 'read', offset, size });

    test.each(['', '--mmap'])('are each one, of the width that was asked for (%s)', async (how) => {
      expect(await accesses(`udrv vfio read ${EDU} bar0 0x0 ${how}`)).toEqual([read(0, 4)]);
      expect(await accesses(`udrv vfio read ${EDU} bar0 0x80 -w 8 ${how}`)).toEqual([read(0x80, 8)]);
      expect(await accesses(`udrv vfio write ${EDU} bar0 0x4 1 ${how}`)).toEqual([{ op: 'write', offset: 4, size: 4 }]);
      expect(await accesses(`udrv vfio write ${EDU} bar0 0x80 0x123456789 -w 8 ${how}`)).toEqual([
        { op: 'write', offset: 0x80, size: 8 },
      ]);
      expect(await accesses(`udrv vfio dump ${EDU} bar0 0x0+0x20 ${how}`)).toEqual(
        Array.from({ length: 8 }, (_, i) => read(4 * i, 4)),
      );
      expect(await accesses(`udrv vfio dump ${EDU} bar0 0x80+0x18 -w 8 ${how}`)).toEqual([
        read(0x80, 8),
        read(0x88, 8),
        read(0x90, 8),
      ]);
    });
  },
  { trace: { file, events: ['memory_region_ops_read', 'memory_region_ops_write'] } },
);
