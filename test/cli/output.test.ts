import { join } from 'node:path';
import { describeWith } from '../support/requires';
import { plant, scratch, usbDevice } from './tree';
import { cliPasses, onTerminal, shell, text, udrv } from './udrv';

const dir = scratch();

const HEADING = 'TYPE  ADDRESS  ID  DRIVER           NODE       ACCESS  NAME';
const BOLD = `\x1b[1m${HEADING}\x1b[22m`;
const LINE = 'uio   uio1     -   uio_pdrv_genirq  /dev/uio1  rw      timer';

describe('colour in a pipe', () => {
  const plain = `${HEADING}\n${LINE}\n`;
  const bold = `${BOLD}\n${LINE}\n`;
  const command = '--sim list uio1';
  cliPasses([
    [command, plain],
    [command, bold, { env: { FORCE_COLOR: '1' } }],
    [command, plain, { env: { FORCE_COLOR: '0' } }],
    [command, plain, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }],
    // Set, but empty: as if it were not.
    [command, bold, { env: { FORCE_COLOR: '1', NO_COLOR: '' } }],
    [`${command} --color always`, bold, { env: { NO_COLOR: '1', FORCE_COLOR: '0', TERM: 'dumb' } }],
    [`--color=never ${command}`, plain, { env: { FORCE_COLOR: '1' } }],
    // JSON has none, whoever asks.
    ['--sim --color always uio read uio0 map0 0 --json', /^\{"region".*\}\n$/],
  ]);
});

describeWith('script', 'on a terminal', () => {
  test.concurrent.each<[string, NodeJS.ProcessEnv, boolean]>([
    ['', {}, true],
    ['', { NO_COLOR: '1' }, false],
    ['', { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    ['', { FORCE_COLOR: '0' }, false],
    ['', { TERM: 'dumb' }, false],
    ['--color never', { FORCE_COLOR: '1' }, false],
    ['--color always', { NO_COLOR: '1' }, true],
  ])('colour with %j and %j: %s', async (option, env, colour) => {
    expect(await onTerminal(`--sim list uio1 ${option}`, { env })).toEqual({
      stdout: `${colour ? BOLD : HEADING}\r\n${LINE}\r\n`,
      stderr: '',
      exit: 0,
    });
  });

  const shown = async (command: string, env: NodeJS.ProcessEnv = { NO_COLOR: '1' }) => {
    const { stdout, exit } = await onTerminal(command, { env });
    expect(exit).toBe(0);
    return stdout.replaceAll('\r\n', '\n');
  };

  test.concurrent('a hint is broken between words, and a command is not', async () => {
    const { stdout, exit } = await onTerminal('--sim bind uio1 uio_pci_generic', { size: { columns: 60, rows: 24 } });
    expect({ exit, stdout: stdout.replaceAll('\r\n', '\n') }).toEqual({
      exit: 9,
      stdout: text`
        udrv: uio_pci_generic: is a driver of PCI functions, and this is a platform device
        hint: a platform device can have uio_pdrv_genirq or
              vfio-platform; udrv --sim list --type pci shows the
              functions for it
      `,
    });
  });

  test.concurrent('a dump folds repeats, and shows where they end', async () => {
    expect(await shown('--sim uio dump uio0 map0 0+0x80')).toBe(text`
      0x0000  0x010000ed 0x00000000 0x00000000 0xffffffff
      0x0010  0xffffffff 0xffffffff 0xffffffff 0xffffffff
      0x0020  0x00000000 0x00000000 0xffffffff 0xffffffff
      0x0030  0xffffffff 0xffffffff 0xffffffff 0xffffffff
      *
      0x0070  0xffffffff 0xffffffff 0xffffffff 0xffffffff
    `);
    // A line that differs ends the repeats.
    expect(await shown('--sim uio dump uio0 map0 0x40+0x60 --format hex')).toBe(text`
      0x0040  ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff  |................|
      *
      0x0080  00 00 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff  |................|
      *
      0x0090  00 00 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff  |................|
    `);
  });

  const table = (heading: (title: string) => string) => text`
    ${heading('uio1')}  timer
      driver     uio_pdrv_genirq
      node       /dev/uio1 (you may read and write)
      version    devicetree
      interrupt  not known from sysfs, 0 so far
      parent     fed60100.timer (platform)

    ${heading('REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS   NAME')}
    map0    mmio  0xfed60000  4K    0x100   rw mmap  registers
    map1    mmio  0xfed70000  4K    0x0     rw mmap  buffer
  `;

  /** The simulated timer may have expired once by the time that it is looked at. */
  const atRest = (shown: string) => shown.replace('yes, 1 so far', 'not known from sysfs, 0 so far');

  test.concurrent('a device in depth', async () => {
    expect(atRest(await shown('--sim show uio1'))).toBe(table((title) => title));
  });

  test.concurrent('a device in depth, with colour', async () => {
    expect(atRest(await shown('--sim show uio1', {}))).toBe(table((title) => `\x1b[1m${title}\x1b[22m`));
  });

  test.concurrent('JSON is indented for a person', async () => {
    expect(await shown('--sim uio read uio0 map0 0 --json')).toBe(text`
      {
        "region": "map0",
        "offset": 0,
        "width": 4,
        "value": "0x010000ed"
      }
    `);
  });

  test.concurrent('a histogram', async () => {
    const stdout = await shown('--sim uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 -c 20');
    const [, histogram = ''] = stdout.split('\n\n');
    const counts = histogram
      .trimEnd()
      .split('\n')
      .map((line) => Number(/ (\d+)$/.exec(line)?.[1]));
    expect(histogram).toMatch(/^( +[\d.]+ [um]s [█▉▊▋▌▍▎▏]* ?\d+\n)+$/);
    expect(counts.reduce((a, b) => a + b)).toBe(20);
  });

  test.concurrent('Ctrl-C is exit 130', async () => {
    let typed = false;
    const { stdout, exit } = await onTerminal('--sim --trace uio watch-irq uio0 --ack map0:0x64=map0:0x24', {
      type: (shown) => {
        if (typed || !shown.includes('watch(uio0) = ok')) return undefined;
        typed = true;
        return '\x03';
      },
    });
    expect(exit).toBe(130);
    expect(stdout).toMatch(/close\(uio0\) = 0\r\n$/);
  });

  test.concurrent('an error is one line and its hint, exit code and all', async () => {
    expect(await onTerminal('--sim nonsense')).toEqual({
      stdout:
        "udrv: usage: unknown command 'nonsense'\r\nhint: udrv --help shows the commands; udrv --sim list shows the devices\r\n",
      stderr: '',
      exit: 2,
    });
  });
});

describe('a reader that has enough', () => {
  const quiet = (script: string, shown: string) =>
    test.concurrent(script, async () => {
      // The exit code of udrv, not of the last in the pipe.
      expect(await shell(`${script}; echo "$PIPESTATUS"`)).toEqual({ stdout: `${shown}0\n`, stderr: '', exit: 0 });
    });
  quiet('udrv --sim uio dump uio0 map0 | head -n 1', '0x000000  0x010000ed 0x00000000 0x00000000 0xffffffff\n');
  quiet('udrv --sim uio dump uio0 map0 --format bin | head -c 4 | od -An -tx1', ' ed 00 00 01\n');
  quiet('udrv --sim list --json | head -c 10', '{"schema":');
  quiet('udrv --help | true', '');
});

describe('an output that cannot be written', () => {
  const full = 'udrv: standard output: no space left on device (ENOSPC)\n';
  test.concurrent.each([
    ['udrv --sim list >/dev/full', 1, full],
    ['udrv --sim uio dump uio0 map0 >/dev/full', 1, full],
    ['udrv --version >/dev/full', 1, full],
    ['udrv --help >/dev/full', 1, full],
    // Without one at all.
    ['udrv --sim list >&-', 0, ''],
    ['udrv --sim list <&- >/dev/null', 0, ''],
    // The exit code tells what could not be said.
    ['udrv --sim list nothere 2>&-', 3, ''],
    ['udrv --sim list nothere 2>/dev/full', 3, ''],
    ['udrv nonsense 2>/dev/full', 2, ''],
  ])('%s is exit %i', async (script, exit, stderr) => {
    expect(await shell(script)).toEqual({ stdout: '', stderr, exit });
  });

  test.concurrent('with --json', async () => {
    const { stderr, exit } = await shell('udrv --json --sim list >/dev/full');
    expect(exit).toBe(1);
    expect(JSON.parse(stderr).error).toEqual({
      code: 'ENOSPC',
      message: 'standard output: no space left on device',
      exit: 1,
    });
  });
});

describe('where one is', () => {
  test.concurrent('a directory that was deleted, and no HOME', async () => {
    const gone = join(dir, 'gone');
    expect(await shell(`mkdir ${gone}; cd ${gone}; rmdir ${gone}; udrv --sim list -q uio0 timer`)).toEqual({
      stdout: 'uio0\nuio1\n',
      stderr: '',
      exit: 0,
    });
  });
});

describe('text from a device', () => {
  /** Colour, window title, a new line, a second C1 introducer, bidirectional controls, a line separator, no UTF-8. */
  const evil = Buffer.concat([
    Buffer.from('a\x1b[31mb\x1b]0;t\x07c\r\nd\x9b2Je\u202ef\u2066g\u200fh\u2028i\x7f\0'),
    Buffer.from([0xff, 0xc3, 0x28]),
    Buffer.from('z\n'),
  ]);
  const shown = 'a\\x1b[31mb\\x1b]0;t\\x07c\\x0d\\x0ad\\x9b2Je\\u202ef\\u2066g\\u200fh\\u2028i\\x7f\\x00\ufffd\ufffd(z';
  const raw = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  const names = { manufacturer: evil, product: evil, serial: evil, version: evil };
  plant(join(dir, 'evil'), {
    ...usbDevice(names),
    ...usbDevice({ product: evil, serial: evil }, '1-3'),
    'sys/bus/usb/devices/1-2:1.0/bInterfaceNumber': '00\n',
    'sys/bus/usb/devices/1-2:1.0/driver': { link: Buffer.concat([Buffer.from('x/\x1b[7m\n'), Buffer.from([0xff])]) },
    'sys/class/uio/uio0/name': evil,
    'sys/class/uio/uio0/version': evil,
    'sys/class/uio/uio0/event': 'a directory',
    'sys/class/uio/\x1b[31m/name': 'x\n',
    'sys/bus/pci/devices/0000:00:01.0/vendor': '0x1234\n',
    'sys/bus/pci/devices/0000:00:01.0/device': '0x5678\n',
    'sys/bus/pci/devices/0000:00:01.0/driver_override': evil,
    'sys/bus/pci/devices/0000:00:01.0/driver': { link: '../drivers/vfio-pci' },
    'sys/bus/pci/devices/0000:00:01.0/iommu_group': { link: '/sys/kernel/iommu_groups/1' },
    'sys/kernel/iommu_groups/1/devices/\x1b[31m\n': { link: '/nowhere' },
    'usr/share/hwdata/pci.ids': Buffer.concat([Buffer.from('1234  '), evil.subarray(0, -1), Buffer.from('\n')]),
  });
  const sysroot = (command: string) => udrv(`--sysroot evil ${command}`, { cwd: dir });

  test.concurrent('is escaped in text', async () => {
    const { stdout, stderr, exit } = await sysroot('list -v');
    expect({ stderr, exit }).toEqual({
      stderr: 'udrv: /sys/class/uio/uio0/event: could not be read (EISDIR)\n',
      exit: 0,
    });
    expect(stdout).not.toMatch(raw);
    const [, uio, , usb, ...rest] = stdout.trimEnd().split('\n');
    expect(rest).toHaveLength(1);
    expect(uio?.endsWith(`  ${shown}`)).toBe(true);
    expect(usb?.endsWith(`  ${shown} ${shown}`) || usb?.endsWith(`  ${shown}`)).toBe(true);

    for (const device of ['1-2', 'uio0', '00:01.0']) {
      const { stdout } = await sysroot(`show ${device}`);
      expect([device, raw.exec(stdout)]).toEqual([device, null]);
      expect(stdout).toContain(device === '00:01.0' ? '\\x1b[31m\\x0a' : shown);
    }
  });

  test.concurrent('is escaped in JSON, and is what the device said once it is parsed', async () => {
    const { stdout, stderr, exit } = await sysroot('list --json');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout.slice(0, -1)).not.toMatch(raw);
    const { devices } = JSON.parse(stdout);
    const said = evil.toString('utf8').trim();
    expect(devices.map((d: { framework: string }) => d.framework)).toEqual(['uio', 'vfio', 'usb', 'usb']);
    expect(devices[0].name).toBe(said);
    expect(devices[2].usb).toMatchObject({ manufacturer: said, product: said, serial: said });
  });

  test.concurrent('is escaped in errors', async () => {
    const { stdout, stderr, exit } = await sysroot('show 1234:5678');
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 3 });
    expect(stderr).toContain(`1-2 (sn:${shown})`);
    expect(stderr).not.toMatch(raw);
    expect((await udrv('--sysroot evil show 1234:5678', { cwd: dir, env: { UDRV_DEBUG: '1' } })).stderr).not.toMatch(
      raw,
    );
  });

  test.concurrent('is escaped in a recording, and from one', async () => {
    const recording = await sysroot('snapshot');
    expect(recording).toMatchObject({ stderr: '', exit: 0 });
    expect(recording.stdout).not.toMatch(raw);
    plant(dir, { 'evil.snapshot': recording.stdout });
    for (const command of ['list --json', 'show 1-2'])
      expect(await udrv(`--snapshot evil.snapshot ${command}`, { cwd: dir })).toEqual(await sysroot(command));
  });

  test.concurrent('an Arabic letter mark turns text around as well', async () => {
    plant(join(dir, 'alm'), usbDevice({ product: 'a\u061cb\n' }));
    for (const option of ['', '--json'])
      expect((await udrv(`--sysroot alm list ${option}`, { cwd: dir })).stdout).not.toContain('\u061c');
  });

  test.concurrent.each([
    [['--sim', 'show', '\x1b[31m\u202ex']],
    [['\x1b[31mx']],
    [['--sysroot', '\x1b[31m', 'list']],
    [['--sim', 'uio', 'dump', 'uio0', 'map0', '-o', '/nowhere/\x1b[31m']],
    [['--sim', 'uio', 'watch-irq', 'uio0', '--ack', '\x1b[31m']],
  ])('nor does what was typed come back raw: %j', async (command) => {
    const { stdout, stderr } = await udrv(command);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^udrv: .*\\x1b\[31m.*\n(hint: .*\n)?$/);
    expect(stderr).not.toMatch(raw);
  });
});
