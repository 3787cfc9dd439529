import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, udrv } from './udrv';

describe('the rules for a device', () => {
  test('of UIO come with its configuration space', async () => {
    const { stdout, stderr, exit } = await udrv('--sim udev uio0 --group users');
    const match = 'SUBSYSTEM=="uio", KERNELS=="0000:00:04.0", SUBSYSTEMS=="pci"';
    const config = '/sys/bus/pci/devices/0000:00:04.0/config';
    expect(stdout.split('\n')).toEqual([
      '# Written by udrv udev: gives the UIO device 0000:00:04.0 to the group users.',
      '# To end this, remove the file, which is what this does:',
      '#   sudo udrv udev 0000:00:04.0 --remove',
      `${match}, GROUP="users", MODE="0660"`,
      `${match}, RUN+="/usr/bin/chgrp users ${config}", RUN+="/usr/bin/chmod g+rw ${config}"`,
      '',
    ]);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
  });

  test('of VFIO find the group by the device that is in it', async () => {
    const { stdout, exit } = await udrv('--sim --json udev 0000:00:03.0');
    const { schema, path, rules, notes } = JSON.parse(stdout);
    expect({ schema, path, exit }).toEqual({
      schema: 'udrv.udev/1',
      path: '/etc/udev/rules.d/70-udrv-vfio-0000:00:03.0.rules',
      exit: 0,
    });
    expect(rules).toContain(
      'SUBSYSTEM=="vfio", TEST=="/sys/kernel/iommu_groups/%k/devices/0000:00:03.0", GROUP="plugdev", MODE="0660"',
    );
    expect(notes).toEqual([expect.stringContaining('memlock')]);
  });

  cliFails(2, [
    ['--sim udev uio0 --group plug"dev', 'plug"dev: is no name of a group'],
    ['--sim udev uio0 --group a --uaccess', '--uaccess: --group is another way: give one of them'],
    ['--sim udev uio0 --check --uaccess', '--check: examines the rules that there are'],
    ['--sim udev uio0 --check --install', '--install: --check is something else: give one of them'],
    ['--sim udev uio0 --remove --uaccess', '--remove: takes the rules back, whoever they are for'],
  ]);
  cliFails(3, [
    [
      '--sim udev uio9',
      /no such device/,
      'did you mean one of uio0, uio1, uio2, uio3? udrv --sim list --all shows what there is',
    ],
    ['--sim udev 0000:01:00.0', /has no node to give/, 'udrv --sim bind 0000:01:00.0 vfio-pci'],
  ]);
});

describe('rules that are installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'udrv-udev-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const machine = join(folder, 'machine');
  const files = () => Object.keys(JSON.parse(readFileSync(machine, 'utf8')).machine.files);
  const type = (line: string) => udrv([`--sim=${machine}`, ...line.split(' ')]);
  const RULE = '/etc/udev/rules.d/70-udrv-uio-0000:00:04.0.rules';

  test('are written, replaced and removed, on a machine without udev', async () => {
    expect(await type('udev uio0 --install')).toEqual({
      stdout: `${RULE}: written\n`,
      stderr: 'udrv: uio0: udev does not run here, and the rules count once it does\n',
      exit: 0,
    });
    expect((await type('udev 0000:00:04.0 --install')).stdout).toBe(`${RULE}: as before\n`);
    expect(JSON.parse((await type('--json udev uio0 --uaccess --install')).stdout)).toMatchObject({
      schema: 'udrv.udev.install/1',
      address: 'uio0',
      path: RULE,
      applied: false,
      nodes: [{ path: '/dev/uio0' }],
    });
    expect(files()).toEqual([RULE]);
    expect(await type('-n udev uio0 --remove')).toEqual({ stdout: `rm ${RULE}\n`, stderr: '', exit: 0 });
    expect(JSON.parse((await type('--json udev uio0 --remove')).stdout)).toMatchObject({
      schema: 'udrv.udev.remove/1',
      paths: [RULE],
    });
    expect(files()).toEqual([]);
    expect(await type('udev uio0 --remove')).toEqual({
      stdout: '',
      stderr: 'udrv: uio0: udrv wrote no rules for it\n',
      exit: 0,
    });
  });

  test('have a plan that a shell takes', async () => {
    const { stdout } = await type('-n udev 1-4 --install');
    const [write, ...rest] = stdout.split('\n');
    expect(write).toMatch(/^printf '%s\\n' '# Written by .*> \/etc\/udev\/rules\.d\/70-udrv-usb-46f4:0001\.rules$/);
    expect(rest).toEqual([
      'udevadm control --reload',
      expect.stringMatching(/^echo add > \/sys\/devices\/.*\/1-4\/uevent$/),
      'udevadm settle',
      '',
    ]);
    expect(files()).toEqual([]);
  });
});

describe('the check of the rules of a copied machine', () => {
  let root: string;
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'udrv-udev-'));
    const device = 'sys/devices/pci0000:00/0000:00:14.0/usb1/1-3';
    for (const [name, value] of Object.entries({
      idVendor: '0403',
      idProduct: '6001',
      busnum: '1',
      devnum: '4',
      devpath: '3',
      uevent: 'DEVTYPE=usb_device',
    }))
      put(`${device}/${name}`, `${value}\n`);
    mkdirSync(join(root, 'sys/bus/usb/devices'), { recursive: true });
    symlinkSync(`../../../../${device}`, join(root, 'sys/bus/usb/devices/1-3'));
    symlinkSync('../../../../../bus/usb', join(root, device, 'subsystem'));
    put('etc/group', 'plugdev:x:46:\n');
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test('finds none', async () => {
    const { stdout, exit } = await udrv(`--sysroot ${root} udev 1-3 --check`);
    expect({ stdout, exit }).toEqual({
      stdout: 'no rules of udev here: neither /etc/udev/rules.d nor /usr/lib/udev/rules.d has any\n',
      exit: 1,
    });
  });

  test('says what is wrong, and is content when it is mended', async () => {
    const rule = (operator: string) =>
      `SUBSYSTEM=="usb", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", GROUP${operator}"plugdev", MODE="0660"\n`;
    put('etc/udev/rules.d/70-mine.rules', rule('=='));
    expect(await udrv(`--sysroot ${root} --quiet udev 1-3 --check`)).toEqual({
      stdout:
        '/etc/udev/rules.d/70-mine.rules:1: not for this device: MODE="0660"\n' +
        '  wrong: GROUP=="plugdev" compares and does not set: write GROUP="plugdev"\n',
      stderr: '',
      exit: 1,
    });
    put('etc/udev/rules.d/70-mine.rules', rule('='));
    const { stdout, exit } = await udrv(`--sysroot ${root} --json udev 1-3 --check`);
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'udrv.udev.check/1',
      rules: [{ line: 1, matches: true, gives: 'GROUP="plugdev", MODE="0660"', problems: [] }],
    });
  });
});
