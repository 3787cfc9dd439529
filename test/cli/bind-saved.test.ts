import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, cliPasses, text, udrv } from './udrv';

// Bindings that last: typed one after the other on a simulated machine in a file.

const folder = mkdtempSync(join(tmpdir(), 'udrv-saved-'));
afterAll(() => rmSync(folder, { recursive: true }));

let machines = 0;

/** Makes a machine, and a function that types commands for it. */
function session() {
  const path = join(folder, `machine${++machines}`);
  return {
    path,
    files: () => Object.keys(JSON.parse(readFileSync(path, 'utf8')).machine.files),
    type: (line: string) => udrv([`--sim=${path}`, ...line.split(' ')]),
  };
}

const RULE = '/etc/udev/rules.d/71-udrv-bind-0000:01:00.0.rules';

test.concurrent('the same for a platform device', async () => {
  const { files, type } = session();
  const rule = '/etc/udev/rules.d/71-udrv-bind-platform-fed60100.timer.rules';
  expect(await type('unbind uio1')).toEqual({
    stdout: 'fed60100.timer: no driver, was uio_pdrv_genirq\n',
    stderr: '',
    exit: 0,
  });
  expect(await type('bind fed60100.timer uio-pdrv-genirq --save')).toEqual({
    stdout: 'fed60100.timer: uio_pdrv_genirq, had none; /dev/uio1\n',
    stderr: `udrv: fed60100.timer: bound to uio_pdrv_genirq at each boot: ${rule}\n`,
    exit: 0,
  });
  expect(await type('bind --list-saved')).toEqual({
    stdout: `platform fed60100.timer  uio_pdrv_genirq  udrv  ${rule}\n`,
    stderr: '',
    exit: 0,
  });
  expect(await type('restore fed60100.timer --forget')).toEqual({
    stdout: 'fed60100.timer: uio_pdrv_genirq, was uio_pdrv_genirq; /dev/uio1\n',
    stderr: 'udrv: fed60100.timer: no longer bound to uio_pdrv_genirq at each boot\n',
    exit: 0,
  });
  expect(files()).toEqual([]);
});

test.concurrent('save, list, restore, forget', async () => {
  const { files, type } = session();
  expect(await type('bind nvme0n1 vfio-pci --save')).toEqual({
    stdout: '0000:01:00.0: vfio-pci, was nvme; /dev/vfio/devices/vfio2\n',
    stderr: text`
      udrv: 0000:01:00.0: bound to vfio-pci at each boot: ${RULE}
      udrv: 0000:01:00.0: nvme may be loaded by the initramfs, before the rule is read there: rebuild it
    `,
    exit: 0,
  });
  expect(await type('bind --list-saved')).toEqual({
    stdout: `0000:01:00.0  vfio-pci  udrv  ${RULE}\n`,
    stderr: '',
    exit: 0,
  });
  expect(JSON.parse((await type('bind --list-saved --json')).stdout)).toEqual({
    schema: 'udrv.saved/1',
    saved: [{ bus: 'pci', address: '0000:01:00.0', id: '1b36:0010', driver: 'vfio-pci', writer: 'udrv', path: RULE }],
  });
  expect(await type('restore 0000:01:00.0')).toEqual({
    stdout: '0000:01:00.0: nvme, was vfio-pci\n',
    stderr: `udrv: 0000:01:00.0: bound to vfio-pci at the next boot: ${RULE}; --forget removes it\n`,
    exit: 0,
  });
  expect(files()).toEqual([RULE]);
  expect(await type('restore 01:00.0 --forget')).toEqual({
    stdout: '0000:01:00.0: nvme, as before\n',
    stderr: text`
      udrv: 0000:01:00.0: no earlier binding is recorded: nvme stays
      udrv: 0000:01:00.0: no longer bound to vfio-pci at each boot
      udrv: 0000:01:00.0: an initramfs may still have the rule; rebuild it
    `,
    exit: 0,
  });
  expect(files()).toEqual([]);
  expect(await type('bind --list-saved')).toEqual({ stdout: '', stderr: 'udrv: no binding is saved\n', exit: 0 });
});

test.concurrent('a dry run has the text of the file and writes none', async () => {
  const { files, type } = session();
  const { stdout } = await type('bind 02:02.0 vfio-pci --save -n -q');
  const [first, ...writes] = stdout.split('\n');
  expect(first).toMatch(
    /^printf '%s\\n' '# Written by udrv .*' 'ACTION=="add".*' > \/etc\/udev\/rules\.d\/71-.*\.rules$/,
  );
  expect(writes[0]).toBe('echo 0000:02:02.0 > /sys/bus/pci/drivers/virtio-pci/unbind');
  expect(files()).toEqual([]);
  await type('bind 02:02.0 vfio-pci --save');
  expect((await type('restore 02:02.0 --forget -n')).stdout).toMatch(/^rm \/etc\/udev\/rules\.d\/71-.*\.rules\n/);
  expect(files()).toHaveLength(1);
});

test.concurrent('the printed command makes the file that is written', async () => {
  const { path, type } = session();
  const { stdout } = await type('bind 02:02.0 vfio-pci --save -n -q');
  const [command = ''] = stdout.split('\n');
  const made = join(folder, 'made');
  const { spawnSync } = require('node:child_process') as typeof import('node:child_process');
  spawnSync('sh', ['-c', command.replace(/> \S+$/, `> ${made}`)]);
  await type('bind 02:02.0 vfio-pci --save');
  const { files } = JSON.parse(readFileSync(path, 'utf8')).machine;
  expect(Object.values(files)).toEqual([readFileSync(made, 'utf8')]);
});

test.concurrent('by ids, and forgotten by them', async () => {
  const { files, type } = session();
  expect((await type('bind 01:00.0 vfio-pci --save --by-id -q')).exit).toBe(0);
  expect(files()).toEqual(['/etc/udev/rules.d/71-udrv-bind-1b36:0010.rules']);
  const conflict = await type('bind 01:00.0 nvme --save');
  expect(conflict).toMatchObject({
    exit: 5,
    stderr: expect.stringMatching(
      /^udrv: 0000:01:00\.0: udrv binds 1b36:0010 to vfio-pci at each boot: .* \(EEXIST\)\nhint: /,
    ),
  });
  expect((await type('restore 1b36:0010 --forget')).exit).toBe(0);
  expect(files()).toEqual([]);
});

test.concurrent('a trace shows the file', async () => {
  const { type } = session();
  const { stderr } = await type('--trace bind 02:02.0 vfio-pci --save');
  expect(stderr).toContain('replace(/etc/udev/rules.d/71-udrv-bind-0000:02:02.0.rules, "# Written by udrv');
});

/** A copied tree with a PCI function and both kinds of saved bindings. */
function copiedTree(): string {
  const root = mkdtempSync(join(folder, 'root-'));
  for (const directory of ['etc/udev/rules.d', 'etc/driverctl.d', 'sys/bus/pci/devices'])
    mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, 'etc/driverctl.d/pci-0000:00:03.0'), 'vfio-pci\n');
  writeFileSync(join(root, 'etc/driverctl.d/pci-0000:00:04.0'), 'x\x1b[31m\n');
  symlinkSync('/etc/passwd', join(root, RULE));
  return root;
}

test.concurrent("driverctl's files are shown, a link is not followed, and nothing drives the terminal", async () => {
  const { stdout, stderr, exit } = await udrv(['--sysroot', copiedTree(), '-v', 'bind', '--list-saved']);
  expect({ stdout, exit }).toEqual({
    stdout: text`
      0000:00:03.0  vfio-pci   driverctl  /etc/driverctl.d/pci-0000:00:03.0
      0000:00:04.0  x\x1b[31m  driverctl  /etc/driverctl.d/pci-0000:00:04.0
      0000:01:00.0  ?          udrv       ${RULE}
    `,
    exit: 0,
  });
  expect(stderr).toContain(`${RULE}: could not be read (ELOOP)`);
});

cliPasses([['--sim bind --list-saved --json', '{"schema":"udrv.saved/1","saved":[]}\n']]);

cliFails(2, [
  ['--sim bind --list-saved uio0', '--list-saved: shows all: give no device, and no --save'],
  ['--sim bind uio0 vfio-pci --by-id', '--by-id: is for --save', 'udrv --sim bind DEVICE DRIVER --save --by-id'],
  [
    '--sim restore --all --forget',
    '--forget: needs devices, and --all names none',
    'udrv --sim bind --list-saved shows what is saved',
  ],
]);

cliFails(3, [
  [
    '--sim restore 05:00.0 --forget',
    '05:00.0: no such device (ENODEV)',
    'did you mean one of 00:00.0, 01:00.0? udrv --sim list --all shows what there is',
  ],
]);

cliFails(5, [
  ['--sim bind 00:08.0 vfio-pci --save', '0000:00:08.0: refused: it is a bridge', '--force does it anyway'],
]);
