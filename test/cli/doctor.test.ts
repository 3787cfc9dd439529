import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseManifest } from '../../src/sys/tree/manifest';
import { plant, scratch, usbDevice } from './tree';
import { cliFails, cliPasses, onTerminal, ROOT, text, UDRV, udrv } from './udrv';

const directory = scratch();
const sick = '0000:02:01.0';

/** A machine that was recorded, as a file and as a tree; as root, who reads and writes all. */
const recorded = join(directory, 'machine.snapshot');
const { status } = spawnSync(process.execPath, [UDRV, '--sim', 'snapshot', '-o', recorded], { cwd: ROOT });
const tree = join(directory, 'copy');
for (const entry of parseManifest(readFileSync(recorded), recorded)) {
  // A directory that was not listed, with files in it that were read.
  if (entry.path === '/proc') continue;
  const path = join(tree, entry.path);
  mkdirSync(entry.kind === 'dir' ? path : dirname(path), { recursive: true });
  if (entry.kind === 'file') writeFileSync(path, entry.content);
  if (entry.kind === 'node' || entry.kind === 'error') writeFileSync(path, '');
  if (entry.kind === 'link') symlinkSync(entry.target, path);
}

test('the machine could be recorded', () => expect(status).toBe(0));

cliPasses([
  [
    '--sim doctor uio0',
    /^uio0 for UIO: nothing is in the way \(1 note: -v\); checked: node, decoding,\n {3}maps, [\s\S]*\n$/,
  ],
  ['--sim doctor', /^this machine: nothing is in the way; checked: IOMMU, [\s\S]*\n$/],
  [
    '--sim doctor --for usb',
    /^this machine for USB: nothing is in the way; checked: container, usbfs\n {3}memory, USB ports\n$/,
  ],
  ['--sim doctor 0000:00:04.0', /^uio0 for UIO: nothing is in the way/],
  [
    '--sim doctor 1-4',
    text`
      1-4 for USB: nothing blocks it; 1 to know

      1  interface-claimed  limits
         The kernel's driver usb-storage has interface 0.
         seen      /sys/bus/usb/devices/1-4:1.0/driver: usb-storage
         prevents  transfers of interface 0, unless --detach takes it for their time
         mend      udrv --sim usb detach 1-4:1.0
         proof     udrv --sim usb show 1-4
    `,
  ],
  [
    [
      '--sysroot',
      plant(join(directory, 'hostile'), usbDevice({ bConfigurationValue: '1\n', product: '\x1b[2J\n' })),
      'doctor',
      '1-2',
    ],
    /^1-2 for USB: nothing/,
  ],
]);

cliFails(3, [
  ['--sim doctor nosuch', 'nosuch: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
  ['--sim doctor ../../etc', '../../etc: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
]);

test.concurrent('a platform device that UIO has is asked about VFIO by its own name', async () => {
  const { stdout, stderr, exit } = await udrv('--sim doctor uio1 --for vfio');
  expect({ stderr, exit, lines: stdout.split('\n').slice(0, 4) }).toEqual({
    stderr: '',
    exit: 1,
    lines: [
      'fed60100.timer for VFIO: blocked',
      '',
      '1  vfio-platform-not-loaded  blocks',
      '   The module vfio-platform is not loaded.',
    ],
  });
});

cliFails(2, [
  ['--sim doctor uio0 --for usb', 'uio0: is no device for USB', 'leave --for out'],
  ['--sim doctor 1-2 --for vfio', '1-2: is no device for VFIO', 'leave --for out'],
  ['--sim doctor --for pcie', /^udrv: usage: option '--for <framework>' argument 'pcie' is invalid/],
  ['--sim doctor --memory many', 'many: is not a size: decimal or 0x hex, with K, M or G'],
]);

test.concurrent('what is in the way is exit 1, with the command for this machine, and one for the recorded one', async () => {
  const lines = (machine: string, reason: string, mend: string, proof: string) =>
    `${text`
    ${sick} for VFIO: blocked

    1  group-not-viable  blocks
       Group 7 is given to a program whole, and the kernel's drivers have members
       of it: 0000:02:02.0 (virtio-pci).${reason}
       seen      /sys/bus/pci/devices/0000:02:02.0/driver: virtio-pci
       prevents  opening the device through VFIO: the kernel answers EPERM
       mend      ${mend}
       proof     ${proof}
  `}${machine}`;
  // The registers of a bridge, which no copy has.
  const reason = ' They are in one group because 0000:00:09.0\n       above the device has no ACS.';
  const live = await udrv(`--sim doctor ${sick}`);
  expect(live).toEqual({
    stdout: lines('', reason, `udrv --sim bind ${sick} vfio-pci --group`, `udrv --sim vfio info ${sick}`),
    stderr: '',
    exit: 1,
  });
  const note =
    "\nThe commands are for the machine that was recorded, not for this one.\n\nnot known: holders: a copy of a machine has no processes\nnot known: DMA faults: the kernel's log cannot be read\n";
  for (const machine of [
    ['--snapshot', recorded],
    ['--sysroot', tree],
  ] as const) {
    const copy = await udrv([...machine, 'doctor', sick]);
    expect(copy).toEqual({
      stdout: lines(note, '', `sudo udrv bind ${sick} vfio-pci --group`, `udrv vfio info ${sick}`),
      stderr: '',
      exit: 1,
    });
  }
});

test.concurrent('the command that is printed mends it, and the one beside it proves that', async () => {
  const machine = `--sim=${join(directory, 'sim')}`;
  const before = await udrv([machine, '--json', 'doctor', sick]);
  const { findings } = JSON.parse(before.stdout);
  const typed = (line: string) =>
    udrv(
      line
        .replace(/^udrv /, '')
        .replaceAll("'", '')
        .split(' '),
    );
  expect(findings[0].mend[0]).toEqual({ kind: 'command', text: `udrv ${machine} bind ${sick} vfio-pci --group` });
  expect((await typed(findings[0].proof)).exit).toBe(5);
  expect(await typed(findings[0].mend[0].text)).toMatchObject({ exit: 0 });
  expect((await typed(findings[0].proof)).exit).toBe(0);
  expect(await udrv([machine, 'doctor', sick])).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('nothing is in the way'),
  });
});

test.concurrent('JSON has the same', async () => {
  const { stdout, exit } = await udrv(`--sim --json doctor ${sick}`);
  expect(exit).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    schema: 'udrv.doctor/1',
    machine: 'simulated',
    device: { address: sick, framework: 'vfio' },
    purpose: 'vfio',
    findings: [
      {
        id: 'group-not-viable',
        severity: 'blocks',
        seen: [{ path: '/sys/bus/pci/devices/0000:02:02.0/driver', value: 'virtio-pci' }],
        means: expect.stringContaining('0000:02:02.0 (virtio-pci)'),
        prevents: expect.any(String),
        mend: [{ kind: 'command', text: `udrv --sim bind ${sick} vfio-pci --group` }],
        proof: `udrv --sim vfio info ${sick}`,
      },
    ],
    unknown: [],
    checked: expect.arrayContaining(['IOMMU', 'group', 'node']),
  });
});

test.concurrent('a snapshot of the time before doctor is not known, and no verdict', async () => {
  const { stdout, exit } = await udrv('--snapshot fixtures/small.snapshot doctor 0000:00:03.0');
  expect(exit).toBe(0);
  expect(stdout).toMatch(/nothing is in the way/);
  expect(stdout).toMatch(/^not known: interrupt remapping: \/proc\/interrupts: no such file or directory$/m);
});

test.concurrent('a driver and a mount with control characters drive no terminal', async () => {
  const dir = 'sys/devices/pci0000:00/0000:00:01.0';
  const hostile = plant(join(directory, 'pci'), {
    'sys/bus/pci/devices/0000:00:01.0': { link: '../../../devices/pci0000:00/0000:00:01.0' },
    [`${dir}/vendor`]: '0x8086\n',
    [`${dir}/class`]: '0x010802\n',
    [`${dir}/driver`]: { link: '../../../bus/pci/drivers/\x1b[31mevil\u009b2J' },
    [`${dir}/driver_override`]: 'a\x1b]0;b\x07\n',
    [`${dir}/iommu_group`]: { link: '../../../kernel/iommu_groups/1' },
    'sys/bus/pci/drivers/vfio-pci': 'a directory',
    [`${dir}/block/sda/dev`]: '8:0\n',
    'sys/class/block/sda': { link: '../../devices/pci0000:00/0000:00:01.0/block/sda' },
    'proc/self/mountinfo': "20 1 8:0 / /a'\\033[2J;reboot rw - ext4 /dev/sda rw\n",
  });
  for (const option of [[], ['--json']]) {
    const { stdout, exit } = await udrv(['--sysroot', hostile, ...option, 'doctor', '0000:00:01.0']);
    expect(exit).toBe(1);
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
  const { stdout } = await udrv(['--sysroot', hostile, '--json', 'doctor', '0000:00:01.0']);
  // The mount point stays one word for the shell.
  expect(JSON.parse(stdout).findings[0]).toMatchObject({
    id: 'disk-in-use',
    mend: [{ text: `sudo umount '/a'\\''\x1b[2J;reboot'` }],
  });
});

test.concurrent('on a terminal prose fits 80 columns', async () => {
  const { stdout } = await onTerminal(`--snapshot fixtures/lab.snapshot doctor ${sick}`);
  const prose = stdout.split('\r\n').filter((line) => !/^ {3}(?:seen|mend|or|proof|)\s+\S/.test(line));
  expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.concurrent('opens no node but the log of the kernel', async () => {
  for (const device of ['0000:00:03.0', sick, '0000:01:00.0', 'uio0', '1-4', '1-2']) {
    const { stderr } = await udrv(`--sim --trace doctor ${device}`);
    const opened = Array.from(stderr.matchAll(/^open\((\S+),/gm), ([, path]) => path);
    expect(opened.filter((path) => path !== '/dev/kmsg' && !/^\/sys\/.*\/config$/.test(path ?? ''))).toEqual([]);
  }
});
