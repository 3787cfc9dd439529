import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, cliPasses, ROOT, udrv } from './udrv';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

describe('help and version', () => {
  cliPasses([
    ['--version', `${version}\n`],
    ['list -V', `${version}\n`],
    ['--help', /^Usage: udrv \[options\] \[command\]\n.*--sysroot <dir>.*\n {2}list\|ls .*\n {2}udrv list /s],
    ['help', /^Usage: udrv \[options\] \[command\]\n/],
    ['list --help', /^Usage: udrv list \[options\] \[selector\.\.\.\]\n.*--type <framework>/s],
    ['uio help dump', /^Usage: udrv uio dump \[options\] <uio> <region> \[range\]\n/],
    ['uio watch-irq -h', /^Usage: udrv uio watch-irq.*-c, --count <n>.*--ack <action>.*--rearm <how>/s],
  ]);

  test.concurrent.each([['uio', 'udrv uio']])(
    'a command without its subcommand shows what there is: udrv %s',
    async (command, name) => {
      const { stdout, stderr, exit } = await udrv(command);
      expect({ stdout, exit }).toEqual({ stdout: '', exit: 2 });
      expect(stderr).toMatch(new RegExp(`^Usage: ${name} \\[options\\] \\[command\\]\n.*\nCommands:\n`, 's'));
    },
  );
});

test('a checkout that is not built says so', () => {
  const bin = mkdtempSync(join(tmpdir(), 'udrv-bin-'));
  try {
    copyFileSync(join(ROOT, 'bin/udrv'), join(bin, 'udrv'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(bin, 'udrv'), 'list'], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'udrv: dist/cli/start.js: is missing, udrv has not been built here (ENOENT)\nhint: npm run build\n',
    });
  } finally {
    rmSync(bin, { recursive: true });
  }
});

describe('usage errors', () => {
  const choices = 'Allowed choices are uio, vfio, usb, pci, platform.';
  cliFails(2, [
    ['nonsense', "usage: unknown command 'nonsense'", 'udrv --help shows the commands; udrv list shows the devices'],
    ['help nonsense', "usage: unknown command 'nonsense'", '--help shows what there is'],
    ['help usb nonsense', "usage: unknown command 'nonsense'", '--help shows what there is'],
    [[''], "usage: unknown command ''", 'udrv --help shows the commands; udrv list shows the devices'],
    ['lst', "usage: unknown command 'lst'", 'did you mean list?'],
    ['list --nonsense', "usage: unknown option '--nonsense'"],
    ['list --jso', "usage: unknown option '--jso'", 'did you mean --json?'],
    ['--sim list --type', "usage: option '--type <framework>' argument missing"],
    ['--sim list --type scsi', `usage: option '--type <framework>' argument 'scsi' is invalid. ${choices}`],
    [
      '--color blue list',
      "usage: option '--color <when>' argument 'blue' is invalid. Allowed choices are auto, always, never.",
    ],
    ['list --snapshot', "usage: option '--snapshot <file>' argument missing"],
    [
      '--sim show',
      "usage: missing required argument 'device'",
      'device: uio0, uio1, uio2, uio3, 0000:00:03.0, 0000:02:01.0, usb1, 1-2, 1-3, 1-3.1, 1-4, usb2, ...; usage: udrv show [options] <device...>',
    ],
    [
      '--sim uio irq uio0 on off',
      "usage: too many arguments for 'irq'. Expected 2 arguments but got 3.",
      'usage: udrv uio irq [options] <uio> <state>',
    ],
    [
      '--sim uio read uio0 map0',
      'uio0 map0: no offset: write REGION OFFSET or REGION:OFFSET',
      'map0:0x0 is its first register',
    ],
    ['--sim uio -w 4 read uio0 map0 0', "usage: unknown option '-w'"],
    ['--timeout soon --sim list', 'soon: is not a duration', 'write 500ms, 2s or 1m; a bare number is seconds'],
  ]);

  cliFails(2, [
    ['--sim --snapshot x list', '--sysroot, --snapshot and --sim: each name a machine: give one'],
    ['--sysroot / list --sim', '--sysroot, --snapshot and --sim: each name a machine: give one'],
    ['--sysroot / --snapshot x show uio0', '--sysroot, --snapshot and --sim: each name a machine: give one'],
  ]);
});

describe('errors with --json are one object on standard error', () => {
  const NO_COMMAND = 'udrv --help shows the commands; udrv list shows the devices';
  test.concurrent.each([
    ['--json nonsense', { code: 'EUSAGE', message: "usage: unknown command 'nonsense'", hint: NO_COMMAND, exit: 2 }],
    ['nonsense --json', { code: 'EUSAGE', message: "usage: unknown command 'nonsense'", hint: NO_COMMAND, exit: 2 }],
    ['--json uio', { code: 'EUSAGE', message: 'usage: missing command', hint: '--help shows what there is', exit: 2 }],
    [
      '--sim show 9-9 --json',
      {
        code: 'ENODEV',
        message: '9-9: no such device',
        hint: 'udrv --sim list --all shows what there is',
        device: '9-9',
        exit: 3,
      },
    ],
    [
      '--json --sim uio read uio0 map7 0',
      { code: 'ENOREGION', message: 'uio0 map7: no such region', hint: 'it has map0', device: 'uio0', exit: 3 },
    ],
    [
      '--json --sim uio read uio0 map0 1',
      {
        code: 'EUSAGE',
        message: 'uio0 map0: offset 0x1 is not a multiple of the width, 4',
        hint: 'choose another width with -w 1|2|4|8, if the device takes it',
        exit: 2,
      },
    ],
    [
      '--json --snapshot /nowhere/x list',
      { code: 'ENOENT', message: '/nowhere/x: cannot read the snapshot: no such file or directory', exit: 2 },
    ],
  ])('udrv %s', async (command, error) => {
    const { stdout, stderr, exit } = await udrv(command);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: error.exit });
    expect(stderr.split('\n')).toHaveLength(2);
    expect(JSON.parse(stderr)).toEqual({ error });
  });
});

test.concurrent('a stack trace appears with UDRV_DEBUG=1 and not without', async () => {
  const stack = /^ {4}at /m;
  expect((await udrv('--sim show 9-9')).stderr).not.toMatch(stack);
  const { stderr, exit } = await udrv('--sim show 9-9', { env: { UDRV_DEBUG: '1' } });
  expect(exit).toBe(3);
  expect(stderr).toMatch(stack);
  expect(stderr).toMatch(/^udrv: 9-9: no such device \(ENODEV\)$/m);
});
