import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSysroot } from '../bench/generated-sysroot';
import { describeWith } from '../support/requires';
import { type Entry, plant, scratch, usbDevice } from './tree';
import { cliFails, type Outcome, quoted, shell, text, udrv } from './udrv';

const dir = scratch();
const addresses = (devices: { address: string }[]) => devices.map(({ address }) => address);

/** A UIO device of uio_pdrv_genirq and a PCI function of vfio-pci. */
const machine: Record<string, Entry> = {
  'sys/devices/platform/timer/uio/uio0/name': 'timer\n',
  'sys/devices/platform/timer/uio/uio0/version': '1\n',
  'sys/devices/platform/timer/uio/uio0/event': '7\n',
  'sys/devices/platform/timer/uio/uio0/maps/map0/addr': '0x10000000\n',
  'sys/devices/platform/timer/uio/uio0/maps/map0/size': '0x1000\n',
  'sys/devices/platform/timer/uio/uio0/device': { link: '../..' },
  'sys/devices/platform/timer/driver': { link: '../../../bus/platform/drivers/uio_pdrv_genirq' },
  'sys/class/uio/uio0': { link: '../../devices/platform/timer/uio/uio0' },
  'sys/bus/pci/devices/0000:01:00.0': { link: '../../../devices/pci0000:00/0000:01:00.0' },
  'sys/devices/pci0000:00/0000:01:00.0/vendor': '0x1234\n',
  'sys/devices/pci0000:00/0000:01:00.0/device': '0x5678\n',
  'sys/devices/pci0000:00/0000:01:00.0/class': '0x020000\n',
  'sys/devices/pci0000:00/0000:01:00.0/driver': { link: '../../../bus/pci/drivers/vfio-pci' },
  'sys/devices/pci0000:00/0000:01:00.0/iommu_group': { link: '../../../kernel/iommu_groups/4' },
  'sys/kernel/iommu_groups/4/devices/0000:01:00.0': { link: '../../../../devices/pci0000:00/0000:01:00.0' },
  'usr/share/misc/pci.ids': '1234  Example Inc.\n\t5678  Network Card\n',
  'dev/uio0': '',
  'dev/vfio/4': '',
};
const copy = plant(join(dir, 'copy'), machine);

describe('a copied tree', () => {
  test.concurrent('is listed with its own names, links and nodes', async () => {
    const line = text`
      TYPE  ADDRESS       ID         DRIVER           NODE         ACCESS  NAME
      uio   uio0          -          uio_pdrv_genirq  /dev/uio0    rw      timer
      vfio  0000:01:00.0  1234:5678  vfio-pci         /dev/vfio/4  rw      Example Inc. Network Card
    `;
    expect(await udrv(`--sysroot ${copy} list`)).toEqual({ stdout: line, stderr: '', exit: 0 });
    // Relative to where one is.
    expect(await udrv('--sysroot copy list', { cwd: dir })).toEqual({ stdout: line, stderr: '', exit: 0 });
  });

  cliFails(
    2,
    ['read uio0 map0 0', 'write uio0 map0 0 1', 'dump uio0 map0', 'watch-irq uio0', 'irq uio0 disable'].map(
      (command) => [
        `--sysroot copy uio ${command}`,
        '/dev/uio0: a copied tree can only be inspected',
        'drop --sysroot to work with this machine',
        { cwd: dir },
      ],
    ),
  );

  test.concurrent('of many devices, and its recording', async () => {
    const root = join(dir, 'large');
    generateSysroot(root, 60);
    const live = await udrv(`--sysroot ${root} list --all --json`);
    expect(live).toMatchObject({ stderr: '', exit: 0 });
    const { devices } = JSON.parse(live.stdout);
    expect(devices).toHaveLength(120);
    expect(devices.filter((d: { framework: string }) => d.framework === 'vfio')).toHaveLength(15);
    const recording = join(dir, 'large.snapshot');
    await udrv(`--sysroot ${root} snapshot -o ${recording}`);
    expect(await udrv(`--snapshot ${recording} list --all --json`)).toEqual(live);
    expect(await udrv(`--sysroot ${root} list -q sn:G59`)).toEqual({ stdout: '1-60\n', stderr: '', exit: 0 });
  });
});

describe('a tree without devices', () => {
  const empty = plant(join(dir, 'empty'), { sys: 'a directory' });
  const more = `no device that user space can drive; udrv --sysroot ${empty} list --all shows the PCI functions that the kernel drives; udrv --sim list to try without`;
  test.concurrent.each([
    ['list', more],
    // Not what was just done.
    ['list --all', 'no such device'],
    ['list --type usb', 'no USB device; plug one in; udrv --sim usb list to try without'],
  ])('%s', async (command, remark) => {
    expect(await udrv(`--sysroot ${empty} ${command}`)).toEqual({ stdout: '', stderr: `udrv: ${remark}\n`, exit: 0 });
  });
});

describe('a directory that is none', () => {
  cliFails(2, [
    ['--sysroot /nowhere/x list', '/nowhere/x: cannot read the copied tree: no such file or directory (ENOENT)'],
    ['--sysroot /dev/null list', '/dev/null: not a directory'],
    [['--sysroot', '', 'list'], `'': cannot read the copied tree: no such file or directory (ENOENT)`],
    // Not the option that follows.
    ['--sysroot --sim list', '--sim: cannot read the copied tree: no such file or directory (ENOENT)'],
  ]);

  test.concurrent('because it was deleted', async () => {
    const gone = quoted(join(dir, 'gone'));
    const { stdout, stderr, exit } = await shell(`mkdir ${gone}; cd ${gone}; rmdir ${gone}; udrv --sysroot . list`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 2 });
    expect(stderr).toMatch(/^udrv: \.: .*ENOENT\)\n$/);
  });
});

describe('a hostile tree', () => {
  const uio = (name: string, entries: Record<string, Entry>): Record<string, Entry> =>
    Object.fromEntries(Object.entries(entries).map(([file, entry]) => [`sys/class/uio/${name}/${file}`, entry]));

  const hostile = plant(join(dir, 'hostile'), {
    ...uio('uio0', {
      name: 'a FIFO',
      event: `${'9'.repeat(400)}\n`,
      'maps/map0/size': '0xffffffffffffffff\n',
      'maps/map1/size': '-1\n',
      'maps/map2/size': `${'1'.repeat(2 ** 20)}1\n`,
      'maps/map3': 'a FIFO',
      'maps/map4/size': '0x10\n',
      'maps/map4/addr': 'nonsense\n',
      'maps/map5/size': '0x10\n',
      'portio/port0/size': '16\n',
    }),
    'sys/class/uio/uio1': { link: 'uio1' },
    'sys/class/uio/uio2': { link: '/../../../../../../../../etc' },
    'sys/class/uio/uio3': { link: '/dev/null' },
    'sys/class/uio/uio4': 'a FIFO',
    [`sys/class/uio/${'u'.repeat(250)}/name`]: 'x\n',
    'sys/bus/pci/devices/0000:00:00.0/vendor': '\n',
    'sys/bus/pci/devices/0000:00:00.0/resource': '0x0 0xffffffffffffffff 0x200\n'.repeat(10_000),
    'sys/bus/pci/devices/0000:00:00.0/driver': { link: '/' },
    'sys/bus/pci/devices/0000:00:00.0/iommu_group': { link: `../${'9'.repeat(200)}` },
    'sys/bus/pci/devices/0000:00:00.0x/vendor': '0x1234\n',
    ...usbDevice({ descriptors: Buffer.alloc(70_000, 9), bConfigurationValue: '999\n', speed: '1e999\n' }),
    'usr/share/hwdata/pci.ids': { link: '/usr/share/hwdata/pci.ids' },
    'usr/share/hwdata/usb.ids': 'a directory',
  });

  test.concurrent('is listed for what it is worth: nothing hangs, nothing is believed, nothing outside is read', async () => {
    const { stdout, stderr, exit } = await udrv(`--sysroot ${hostile} list --all --json`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const { devices } = JSON.parse(stdout);
    expect(addresses(devices)).toEqual(['uio0', 'uio4', '0000:00:00.0', '1-2']);
    expect(devices[0]).toMatchObject({
      name: 'uio0',
      errors: [
        { path: '/sys/class/uio/uio0/name', code: 'EACCES' },
        { path: '/sys/class/uio/uio0/maps/map2/size', code: 'EFBIG' },
      ],
      uio: { eventCount: null, regions: [{ name: 'map4', address: null, size: 16 }, { name: 'port0' }] },
    });
    expect(devices[2]).toMatchObject({ vendorId: null, driver: null, pci: { regions: [], iommuGroup: null } });
    expect(devices[3]).toMatchObject({ vendorId: '1234', usb: { speedMbps: null } });
  });

  test.concurrent('-v names what could not be read, -q says nothing of it', async () => {
    const stdout = text`
      TYPE  ADDRESS  ID  DRIVER  NODE       ACCESS  NAME
      uio   uio0     -   -       /dev/uio0  -       uio0
    `;
    const list = (option: string) => udrv(`--sysroot ${hostile} list uio0 ${option}`);
    expect(await list('-v')).toEqual({
      stdout,
      stderr: text`
        udrv: /sys/class/uio/uio0/name: could not be read (EACCES)
        udrv: /sys/class/uio/uio0/maps/map2/size: could not be read (EFBIG)
      `,
      exit: 0,
    });
    expect(await list('')).toEqual({
      stdout,
      stderr: 'udrv: attributes that could not be read: 2; -v names them\n',
      exit: 0,
    });
    expect(await list('-q')).toEqual({ stdout: 'uio0\n', stderr: '', exit: 0 });
    expect((await udrv(`--sysroot ${hostile} show uio0`)).stdout).toMatch(
      /\ncould not read \/sys\/class\/uio\/uio0\/name \(EACCES\)\ncould not read .*map2\/size \(EFBIG\)\n$/,
    );
  });

  cliFails(3, [
    // The links lead where they would after a chroot.
    ...['uio1', 'uio2'].map(
      (name) =>
        [
          `--sysroot hostile show ${name}`,
          `${name}: no such device (ENODEV)`,
          'did you mean one of uio0, uio4? udrv --sysroot hostile list --all shows what there is',
          { cwd: dir },
        ] as const,
    ),
    [
      '--sysroot hostile uio read uio0 map0 0',
      'uio0 map0: no such region',
      'did you mean map4? it has map4, port0',
      { cwd: dir },
    ],
  ]);

  test.concurrent('cannot drive the terminal through a dry run', async () => {
    const parent = '0000:00:04.0\x1b[31m\n';
    const root = plant(join(dir, 'parent'), {
      [`sys/devices/${parent}/subsystem`]: { link: '../../bus/pci' },
      [`sys/devices/${parent}/driver`]: { link: '../../bus/pci/drivers/uio_pci_generic' },
      'sys/class/uio/uio0/device': { link: `../../../devices/${parent}` },
    });
    const { stdout, exit } = await udrv(['--sysroot', root, 'uio', 'irq', 'uio0', 'enable', '--dry-run']);
    expect(exit).toBe(0);
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stdout).not.toContain('\x1b');
  });
});

/** Runs a script that file modes hold back: root runs it without the two capabilities that lift them. */
const asUser = (script: string): Promise<Outcome> =>
  shell(
    process.getuid?.() === 0
      ? `exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all bash --norc -c ${quoted(`${definition} ${script}`)}`
      : script,
  );
const definition = `udrv() { ${quoted(process.execPath)} ${quoted(join(__dirname, '../../bin/udrv'))} "$@"; };`;

describeWith('setpriv', 'for an ordinary user', () => {
  test.concurrent('attributes without permission are told, and are no reason to stop', async () => {
    const root = plant(join(dir, 'closed'), machine);
    chmodSync(join(root, 'sys/devices/platform/timer/uio/uio0/name'), 0);
    chmodSync(join(root, 'dev/uio0'), 0o400);
    expect(await asUser(`udrv --sysroot ${quoted(root)} list -v`)).toEqual({
      stdout: text`
        TYPE  ADDRESS       ID         DRIVER           NODE         ACCESS  NAME
        uio   uio0          -          uio_pdrv_genirq  /dev/uio0    r       uio0
        vfio  0000:01:00.0  1234:5678  vfio-pci         /dev/vfio/4  rw      Example Inc. Network Card
      `,
      stderr: 'udrv: /sys/class/uio/uio0/name: could not be read (EACCES)\n',
      exit: 0,
    });
  });

  test.concurrent('a snapshot without permission is exit 4', async () => {
    const file = join(dir, 'closed.snapshot');
    writeFileSync(file, '# udrv snapshot 1\n# end 0\n', { mode: 0 });
    expect(await asUser(`udrv --snapshot ${quoted(file)} list`)).toEqual({
      stdout: '',
      stderr: `udrv: ${file}: cannot read the snapshot: permission denied (EACCES)\n`,
      exit: 4,
    });
  });

  test.concurrent('an output without permission is exit 4, and stays as it was', async () => {
    const file = join(dir, 'read-only');
    writeFileSync(file, 'as it was', { mode: 0o400 });
    for (const command of [`snapshot -o`, `uio dump uio0 map0 0+8 -o`])
      expect(await asUser(`udrv --sim ${command} ${quoted(file)}; code=$?; cat ${quoted(file)}; exit $code`)).toEqual({
        stdout: 'as it was',
        stderr: `udrv: ${file}: permission denied (EACCES)\n`,
        exit: 4,
      });
  });

  test.concurrent('a tree without permission is exit 4, not a machine without devices', async () => {
    const root = join(dir, 'no-tree');
    mkdirSync(root, { mode: 0 });
    const { stdout, stderr, exit } = await asUser(`udrv --sysroot ${quoted(root)} list`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 4 });
    expect(stderr).toMatch(/^udrv: .*no-tree: .*permission denied \(EACCES\)\n$/);
  });

  test.concurrent('a directory of devices without permission is told, not passed over', async () => {
    const root = plant(join(dir, 'no-list'), machine);
    chmodSync(join(root, 'sys/bus/pci/devices'), 0);
    const { stdout, stderr } = await asUser(
      `udrv --sysroot ${quoted(root)} list -q -v; udrv --sysroot ${quoted(root)} list -v`,
    );
    chmodSync(join(root, 'sys/bus/pci/devices'), 0o755);
    expect(stdout).toMatch(/^uio0\n/);
    expect(stderr).toMatch(/\/sys\/bus\/pci\/devices.*EACCES/);
  });
});

test('mkfifo made the pipes of these tests', () => {
  expect(spawnSync('test', ['-p', join(dir, 'hostile/sys/class/uio/uio0/name')]).status).toBe(0);
});
