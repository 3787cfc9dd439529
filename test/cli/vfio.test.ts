import { join } from 'node:path';
import { type Entry, plant, scratch } from './tree';
import { cliFails, cliPasses, onTerminal, shell, text, udrv } from './udrv';

const directory = scratch();

/** Behind vfio-pci; its sibling 0000:02:01.0 is too, in a group that another driver keeps from being given away. */
const EDU = '0000:00:03.0';
const BLOCKED = '0000:02:01.0';
const backends = ['group', 'iommufd'];

const callsOf = (trace: string, pattern: RegExp) => trace.split('\n').filter((line) => pattern.test(line));

describe('info', () => {
  test.concurrent.each(backends)('by %s, as JSON', async (backend) => {
    const { stdout, stderr, exit } = await udrv(`--sim --json vfio info ${EDU} --backend ${backend}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const bar = { offset: 0, read: true, write: true, sparse: [], type: null, msixMappable: false };
    const irq = { count: 1, eventfd: true, maskable: false, automasked: false, noresize: true };
    expect(JSON.parse(stdout)).toEqual({
      address: EDU,
      backend,
      flags: ['pci'],
      regions: [
        { ...bar, index: 0, name: 'bar0', kind: 'mmio', address: '0xfe200000', size: 0x100000, mmap: true },
        { ...bar, index: 7, name: 'config', kind: 'config', address: null, size: 256, mmap: false },
      ],
      interrupts: [
        { ...irq, index: 0, name: 'intx', maskable: true, automasked: true, noresize: false },
        { ...irq, index: 1, name: 'msi' },
        { ...irq, index: 4, name: 'req' },
      ],
      iommu: {
        iovaRanges: [
          { start: '0x0', end: '0xfedfffff' },
          { start: '0xfef00000', end: '0x7fffffffff' },
        ],
        ...(backend === 'group'
          ? { kind: 'type1', pageSizes: ['0x1000', '0x200000', '0x40000000'], dmaAvail: 65535, objects: [] }
          : { kind: 'iommufd', pageSizes: ['0x1000'], dmaAvail: null, objects: ['ioas', 'hwpt', 'fault-queue'] }),
      },
      features: ['low-power-entry', 'low-power-entry-with-wakeup', 'low-power-exit'],
      hotReset: null,
    });
  });

  cliPasses([
    [
      `--sim vfio info ${EDU} --backend group`,
      text`
        0000:00:03.0
          backend        group, type1
          flags          pci
          reset          not by itself
          hot reset      none: its bus cannot be reset
          page sizes     4K 2M 1G
          iova           0x0-0xfedfffff, 0xfef00000-0x7fffffffff
          mappings left  65535
          features       low-power-entry low-power-entry-with-wakeup low-power-exit

        REGION  INDEX  KIND    ADDRESS     SIZE  ACCESS   NOTE
        bar0    0      mmio    0xfe200000  1M    rw mmap
        config  7      config  -           256   rw

        INTERRUPT  INDEX  VECTORS  FLAGS
        intx       0      1        eventfd maskable automasked
        msi        1      1        eventfd noresize
        req        4      1        eventfd noresize
      `,
    ],
    // By the name of its character device; what is there is taken.
    ['--sim vfio info vfio0', /^0000:00:03\.0\n {2}backend +iommufd\n.*^ {2}iommufd makes +ioas hwpt fault-queue$/ms],
    ['--sim vfio info 00:03.0', /^0000:00:03\.0\n {2}backend +iommufd\n/],
  ]);

  cliFails(3, [
    [
      '--sim vfio info 0000:00:1e.7',
      '0000:00:1e.7: no such device (ENODEV)',
      'did you mean one of 0000:00:1f.0, 0000:00:1f.2, 0000:00:1f.3? udrv --sim list --all shows what there is',
    ],
    [
      '--sim vfio info uio0',
      'uio0: not bound to a VFIO driver (driver: uio_pci_generic) (ENODEV)',
      'udrv --sim bind 0000:00:04.0 vfio-pci',
    ],
    ['--sim vfio info 1-2', '1-2: not bound to a VFIO driver (a USB device) (ENODEV)', 'udrv --sim vfio list'],
    ['--sim vfio info 00:08.0', '00:08.0: is a bridge: VFIO does not take bridges (ENODEV)', 'udrv --sim vfio list'],
  ]);

  cliFails(
    5,
    backends.map((backend) => [
      `--sim vfio info ${BLOCKED} --backend ${backend}`,
      `${BLOCKED}: its group, 7, is not viable: blocked by 0000:02:02.0 (EPERM)`,
      `udrv --sim bind ${BLOCKED} vfio-pci --group`,
    ]),
  );

  test.concurrent('a backend that there is not is usage', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio info ${EDU} --backend vfio`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 2 });
    expect(stderr).toMatch(/auto, group, iommufd/);
  });
});

describe('registers', () => {
  for (const backend of backends)
    cliPasses([
      [`--sim vfio read ${EDU} bar0 0x0 --backend ${backend}`, '0x010000ed\n'],
      [`--sim vfio read ${EDU} bar0 0x0 --mmap --backend ${backend}`, '0x010000ed\n'],
      [
        `--sim --json vfio read ${EDU} config 2 -w 2 --backend ${backend}`,
        '{"region":"config","offset":2,"width":2,"value":"0x11e8"}\n',
      ],
      [
        `--sim vfio dump ${EDU} bar0 0+0x10 --backend ${backend}`,
        '0x0000  0x010000ed 0x00000000 0x00000000 0xffffffff\n',
      ],
      [`--sim vfio write ${EDU} bar0 4 0x12345678 --backend ${backend}`, ''],
    ]);

  cliPasses([
    [
      `--sim --json vfio dump ${EDU} bar0 0+8`,
      '{"region":"bar0","offset":0,"width":4,"words":["0x010000ed","0x00000000"]}\n',
    ],
    [
      `--sim vfio dump ${EDU} config 0+8 --format hex`,
      '0x0000  34 12 e8 11 03 01 10 00                          |4.......|\n',
    ],
    [
      `--sim -n vfio write ${EDU} bar0 4 1`,
      `open ${EDU}: the kernel resets the device, if it can, and switches its bus mastering off\n${EDU} bar0:0x4/4=0x00000001\n`,
    ],
  ]);

  test.concurrent('a write to the configuration space says that the close undoes it', async () => {
    expect(await udrv(`--sim vfio write ${EDU} config 4 6 -w 2`)).toEqual({
      stdout: '',
      stderr: `udrv: ${EDU} config: closing the device has restored the header and the standard capabilities: there the value is gone\n`,
      exit: 0,
    });
  });

  // Each command is a machine of its own: what it did is seen in its trace.
  test.concurrent.each([
    [`read ${EDU} bar0 0x80 -w 8`, ['load(vfio-device 0000:00:03.0 mmap 0x0, 0x80, 8) = 0x0000000000000000']],
    [`write ${EDU} bar0 4 0xdeadbeef`, ['pwrite(vfio-device 0000:00:03.0, [ef be ad de], 0x4) = 4']],
    [`dump ${EDU} bar0 0+8`, ['preadv(vfio-device 0000:00:03.0, 2 * 4, 0x0) = 8 [ed 00 00 01 00 00 00 00]']],
    [`write ${EDU} bar0 4 1 --mmap --backend group`, ['store(vfio-device 0000:00:03.0 mmap 0x0, 0x4, 4, 0x1)']],
  ])('%s touches what was asked for, once', async (command, accesses) => {
    const { stderr, exit } = await udrv(`--sim --trace vfio ${command}`);
    expect(exit).toBe(0);
    // But for the header of the configuration space, which says whether the device answers.
    const seen = callsOf(stderr, /^(p?read|p?write|load|store)/).filter((line) => !line.includes('0x70000000000'));
    expect(seen).toEqual(accesses);
  });

  cliFails(2, [
    [
      `--sim vfio read ${EDU} bar0 1M`,
      `${EDU} bar0: offset 0x100000 is outside of the region, which has 0x100000 bytes`,
    ],
    [
      `--sim vfio read ${EDU} bar0 2`,
      `${EDU} bar0: offset 0x2 is not a multiple of the width, 4`,
      'choose another width with -w 1|2|4|8, if the device takes it',
    ],
    [
      `--sim vfio read ${EDU} config 0x100`,
      `${EDU} config: offset 0x100 is outside of the region, which has 0x100 bytes`,
    ],
    [`--sim vfio write ${EDU} bar0 4 0x100000000`, `${EDU} bar0: 0x100000000 does not fit a register of 4 bytes`],
  ]);
  test.concurrent.each([
    ['read', '0x1000', '0xffffffff\n'],
    ['dump', '0x1000+8', '0x1000  0xffffffff 0xffffffff\n'],
  ])('%s remarks that nothing may have answered', async (command, at, stdout) => {
    const stderr = `udrv: ${EDU} bar0: all ones, as where nothing answers: udrv --sim vfio config ${EDU} tells whether the device does\n`;
    expect(await udrv(`--sim vfio ${command} ${EDU} bar0 ${at}`)).toEqual({ stdout, stderr, exit: 0 });
    expect(await udrv(`--sim -q vfio ${command} ${EDU} bar0 ${at}`)).toEqual({ stdout, stderr: '', exit: 0 });
    // One register that holds something else, and it is data.
    expect(await udrv(`--sim vfio dump ${EDU} bar0 0+0x20 -o /dev/null`)).toEqual({ stdout: '', stderr: '', exit: 0 });
  });
  // With --trace, so that an open would show: it resets the device, and what cannot be right must not.
  cliFails(2, [
    [
      `--sim --trace vfio read ${EDU} config 0 -w 8`,
      `${EDU} config: configuration space has no accesses of 8 bytes`,
      'use -w 1, 2 or 4',
    ],
    [
      `--sim --trace vfio dump ${EDU} config 0x1001+4`,
      `${EDU} config: offset 0x1001 is outside of the region, which has 0x1000 bytes`,
    ],
    [
      `--sim --trace vfio write ${EDU} rom 2 0`,
      `${EDU} rom: offset 0x2 is not a multiple of the width, 4`,
      'choose another width with -w 1|2|4|8, if the device takes it',
    ],
    [
      `--sim --trace vfio watch-irq ${EDU} --ack config:3=1`,
      `${EDU} config: offset 0x3 is not a multiple of the width, 4`,
      'choose another width with -w 1|2|4|8, if the device takes it',
    ],
  ]);
  cliFails(3, [
    [`--sim vfio read ${EDU} bar1 0`, `${EDU} bar1: no such region`, 'it has bar0'],
    [`--sim vfio read ${EDU} rom 0`, `${EDU} rom: no such region`, 'it has bar0, config'],
    [`--sim vfio read ${EDU} region9 0`, `${EDU} region9: no such region`, 'it has bar0, config'],
    [`--sim vfio read ${EDU} __proto__ 0`, `${EDU} __proto__: no such region`, 'it has bar0'],
  ]);

  test.concurrent('a request that cannot be right opens nothing', async () => {
    for (const request of [
      'read 0000:00:03.0 bar0 2',
      'write 0000:00:03.0 bar1 0 1',
      '-n write 0000:00:03.0 bar0 4 1',
    ]) {
      const { stderr } = await udrv(`--sim --trace vfio ${request}`);
      expect(callsOf(stderr, /^(open|ioctl)/)).toEqual([]);
    }
  });
});

describe('groups', () => {
  test.concurrent('for a person', async () => {
    const { stdout, stderr, exit } = await udrv('--sim vfio groups');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(/^GROUP {2}TYPE .*VIABLE .*OWNER .*DEVICE .*ID .*DRIVER .*NAME\n/);
    expect(stdout).toMatch(/^1 +\S+ +yes +- +0000:00:03\.0 +1234:11e8 +vfio-pci +QEMU edu$/m);
    expect(stdout).toMatch(
      /^7 +\S+ +NO +kernel +0000:00:09\.0 .*\n7 .* 0000:02:01\.0 .*\n7 .* 0000:02:02\.0 .*<- blocks the group$/m,
    );
    // The kernel's own devices are ordinary: nobody wants their groups.
    expect(stdout).toMatch(/^9 +\S+ +no +kernel +0000:01:00\.0 .*Controller$/m);
  });

  test.concurrent.each([
    ['9', '9'],
    ['nvme0n1', '9'],
    ['0000:01:00.0', '9'],
    ['uio0', '2'],
    ['/dev/vfio/7', '7'],
  ])('of %s: group %s, and what blocks it', async (selector, group) => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio groups ${selector} --no-headings`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(new RegExp(`^(?:${group} .*\n)+$`));
    expect(stdout).toMatch(/ NO .*<- blocks the group$/m);
    const { groups } = JSON.parse((await udrv(`--sim --json vfio groups ${selector}`)).stdout);
    expect(groups).toMatchObject([{ group: Number(group) }]);
  });

  cliFails(3, [
    ['--sim vfio groups 77', '77: no such IOMMU group (ENODEV)', 'udrv --sim vfio groups shows what there is'],
    [
      '--sim vfio groups 99:00.0',
      '99:00.0: no such device (ENODEV)',
      'did you mean one of 00:00.0, 01:00.0? udrv --sim list --all shows what there is',
    ],
    [
      '--sim vfio groups usb1',
      'usb1: is a USB device: its controller is in an IOMMU group (ENODEV)',
      'udrv --sim list --type pci',
    ],
  ]);
  cliFails(9, [['--sim vfio groups uio1', /^udrv: uio1: belongs to no IOMMU group: /]]);
  cliFails(2, [['--sim vfio groups -t 9', '--tree: shows all groups: name none']]);

  test.concurrent('in a column of a terminal, the number of a group stands once', async () => {
    const { stdout } = await onTerminal('--sim --color never vfio groups 7');
    expect(stdout.match(/^7 /gm)).toHaveLength(1);
  });

  test.concurrent('as JSON', async () => {
    const { stdout, exit } = await udrv('--sim --json vfio groups');
    expect(exit).toBe(0);
    const { schema, groups, holdersComplete } = JSON.parse(stdout);
    expect({ schema, holdersComplete }).toEqual({ schema: 'udrv.groups/1', holdersComplete: true });
    const numbers = groups.map(({ group }: { group: number }) => group);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(groups.find(({ group }: { group: number }) => group === 7)).toMatchObject({
      viable: false,
      blockers: ['0000:02:02.0'],
      noiommu: false,
      node: '/dev/vfio/7',
      access: 'rw',
      iommu: 'dmar0',
      reservedRegions: [{ start: '0xfee00000', end: '0xfeefffff', type: 'msi' }],
      holders: [],
      devices: [{ address: '0000:00:09.0' }, { address: BLOCKED, driver: 'vfio-pci', blocks: false }, { blocks: true }],
    });
  });

  cliPasses([
    [
      '--sim -v vfio groups',
      /\ngroup 1: behind dmar0; node \/dev\/vfio\/1 \(rw\); reserved 0xfee00000-0xfeefffff msi\n/,
    ],
  ]);

  // Two ports whose devices share a group, a function that shares one with a platform device, and none of a second domain.
  const place = (path: string, facts: { group?: number; driver?: string; class?: string }): Record<string, Entry> => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const home = `sys/devices/${path}`;
    const up = '../'.repeat(home.split('/').length - 1);
    const { group, driver, class: code = '020000' } = facts;
    return {
      [`${home}/vendor`]: '0x1234\n',
      [`${home}/device`]: '0x5678\n',
      [`${home}/class`]: `0x${code}\n`,
      ...(path.startsWith('pci') && { [`sys/bus/pci/devices/${name}`]: { link: `../../../devices/${path}` } }),
      ...(driver !== undefined && { [`${home}/driver`]: { link: `${up}bus/x/drivers/${driver}` } }),
      ...(group !== undefined && {
        [`${home}/iommu_group`]: { link: `${up}kernel/iommu_groups/${group}` },
        [`sys/kernel/iommu_groups/${group}/devices/${name}`]: { link: `../../../../devices/${path}` },
      }),
    };
  };
  const port = { driver: 'pcieport', class: '060400', group: 1 };
  const machine = plant(join(directory, 'tree'), {
    ...place('pci0000:00/0000:00:01.0', port),
    ...place('pci0000:00/0000:00:01.0/0000:01:00.0', { driver: 'vfio-pci', group: 1 }),
    ...place('pci0000:00/0000:00:02.0', port),
    ...place('pci0000:00/0000:00:02.0/0000:02:00.0', { driver: 'nvme', class: '010802', group: 1 }),
    ...place('pci0000:00/0000:00:03.0', { driver: 'vfio-pci', group: 2 }),
    ...place('platform/fe200000.ethernet', { driver: 'macb', group: 2 }),
    ...place('platform/ff500000.dma', { driver: 'vfio-platform', group: 3 }),
    ...place('pci0001:00/0001:00:00.0', {}),
    'sys/kernel/iommu_groups/3/reserved_regions': '0x1000 0x1fff direct\n',
  });
  const hierarchy = text`
    DEVICE                GROUP    VIABLE  DRIVER         NOTE    NAME
    pci0000:00                                                    PCI root bus
    ├─ 0000:00:01.0       1 split  NO      pcieport       bridge  PCI bridge [1234:5678]
    │  └─ 0000:01:00.0    1 split  NO      vfio-pci               Ethernet controller [1234:5678]
    ├─ 0000:00:02.0       1 split  NO      pcieport       bridge  PCI bridge [1234:5678]
    │  └─ 0000:02:00.0    1 split  NO      nvme           blocks  NVMe controller [1234:5678]
    └─ 0000:00:03.0       2 split  NO      vfio-pci               Ethernet controller [1234:5678]
    pci0001:00                                                    PCI root bus
    └─ 0001:00:00.0       -        -       -                      Ethernet controller [1234:5678]
    group 2               2 split  NO                             members that are not PCI functions
    └─ fe200000.ethernet  2 split  NO      macb           blocks
    group 3               3        NO                             members that are not PCI functions
    └─ ff500000.dma       3        NO      vfio-platform  RMRR
  `;
  const STROKES: Readonly<Record<string, string>> = { '├─': '|-', '└─': '`-', '│': '|' };

  cliPasses([
    [`--sysroot ${machine} vfio groups -t`, hierarchy],
    [
      `--sysroot ${machine} vfio groups --tree`,
      hierarchy.replace(/├─|└─|│/g, (stroke) => STROKES[stroke] ?? ''),
      { env: { LC_ALL: 'C' } },
    ],
    [
      '--sim vfio groups -t',
      /^├─ 0000:00:09\.0 +7 +NO +- +bridge +\S.*\n│ {2}├─ 0000:02:01\.0 +7 +NO +vfio-pci +QEMU edu\n│ {2}└─ 0000:02:02\.0 +7 +NO +virtio-pci +blocks +Red Hat/m,
    ],
    [
      '--sim -v vfio groups -t',
      /\ngroup 1: behind dmar0; node \/dev\/vfio\/1 \(rw\); reserved 0xfee00000-0xfeefffff msi\n/,
    ],
  ]);

  test.concurrent('the tree as JSON: nested nodes, and the groups with whether they are split', async () => {
    const { stdout, stderr, exit } = await udrv(`--sysroot ${machine} --json vfio groups -t`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const { schema, roots, groups } = JSON.parse(stdout);
    expect(schema).toBe('udrv.vfio.tree/1');
    expect(roots.map(({ address }: { address: string }) => address)).toEqual(['pci0000:00', 'pci0001:00']);
    expect(roots[0].children[1]).toMatchObject({
      address: '0000:00:02.0',
      kind: 'bridge',
      group: 1,
      blocks: false,
      children: [{ address: '0000:02:00.0', kind: 'function', driver: 'nvme', group: 1, blocks: true, children: [] }],
    });
    expect(groups).toMatchObject([
      { group: 1, viable: false, split: true },
      { group: 2, viable: false, split: true, blockers: ['fe200000.ethernet'] },
      { group: 3, split: false, devices: [{ address: 'ff500000.dma' }] },
    ]);
  });

  test.concurrent('a terminal shortens the names, and marks what blocks by a word and a colour', async () => {
    const { stdout } = await onTerminal('--sim vfio groups -t', { env: { COLUMNS: '80' } });
    const coloured = stdout.split('\r\n').find((line) => line.includes('0000:02:02.0')) ?? '';
    expect(coloured).toMatch(/\x1b\[\d+mblocks\x1b/);
    const plain = stdout.replace(/\x1b\[[\d;]*m/g, '').split('\r\n');
    expect(plain.filter((line) => line.length > 80)).toEqual([]);
    expect(plain.find((line) => line.includes('0000:02:02.0'))).toMatch(/ virtio-pci +blocks +Red Hat.*…$/);
  });

  test.concurrent('a machine without an IOMMU is told so', async () => {
    const { stdout, stderr, exit } = await shell(
      'd=$(mktemp -d); udrv --sysroot "$d" vfio groups; e=$?; rmdir "$d"; exit $e',
    );
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 0 });
    expect(stderr).toMatch(/^udrv: this machine has no IOMMU groups: the firmware describes no IOMMU; switch on VT-d/);
  });
});

describe('show', () => {
  test.concurrent('says what is behind a device, also as JSON', async () => {
    const { stdout } = await udrv(`--sim --json vfio show ${EDU}`);
    expect(JSON.parse(stdout).vfio).toEqual({
      group: 1,
      cdev: 'vfio0',
      viable: true,
      blockers: [],
      groupDevices: [EDU],
      iommu: 'dmar0',
      iommuKind: 'Intel VT-d',
      noiommu: false,
      reservedRegions: [{ start: '0xfee00000', end: '0xfeefffff', type: 'msi' }],
      holders: [],
      holdersComplete: true,
    });
  });
});

describe('config --open', () => {
  test.concurrent.each(backends)('by %s shows the space that VFIO shows, and says so', async (backend) => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio config ${EDU} --open --backend ${backend}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(/^0000:00:03\.0 {2}1234:11e8 .*\[256 bytes\]\n/);
    expect(stdout).toMatch(/^ {2}note: as VFIO shows it/m);
    const json = await udrv(`--sim --json vfio config ${EDU} --open --backend ${backend}`);
    expect(JSON.parse(json.stdout)).toMatchObject({
      source: 'vfio',
      size: 256,
      header: { command: { busMaster: false } },
    });
  });

  test.concurrent('gives bytes that --file reads', async () => {
    const { stdout, exit } = await shell(
      `udrv --sim vfio config ${EDU} --open --raw | udrv --json vfio config --file -`,
    );
    expect(exit).toBe(0);
    expect(JSON.parse(stdout).devices[0]).toMatchObject({ address: EDU, source: 'file', size: 256 });
  });

  cliFails(2, [
    [`--sim vfio config ${EDU} --open --file x`, '--file and --open: each say where the bytes come from: give one'],
  ]);
  cliFails(3, [
    [
      '--sim vfio config 00:04.0 --open',
      '00:04.0: not bound to a VFIO driver (driver: uio_pci_generic) (ENODEV)',
      'udrv --sim bind 0000:00:04.0 vfio-pci',
    ],
  ]);
});

describe('reset', () => {
  test.concurrent('of a device that has none is 9', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim vfio reset ${EDU}`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 9 });
    expect(stderr).toMatch(/^udrv: 0000:00:03\.0: cannot be reset alone: .* \(EINVAL\)\n/);
  });

  cliPasses([[`--sim -n vfio reset ${EDU}`, `open ${EDU}\nVFIO_DEVICE_RESET on ${EDU}\n`]]);
});

describe('--trace', () => {
  test.concurrent('has VFIO in words', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace vfio read ${EDU} bar0 0 --backend group`);
    expect({ stdout, exit }).toEqual({ stdout: '0x010000ed\n', exit: 0 });
    expect(stderr).toContain(
      `ioctl(vfio-device ${EDU}, VFIO_DEVICE_GET_REGION_INFO, {index: 0}) = {size: 1M, offset: 0x0, flags: read|write|mmap}\n`,
    );
    expect(stderr).not.toMatch(/^ioctl\([^,]*, 0x/m);
  });
});
