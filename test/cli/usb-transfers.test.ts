import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, cliPasses, onTerminal, outcomeOf, quoted, shell, shows, start, text, udrv } from './udrv';

// In the simulated machine 1-2 is gadget zero, 1-4 a disk and 1-3.1 a keyboard.

const dir = mkdtempSync(join(tmpdir(), 'udrv-usb-'));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => join(dir, name);

const DESCRIPTOR = text`
  0x0000  12 01 00 02 00 00 00 40 25 05 a0 a4 12 06 01 02  |.......@%.......|
  0x0010  03 02                                            |..|
`;

describe('what a person types', () => {
  cliPasses([
    ['--sim usb ctrl 1-2 0x80 6 0x0100 0 18', DESCRIPTOR],
    ['--sim usb ctrl sn:UDRV0004 128 6 256 0 18', DESCRIPTOR],
    ['--sim usb ctrl 1-2 0x80 6 0x0100 0 0', ''],
    [
      '--sim --json usb ctrl 1-2 0x80 6 0x0100 0 8',
      '{"status":"ok","requested":8,"actual":8,"data":"1201000200000040"}\n',
    ],
    ['--sim --json usb bulk 1-2 0x01 --data 0x12:34', '{"status":"ok","requested":2,"actual":2}\n'],
    [
      ['--sim', '--json', 'usb', 'bulk', '1-2', '0x01', '--data', '12 34'],
      '{"status":"ok","requested":2,"actual":2}\n',
    ],
    [['--sim', '--json', 'usb', 'bulk', '1-2', '0x01', '--data', ''], '{"status":"ok","requested":0,"actual":0}\n'],
    [
      '--sim --json usb iso 1-2 0x82 --alt 1 --packets 2 --count 2 -o /dev/null -q',
      '{"status":"ok","requested":4096,"actual":4096,"packets":4,"errors":{}}\n',
    ],
    ['--sim --json usb reset 1-2', '{"schema":"udrv.usb.change/1","address":"1-2","action":"reset"}\n'],
    [
      '--sim --json usb config 1-2 2',
      '{"schema":"udrv.usb.change/1","address":"1-2","action":"config","configuration":2}\n',
    ],
    ['--sim --json usb alt 1-2:1.0 1', '{"schema":"udrv.usb.change/1","address":"1-2:1.0","action":"alt","alt":1}\n'],
    [
      '--sim --json usb clear-halt 1-2 0x81',
      '{"schema":"udrv.usb.change/1","address":"1-2","action":"clear-halt","endpoint":"0x81"}\n',
    ],
    [
      '--sim --json usb detach 1-4:1.0',
      '{"schema":"udrv.usb.change/1","address":"1-4:1.0","action":"detach","driver":"usb-storage"}\n',
    ],
    [
      '--sim --json usb attach 46f4:0001:0',
      '{"schema":"udrv.usb.change/1","address":"1-4:1.0","action":"attach","driver":"usb-storage"}\n',
    ],
    ['--sim usb bench 1-2 0x81 --seconds 50ms --queue 1,4', /^QUEUE .*\n +1 .*\n +4 .*\n$/],
  ]);

  test('a benchmark for programs', async () => {
    const { stdout } = await udrv('--sim --json usb bench 1-2 0 --seconds 50ms');
    const { runs, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ schema: 'udrv.usb.bench/1', device: '1-2', endpoint: '0x80', size: 18 });
    expect(Object.keys(runs[0])).toEqual(['queue', 'bytes', 'transfers', 'seconds', 'bytesPerSecond', 'latencyUs']);
    expect(runs[0].bytes).toBe(18 * runs[0].transfers);
  });
});

describe('steps, with --dry-run', () => {
  cliPasses([
    ['--sim -n usb ctrl 1-2 0x80 6 0x0100 0 18', '1-2: control 0x80 0x06 0x0100 0x0000, 18 bytes in\n'],
    [
      '--sim -n usb bulk 1-4 0x81 --length 13 --detach',
      text`
        1-4:1.0: take it from usb-storage
        1-4:1.0: claim
        1-4 0x81: read 13 bytes
        1-4:1.0: release
        1-4:1.0: give it back to usb-storage
      `,
    ],
    [
      '--sim -n usb clear-halt 1-4 0x81 --detach',
      text`
        1-4:1.0: take it from usb-storage
        1-4:1.0: claim
        1-4 0x81: clear its halt
        1-4:1.0: release
        1-4:1.0: give it back to usb-storage
      `,
    ],
    ['--sim -n usb alt 1-4:1.0 0 --detach', /^1-4:1.0: take it from usb-storage\n(.*\n){3}1-4:1.0: give it back/],
    ['--sim -n usb ctrl 1-4 0xa1 0xfe 0 0 1 --detach', /^1-4:1.0: take it from usb-storage\n(.*\n){3}1-4:1.0: give it/],
    ['--sim -n usb bench 1-4 0x81 --queue 1 --detach', /^1-4:1.0: take it from usb-storage\n(.*\n){3}1-4:1.0: give it/],
    [
      '--sim -n usb iso 1-2 0x82 --alt 1 --packets 8 --count 2',
      text`
        1-2:1.0: claim
        1-2:1.0: select alternate setting 1
        1-2 0x82: receive 16 packets
        1-2:1.0: release
      `,
    ],
    ['--sim -n usb reset 1-4', '1-4: reset its port\n1-4:1.0: usb-storage starts anew\n'],
    ['--sim -n usb config 1-4 1', '1-4:1.0: take it from usb-storage\n1-4: select configuration 1\n'],
    ['--sim -n usb detach 1-4:1.0', '1-4:1.0: take it from its driver\n'],
    ['--sim -n usb attach 1-4:1.0', '1-4:1.0: have the kernel look for a driver\n'],
  ]);
});

const TOO_MUCH = '2G: is too much for one transfer: 2146483646 bytes at most';
const NO_ENDPOINT = '1-2 0x8f: no such endpoint in configuration 1 (ENOENT)';
const HAS = 'it has 0x01, 0x81';

describe('what cannot be', () => {
  cliFails(2, [
    [
      '--sim usb bulk 1-2 0x01 --length 8',
      '0x01: is an OUT endpoint: the data says how much it is',
      '--data HEX|@FILE|- or --text STRING',
    ],
    ['--sim usb bulk 1-2 0x81 --data 00', '0x81: is an IN endpoint: the data comes from the device', '--length N'],
    ['--sim usb bulk 1-2 0x81', '0x81: is an IN endpoint: say how much to read', '--length N'],
    ['--sim usb bulk 1-2 0x01', '0x01: is an OUT endpoint: give the data', '--data HEX|@FILE|- or --text STRING'],
    ['--sim usb bulk 1-2 0x01 --data 00 -o x', '-o: is for what arrives; 0x01 is an OUT endpoint'],
    ['--sim usb bulk 1-2 0x81 --length 8 --zlp', '--zlp: is for OUT; 0x81 is an IN endpoint'],
    [
      '--sim usb bulk 1-2 0x01 --data 123',
      '123: is not data: an even number of hex digits',
      'write --data 12010002, --data @FILE or --data -',
    ],
    [
      '--sim usb bulk 1-2 0x00 --length 8',
      '0x00: is not an endpoint address',
      'write 0x81 (IN) or 0x01 (OUT): udrv --sim usb show DEVICE lists them',
    ],
    [
      '--sim usb bulk 1-2 0x81 --length 1K --chunk 100',
      "--chunk: 100 is not a multiple of the endpoint's packet size, 512",
    ],
    ['--sim usb bulk 1-2 0x81 --length 8 --queue 5000', '5000: is too many: 1024 at most'],
    ['--sim usb bulk 1-2 0x81 --length 4G --chunk 2G', TOO_MUCH],
    ['--sim usb int 1-2 0x81 --length 2G', TOO_MUCH],
    ['--sim usb bench 1-2 0x01 --size 2G', TOO_MUCH],
    ['--sim usb bench 1-2 0 --size 64K', '--size: 65536 is more than a control request has: 65535 bytes at most'],
    ['--sim usb iso 1-2 0x02 --alt 1 --data 00 --count 2', '--count: is for what arrives; 0x02 is an OUT endpoint'],
    ['--sim usb iso 1-2 0x81', '1-2 0x81: is of type bulk, not isochronous', 'udrv --sim usb bulk'],
    ['--sim usb ctrl 1-2 0x80 6 0x0100 0', 'wLength: say how much to ask for'],
    ['--sim usb ctrl 1-2 0x00 9 1 0', 'wLength: give the data: --data HEX|@FILE|-, or 0 for none'],
    [
      '--sim usb ctrl 1-2 0x40 6 0 0 4',
      'wLength: bmRequestType 0x40 is OUT: it needs the data itself',
      '--data HEX|@FILE|- or --text STRING',
    ],
    ['--sim usb ctrl 1-2 0x1c0 6 0 0 4', '0x1c0: is not bmRequestType: at most 0xff'],
    ['--sim usb ctrl 1-2 0xc0 6 0x10000 0 4', '0x10000: is not wValue: at most 0xffff'],
    ['--sim usb alt 1-2 1', '1-2: names no interface', 'it has 1-2:1.0'],
  ]);
  cliFails(3, [
    ['--sim usb bulk 9-9 0x81 --length 8', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
    [
      '--sim usb ctrl 0000:00:04.0 0x80 6 0 0 8',
      '0000:00:04.0: is no USB device but PCI (ENODEV)',
      'udrv --sim show 0000:00:04.0 tells of it; udrv --sim list --type usb shows the USB devices',
    ],
    ['--sim usb bulk 1-2 0x8f --length 8', NO_ENDPOINT, `did you mean 0x81? ${HAS}`],
    [
      '--sim usb iso 1-2 0x82',
      '1-2 0x82: belongs to alternate setting 1 of interface 0; the current one is 0 (ENOENT)',
      '--alt 1',
    ],
    [
      '--sim usb ctrl 1-2 0x82 0 0 0x8f 2',
      '1-2 0x8f: no such endpoint in the current alternate setting (ENOENT)',
      'udrv --sim usb show 1-2',
    ],
    ['--sim usb alt 1-2:1.0 7', '1-2:1.0: has no alternate setting 7 (ENOENT)', 'it has 0, 1'],
    ['--sim usb detach 1-2:1.3', '1-2:1.3: no such interface now (ENOENT)', 'it has 1-2:1.0'],
    ['--sim usb detach 1-2:2.0', '1-2:2.0: no such interface now (ENOENT)', 'its configuration is 1: 1-2:1.0'],
    ['--sim usb config 1-2 9', '1-2: has no configuration 9 (EINVAL)', 'udrv --sim usb show 1-2'],
  ]);
  cliFails(1, [
    ['--sim usb bulk 1-2 0x01 --data @/no/such/file', '/no/such/file: no such file or directory (ENOENT)'],
    // With no line of the trace, the device was not opened.
    ['--sim --trace usb bulk 1-2 0x01 --data @/', '/: illegal operation on a directory (EISDIR)'],
    ['--sim usb bulk 1-2 0x81 --length 64 -o /no/such/file', '/no/such/file: no such file or directory (ENOENT)'],
  ]);
  cliFails(5, [
    [
      '--sim usb bulk 1-4 0x81 --length 13',
      '1-4:1.0: is driven by usb-storage (EBUSY)',
      '--detach takes it from usb-storage and gives it back afterwards',
    ],
  ]);
  cliFails(6, [
    [
      '--sim usb int 1-3.1 0x81 --length 8 --detach --timeout 50ms',
      '1-3.1 0x81: timed out after 50 ms, 0 of 8 bytes done (ETIMEDOUT)',
    ],
  ]);
  cliFails(7, [
    [
      '--sim usb ctrl 1-2 0xc0 0xee 0 0 8',
      '1-2 control: stalled: the device refuses, 0 of 8 bytes done (EPIPE)',
      'the device does not know this request, or not these values',
    ],
  ]);

  test.each([
    'ctrl 1-2 0x80 6 0x0100 0 18',
    'bulk 1-2 0x81 --length 512',
    'int 1-2 0x81 --length 512',
    'iso 1-2 0x82 --alt 1',
  ])('what cannot be printed is refused before the device is opened: %s', async (command) => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace --json usb ${command} -o -`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 2 });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'EUSAGE' } });
  });

  test('babble comes with what arrived', async () => {
    expect(await udrv('--sim usb bulk 1-2 0x81 --length 20')).toEqual({
      stdout: expect.stringMatching(/^0x0000 {2}(00 ){16}/),
      stderr: text`
        udrv: 1-2 0x81: the device sent more than was asked for, 20 of 20 bytes done (EOVERFLOW)
        hint: ask for whole packets: a --length that is a multiple of 512
      `,
      exit: 7,
    });
  });

  test('a result that is not ok is on standard output too, for programs', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --json usb ctrl 1-2 0xc0 0xee 0 0 8');
    expect({ exit, result: JSON.parse(stdout) }).toEqual({
      exit: 7,
      result: { status: 'stall', requested: 8, actual: 0, data: '' },
    });
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'EPIPE', device: '1-2', exit: 7 });
  });

  test('more than JSON holds', async () => {
    expect(await udrv('--sim --json usb bulk 1-2 0x81 --length 1G')).toMatchObject({ stdout: '', exit: 2 });
    expect(await udrv('--sim --json usb bulk 1-2 0x81 --length 8 -o -')).toMatchObject({ stdout: '', exit: 2 });
  });
});

describe('files and pipes', () => {
  test('bytes into a file, and a document about them', async () => {
    const command = `--sim --json usb ctrl 1-2 0x80 6 0x0100 0 18 -o ${at('descriptor')}`;
    expect((await udrv(command)).stdout).toBe('{"status":"ok","requested":18,"actual":18}\n');
    expect(readFileSync(at('descriptor')).toString('hex', 0, 4)).toBe('12010002');
  });

  test('from a file, a pipe and a FIFO', async () => {
    writeFileSync(at('data'), Buffer.alloc(100_000));
    const sends = (data: string) => `udrv --sim --json usb bulk 1-2 0x01 --data ${data}`;
    const file = quoted(at('data'));
    const { stdout, stderr, exit } = await shell(
      `${sends(`@${file}`)}; cat ${file} | ${sends('-')}; ${sends('-')} < ${file}; mkfifo ${file}.f; cat ${file} > ${file}.f & ${sends(`@${file}.f`)}`,
    );
    expect({ stdout, stderr, exit }).toEqual({
      stdout: '{"status":"ok","requested":100000,"actual":100000}\n'.repeat(4),
      stderr: '',
      exit: 0,
    });
  });

  test('a FIFO is waited for before anything is taken, and with a reader it gets all', async () => {
    const fifo = at('out');
    execFileSync('mkfifo', [fifo]);
    const waiting = start(['--sim', '--trace', 'usb', 'bulk', '1-4', '0x81', '--length', '13', '--detach', '-o', fifo]);
    setTimeout(() => waiting.kill('SIGINT'), 1500);
    // Nobody serves the signal while it waits, so that it does what it does by default.
    expect(await outcomeOf(waiting)).toEqual({ stdout: '', stderr: '', exit: 'SIGINT' });
    const { stdout, exit } = await shell(
      `udrv --sim -q usb bulk 1-2 0x81 --length 100K -o ${fifo} & wc -c < ${fifo}; wait $!`,
    );
    expect({ stdout, exit }).toEqual({ stdout: '102400\n', exit: 0 });
  }, 20_000);

  test('a file that cannot be written is the same error for registers and for transfers', async () => {
    symlinkSync('loop', at('loop'));
    const paths = ['/dev/null/x', at('loop'), at('x'.repeat(300))];
    const commands = [
      'uio dump uio0 map0 0',
      'usb bulk 1-2 0x81 --length 64',
      'usb ctrl 1-2 0x80 6 0x0100 0 18',
      'usb iso 1-2 0x82 --alt 1',
      'snapshot',
    ];
    for (const path of paths) {
      const outcomes = await Promise.all(commands.map((command) => udrv(['--sim', ...command.split(' '), '-o', path])));
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
      expect(outcomes[0]).toMatchObject({ stdout: '', exit: 1 });
      expect(outcomes[0]?.stderr).toMatch(/^udrv: \S+: [a-z ]+ \((ENOTDIR|ELOOP|ENAMETOOLONG)\)\n$/);
    }
  });

  test('a full disk', async () => {
    expect(await udrv('--sim usb bulk 1-2 0x81 --length 1M -o /dev/full')).toEqual({
      stdout: '',
      stderr: 'udrv: /dev/full: no space left on device (ENOSPC)\n',
      exit: 1,
    });
  });

  test('a reader that goes away', async () => {
    const { stdout, stderr } = await shell('udrv --sim usb bulk 1-2 0x81 --length 1G -o - | head -c 3 | wc -c');
    expect({ stdout, stderr }).toEqual({ stdout: '3\n', stderr: '' });
  });

  // The regular file has no blocks, and takes longer than the test to send.
  test.each(['bulk 1-2 0x01', 'iso 1-2 0x02 --alt 1'])('Ctrl-C while a regular file is sent: %s', async (command) => {
    writeFileSync(at('large'), '');
    truncateSync(at('large'), 2 ** 40);
    const child = start(['--sim', '--trace', 'usb', ...command.split(' '), '--data', `@${at('large')}`]);
    const outcome = outcomeOf(child);
    await shows(child, 'stderr', /REAPURBNDELAY/);
    child.kill('SIGINT');
    const { stderr, exit } = await outcome;
    expect(exit).toBe(130);
    expect(stderr).not.toContain('internal error');
    expect(stderr).toMatch(/USBDEVFS_RELEASEINTERFACE[^\n]*\nclose\([^\n]*\n(udrv: [^\n]* packets,[^\n]*\n)?$/);
  });

  test('Ctrl-C while the data is still to come', async () => {
    const child = start('--sim --trace usb bulk 1-2 0x01 --data @/dev/zero');
    const outcome = outcomeOf(child);
    await shows(child, 'stderr', /REAPURBNDELAY/);
    child.kill('SIGINT');
    const { stderr, exit } = await outcome;
    expect(exit).toBe(130);
    expect(stderr).toMatch(/USBDEVFS_RELEASEINTERFACE[^\n]*\nclose\([^\n]*\n$/);
  });
});

test('what takes long shows how far it is, on a terminal', async () => {
  let typed = false;
  const { stdout, exit } = await onTerminal('--sim usb bulk 1-2 0x81 --length 100G -o /dev/null', {
    type: (shown) => {
      if (typed || !shown.includes('MiB/s')) return undefined;
      typed = true;
      return '\x03';
    },
  });
  expect(exit).toBe(130);
  const shown = stdout.split('\r\x1b[K');
  expect(shown[1]).toMatch(/^\d+\.\d of 102400\.0 MiB, \d+\.\d MiB\/s, .* left/);
  // The line is taken away.
  expect(shown.at(-1)).toMatch(/^(\^C)?$/);
});
