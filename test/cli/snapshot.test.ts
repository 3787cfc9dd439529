import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plant, scratch, usbDevice } from './tree';
import { cliFails, quoted, shell, text, udrv } from './udrv';

const dir = scratch();
const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};

/** The command that gives a function to VFIO names the machine, and can only be tried on a recorded one. */
const asRecorded = (text: string, snapshot: string) =>
  text.replace(/udrv --sim bind (.*)/g, (_, rest) => `udrv --snapshot ${snapshot} bind ${rest} --dry-run`);

/** Hides the count of the timer at uio1, which runs as each command boots the simulated machine: a slow one sees it tick. */
const still = (text: string) =>
  text
    .replace(/(uio1\/event = )\d+/, '$10')
    .replace(/"eventCount":\d+,"irq":(?:null|true)/g, '"eventCount":0,"irq":null');

describe('what is recorded is listed the same from it', () => {
  test.concurrent('to standard output and to a file', async () => {
    const recorded = await udrv('--sim snapshot');
    expect(recorded).toEqual({ stdout: expect.stringMatching(/^# udrv snapshot 1\n/), stderr: '', exit: 0 });
    const copy = join(dir, 'sim.snapshot');
    expect(await udrv(['--sim', 'snapshot', '-o', copy])).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(still(readFileSync(copy, 'utf8'))).toBe(still(recorded.stdout));

    for (const listing of [
      'list --all --json',
      'list -v',
      'show uio0',
      'show 02:01.0',
      'show 1-2',
      '-q vfio groups',
      'vfio groups -t',
      'usb list -t',
    ]) {
      const live = await udrv(`--sim ${listing}`);
      expect(live).toMatchObject({ stderr: '', exit: 0 });
      const { stdout, ...rest } = await udrv(`--snapshot ${copy} ${listing}`);
      expect({ ...rest, stdout: still(stdout) }).toEqual({ ...live, stdout: still(asRecorded(live.stdout, copy)) });
    }
    // Processes are no part of it, and the copy says that it does not know who has a device.
    const live = JSON.parse((await udrv('--sim --json show 02:01.0')).stdout);
    live.vfio.holdersComplete = false;
    expect(JSON.parse((await udrv(`--snapshot ${copy} --json show 02:01.0`)).stdout)).toEqual(live);
    // A recording of the recording is the recording.
    expect((await udrv(`--snapshot ${copy} snapshot`)).stdout).toBe(readFileSync(copy, 'utf8'));
    // From a pipe.
    expect((await shell(`udrv --snapshot <(cat ${quoted(copy)}) list -q --type uio`)).stdout).toBe(
      'uio0\nuio1\nuio2\nuio3\n',
    );
  });

  test.concurrent('names that drivers gave lead to the same devices', async () => {
    const copy = join(dir, 'names.snapshot');
    expect(await udrv(['--sim', 'snapshot', '-o', copy])).toMatchObject({ exit: 0 });
    const live = await udrv('--sim list -q vfio0 nvme0n1 sda');
    expect(live).toEqual({ stdout: '0000:00:03.0\n0000:01:00.0\n1-4\n', stderr: '', exit: 0 });
    expect(await udrv(`--snapshot ${copy} list -q vfio0 nvme0n1 sda`)).toEqual(live);
  });

  test.concurrent('a device without a device id keeps the name of its vendor', async () => {
    const root = plant(join(dir, 'vendor'), {
      ...usbDevice({ idProduct: '' }),
      'usr/share/hwdata/usb.ids': '1234  Example Inc.\n',
    });
    const copy = join(dir, 'vendor.snapshot');
    await udrv(`--sysroot ${root} snapshot -o ${copy}`);
    const live = await udrv(`--sysroot ${root} list`);
    expect(live.stdout).toContain('Example Inc. ');
    expect(await udrv(`--snapshot ${copy} list`)).toEqual(live);
  });

  test.concurrent('a machine with hostile text, unreadable files and links in circles', async () => {
    const root = plant(join(dir, 'root'), {
      ...usbDevice({ product: '\x1b[31mred\nblue\0\xff\u202e' }),
      ...usbDevice({ product: Buffer.from([0xff, 0xfe, 0x0a]), serial: '' }, '1-3'),
      'sys/bus/usb/devices/1-4': { link: '../devices/1-4' },
      'sys/bus/usb/devices/1-5': { link: '../../../../../../../etc' },
      'sys/class/uio/uio0/name': 'a\\x1b b\n',
      'sys/class/uio/uio0/version': 'a FIFO',
      'sys/class/uio/uio0/maps': 'a directory',
    });
    const copy = join(dir, 'root.snapshot');
    expect(await udrv(`--sysroot ${root} snapshot -o ${copy}`)).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(readFileSync(copy, 'latin1')).toMatch(/^[\n -~]*$/);
    const live = await udrv(`--sysroot ${root} list --all --json`);
    expect(JSON.parse(live.stdout).devices.map((d: { address: string }) => d.address)).toEqual(['uio0', '1-2', '1-3']);
    expect(await udrv(`--snapshot ${copy} list --all --json`)).toEqual(live);
  });
});

describe('a file that is no whole recording', () => {
  const head = '# udrv snapshot 1';
  const first = `:1: not a snapshot: the first line must be \`${head}\``;
  const entries = (lines: string, count = 1) => `${head}\n${lines}\n# end ${count}\n`;

  cliFails(2, [
    ['--snapshot /dev/null list', `/dev/null${first}`],
    ['--snapshot / list', '/: cannot read the snapshot: illegal operation on a directory (EISDIR)'],
    ['--snapshot /nowhere/x list', '/nowhere/x: cannot read the snapshot: no such file or directory (ENOENT)'],
    ...(
      [
        ['random', Buffer.from([0x1f, 0x8b, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0, 0xff]), first],
        ['version', '# udrv snapshot 2\n# end 0\n', first],
        ['crlf', `${head}\r\n# end 0\r\n`, ':1: the lines end in carriage returns; udrv writes newlines alone'],
        ['cut', `${head}\n/sys/a = 1\n/sys/b =`, ':3: the file is cut short: its last line does not end'],
        ['cut-line', `${head}\n/sys/a = 1\n`, ':2: the file is cut short: there is no end marker'],
        ['lost', entries('/sys/a = 1', 2), ':3: the file is not whole: 1 entries, and the end marker says 2'],
        ['more', `${entries('/sys/a = 1')}more\n`, ':4: there is text after the end marker'],
        ['escape', entries('/sys/a = \x1b[31m'), ':2: a control character, which must be written as `\\x1b`'],
        ['dots', entries('/sys/../etc/x = 1'), ':2: the path `/sys/../etc/x`: has an empty, `.` or `..` component'],
        [
          'hidden',
          entries('/sys/\u202e ? x'),
          ':2: after the path there must be one of = : -> @ ! / and a blank on either side',
        ],
        ['twice', entries('/sys/a = 1\n/sys/a = 2', 2), ':3: the path `/sys/a` is listed twice, first in line 2'],
        ['errno', entries('/sys/a ! EVIL'), ':2: `EVIL` is not the name of an errno'],
      ] as const
    ).map(([name, content, message]) => {
      file(name, content);
      return [`--snapshot ${name} list`, `${name}${message}`, undefined, { cwd: dir }] as const;
    }),
  ]);
});

test.concurrent('a recorded machine cannot be worked with, and nothing is made', async () => {
  const copy = join(dir, 'inspect.snapshot');
  expect(await udrv(['--sim', 'snapshot', '-o', copy])).toMatchObject({ exit: 0 });
  const refused = {
    stdout: '',
    stderr: text`
      udrv: /dev/uio0: a recorded machine can only be inspected
      hint: drop --snapshot to work with this machine
    `,
    exit: 2,
  };
  for (const command of [
    'read uio0 map0 0',
    'write uio0 map0 4 1',
    `dump uio0 map0 0+8 -o ${join(dir, 'dumped')}`,
    'watch-irq uio0 -q',
    'irq uio0 enable',
    'bench uio0 --trigger map0:0x60=1',
  ])
    expect([command, await udrv(`--snapshot ${copy} uio ${command}`)]).toEqual([command, refused]);
  expect(() => readFileSync(join(dir, 'dumped'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test.concurrent('links in circles end', async () => {
  const path = file(
    'loops',
    text`
      # udrv snapshot 1
      /sys/bus/pci/devices -> /sys/bus/usb/devices
      /sys/bus/usb/devices -> ../pci/devices
      /sys/class/uio -> uio
      # end 3
    `,
  );
  expect(await udrv(`--snapshot ${path} list --all --json`)).toEqual({
    stdout: '{"schema":"udrv.list/1","devices":[]}\n',
    stderr: '',
    exit: 0,
  });
});

describe('where a recording cannot be written', () => {
  cliFails(1, [
    ['--sim snapshot -o /dev/full', '/dev/full: no space left on device (ENOSPC)'],
    ['--sim snapshot -o /nowhere/x', '/nowhere/x: no such file or directory (ENOENT)'],
    ['--sim snapshot -o /', '/: illegal operation on a directory (EISDIR)'],
    [['--sim', 'snapshot', '-o', ''], `'': no such file or directory (ENOENT)`],
  ]);
});
