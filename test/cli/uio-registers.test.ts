import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './tree';
import { cliFails, cliPasses, quoted, shell, text, udrv } from './udrv';

const dir = scratch();

describe('read', () => {
  cliPasses([
    ['--sim uio read uio0 map0 0x0', '0x010000ed\n'],
    // Two others have these ids, but are no UIO devices.
    ['--sim uio read 1234:11e8 map0 0x0', '0x010000ed\n'],
    ['--sim uio read /dev/uio0 map0 128 -w 8', '0x0000000000000000\n'],
    ['--sim uio read uio0 map0 0 --json', '{"region":"map0","offset":0,"width":4,"value":"0x010000ed"}\n'],
    ['--sim --json uio read uio0 map0 0x80 -w8', /^\{"region":"map0","offset":128,"width":8,"value":"0x0{16}"\}\n$/],
    // The last register there is, and one of width 2.
    ['--sim uio read uio0 map0 0xffffc', '0xffffffff\n'],
    ['--sim uio read uio3 port0 0 -w 1', '0xcb\n'],
    ['--sim uio read uio2 map0 0x2 -w 2', /^0x[0-9a-f]{4}\n$/],
    // Options may stand anywhere.
    ['uio read -w 4 uio0 --sim map0 0', '0x010000ed\n'],
    // The timer's registers do not begin at a page: its ID is at 0x100 of the mapping, and all of them are in it.
    ['--sim uio read uio1 map0 0', '0x54494d01\n'],
    ['--sim uio read uio1 map0 0xefc', '0xffffffff\n'],
    ['--sim uio read uio1 map1 0xffc', '0x00000000\n'],
  ]);

  const outside = (what: string) => `uio0 map0: ${what} is outside of the region, which has 0x100000 bytes`;
  const number = 'is not an offset: decimal or 0x hex, with K, M or G';
  const other = 'choose another width with -w 1|2|4|8, if the device takes it';
  cliFails(2, [
    ['--sim uio read uio0 map0 0x100000', outside('offset 0x100000')],
    ['--sim uio read uio0 map0 1M', outside('offset 0x100000')],
    ['--sim uio read uio0 map0 0xffffe', outside('the range up to 0x100002')],
    ['--sim uio read uio0 map0 0xffffffffffffffff', '0xffffffffffffffff: is not an offset: too large'],
    ['--sim uio read uio0 map0 -4', `-4: ${number}`],
    [['--sim', 'uio', 'read', 'uio0', 'map0', ''], `'': ${number}`],
    ['--sim uio read uio0 map0 0x2', 'uio0 map0: offset 0x2 is not a multiple of the width, 4', other],
    ['--sim uio read uio0 map0 4 -w 8', 'uio0 map0: offset 0x4 is not a multiple of the width, 8', other],
    ['--sim uio read uio0 map0 0 -w 3', '3: is not an access width', 'widths are 1, 2, 4 and 8 bytes'],
    ['--sim uio read uio2 bar1 0 -w 8', 'uio2 bar1: I/O ports have no accesses of 8 bytes', 'use -w 1, 2 or 4'],
    // An offset behind the end of the mapping: the region begins at 0x100 in it.
    ['--sim uio read uio1 map0 0xf00', /^udrv: uio1 map0: .*0xf0[04]\b.* outside /],
  ]);

  cliFails(3, [
    ['--sim uio read uio0 map7 0', 'uio0 map7: no such region', 'it has map0'],
    ['--sim uio read uio2 __proto__ 0', 'uio2 __proto__: no such region', 'it has map0, bar1'],
    [
      '--sim uio read uio9 map0 0',
      'uio9: no such device (ENODEV)',
      'did you mean one of uio0, uio1, uio2, uio3? udrv --sim list --all shows what there is',
    ],
  ]);
});

describe('write', () => {
  /** Each command is a machine of its own, just booted: what a write did is seen in the trace of the same command. */
  test.concurrent.each([
    ['uio0 map0 4 0xdeadbeef', 'store(uio0 mmap 0x0, 0x4, 4, 0xdeadbeef)'],
    ['uio0 map0 0x80 0xffffffffffffffff -w 8', 'store(uio0 mmap 0x0, 0x80, 8, 0xffffffffffffffff)'],
  ])('%s is one store and no load', async (command, store) => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace uio write ${command}`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 0 });
    expect(stderr.split('\n').filter((line) => /^(load|store)\(/.test(line))).toEqual([store]);
  });

  cliPasses([
    ['--sim uio write uio0 map0 4 1', ''],
    ['--sim uio write uio0 map0 4 1 --dry-run', 'uio0 map0:0x4/4=0x00000001\n'],
    ['-n --sim uio write uio2 bar1 0 255 -w 1', 'uio2 bar1:0x0/1=0xff\n'],
  ]);

  test.concurrent('a dry run opens nothing', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --trace uio write uio0 map0 4 1 -n');
    expect({ stdout, stderr, exit }).toEqual({ stdout: 'uio0 map0:0x4/4=0x00000001\n', stderr: '', exit: 0 });
  });

  test.concurrent('a dry run with --json is JSON', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --json uio write uio0 map0 4 1 -n');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(() => JSON.parse(stdout)).not.toThrow();
  });

  test.concurrent('-v tells what was written', async () => {
    expect(await udrv('--sim -v uio write uio0 map0 4 1')).toEqual({
      stdout: '',
      stderr: 'udrv: uio0 map0:0x4/4=0x00000001\n',
      exit: 0,
    });
  });

  cliFails(2, [
    ['--sim uio write uio0 map0 4 0x100000000', 'uio0 map0: 0x100000000 does not fit a register of 4 bytes'],
    ['--sim uio write uio0 map0 4 256 -w 1 -n', 'uio0 map0: 0x100 does not fit a register of 1 bytes'],
    ['--sim uio write uio0 map0 8 0x10000000000000000 -w 8', /does not fit a register of 8 bytes$/],
    ['--sim uio write uio0 map0 4 -129 -w 1', '-129: does not fit a register of 1 bytes'],
    ['--sim uio write uio0 map0 4 1K', '1K: is not a value: decimal or 0x hex'],
    [['--sim', 'uio', 'write', 'uio0', 'map0', '4', ''], `'': is not a value: decimal or 0x hex`],
    ['--sim uio write uio0 map0 1M 1', /^udrv: uio0 map0: offset 0x100000 is outside of the region/],
  ]);
});

describe('dump', () => {
  cliPasses([
    [
      '--sim uio dump uio0 map0 0x0+0x28',
      text`
        0x0000  0x010000ed 0x00000000 0x00000000 0xffffffff
        0x0010  0xffffffff 0xffffffff 0xffffffff 0xffffffff
        0x0020  0x00000000 0x00000000
      `,
    ],
    // OFFSET alone is one register; END is exclusive.
    ['--sim uio dump uio0 map0 0', '0x0000  0x010000ed\n'],
    ['--sim uio dump uio0 map0 0xffff8-1M', '0x0ffff8  0xffffffff 0xffffffff\n'],
    ['--sim uio dump uio0 map0 0x80+16 -w 8', '0x0080  0x0000000000000000 0x0000000000000000\n'],
    ['--sim uio dump uio3 port0 0+4 -w 1', '0x0000  0xcb 0xae 0x50 0x62\n'],
    [
      '--sim uio dump uio0 map0 0+0x18 --format hex',
      text`
        0x0000  ed 00 00 01 00 00 00 00 00 00 00 00 ff ff ff ff  |................|
        0x0010  ff ff ff ff ff ff ff ff                          |........|
      `,
    ],
    ['--sim uio dump uio1 map1 0+16 --format hex', `0x0000 ${' 00'.repeat(16)}  |................|\n`],
    [
      '--sim uio dump uio0 map0 8+8 --json',
      '{"region":"map0","offset":8,"width":4,"words":["0x00000000","0xffffffff"]}\n',
    ],
    [
      '--sim uio dump uio0 map0 0x80+8 -w 8 --json -o -',
      '{"region":"map0","offset":128,"width":8,"words":["0x0000000000000000"]}\n',
    ],
    // Repeats are folded on a terminal only, so that this is all of it.
    ['--sim uio dump uio2 map0', /^(0x[0-9a-f]{4} ( 0x[0-9a-f]{8}){4}\n){256}$/],
    ['--sim uio dump uio1 map0 0+8', '0x0000  0x54494d01 0x00000003\n'],
  ]);

  test.concurrent('the whole of a large region, in each format, word by word', async () => {
    const lines = (await udrv('--sim uio dump uio0 map0')).stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(65536);
    const { words } = JSON.parse((await udrv('--sim uio dump uio0 map0 --json')).stdout);
    expect(lines.flatMap((line) => line.split(/ +/).slice(1))).toEqual(words);
    const file = join(dir, 'whole');
    expect(await udrv(`--sim uio dump uio0 map0 --format bin -o ${file}`)).toEqual({ stdout: '', stderr: '', exit: 0 });
    const bytes = readFileSync(file);
    expect(bytes).toHaveLength(2 ** 20);
    expect(words.map(Number)).toEqual([...new Uint32Array(Uint8Array.from(bytes).buffer)]);
  });

  test.concurrent('raw bytes through a pipe', async () => {
    expect((await shell('udrv --sim uio dump uio0 map0 0+8 --format bin | od -An -tx1')).stdout).toBe(
      ' ed 00 00 01 00 00 00 00\n',
    );
  });

  test.concurrent('to a file, which is overwritten', async () => {
    const file = join(dir, 'dumped');
    writeFileSync(file, 'x'.repeat(1000));
    expect(await udrv(`--sim uio dump uio0 map0 0+4 -o ${file}`)).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(readFileSync(file, 'utf8')).toBe('0x0000  0x010000ed\n');
  });

  test.concurrent('a dump that fails before its first word leaves the file as it was', async () => {
    const file = join(dir, 'precious');
    for (const failing of ['uio0 map0 3', 'uio9 map0', 'uio2 bar1 -w 8']) {
      writeFileSync(file, 'precious');
      expect((await udrv(`--sim uio dump ${failing} -o ${file}`)).exit).toBeGreaterThan(0);
      expect([failing, readFileSync(file, 'utf8')]).toEqual([failing, 'precious']);
    }
  });

  const range = 'write OFFSET, OFFSET+LENGTH or OFFSET-END';
  const behind = 'END is exclusive and lies behind OFFSET';
  cliFails(2, [
    ['--sim uio dump uio0 map0 0x0+0x3', /^udrv: uio0 map0: length 0x3 is not a multiple of the width, 4$/, other()],
    ['--sim uio dump uio0 map0 0x10-0x10', '0x10-0x10: is an empty range', behind],
    ['--sim uio dump uio0 map0 -4', '-4: is not a range', range],
    [['--sim', 'uio', 'dump', 'uio0', 'map0', ''], `'': is not a range`, range],
    ['--sim uio dump uio0 map0 0+1025K', /^udrv: uio0 map0: the range up to 0x100400 is outside/],
    ['--sim uio dump uio0 map0 8+9007199254740991', /^udrv: uio0 map0: the range up to 0x20000000000008 is outside/],
    ['--sim uio dump uio0 map0 0x0+0xffffffffffffffff', '0xffffffffffffffff: is not a length: too large'],
    [
      '--sim uio dump uio0 map0 --format octal',
      "usage: option '--format <format>' argument 'octal' is invalid. Allowed choices are words, hex, bin.",
    ],
  ]);

  cliFails(1, [
    ['--sim uio dump uio0 map0 -o /dev/full', '/dev/full: no space left on device (ENOSPC)'],
    ['--sim uio dump uio0 map0 -o /nowhere/x', '/nowhere/x: no such file or directory (ENOENT)'],
    ['--sim uio dump uio0 map0 -o /', '/: illegal operation on a directory (EISDIR)'],
    [['--sim', 'uio', 'dump', 'uio0', 'map0', '-o', ''], `'': no such file or directory (ENOENT)`],
  ]);
});

function other(): string {
  return 'choose another width with -w 1|2|4|8, if the device takes it';
}

test.concurrent('--trace shows each call on the device, in order, and changes nothing of the output', async () => {
  expect(await udrv('--sim --trace uio read uio0 map0 0')).toEqual({
    stdout: '0x010000ed\n',
    stderr: expect.stringMatching(
      new RegExp(
        [
          '^open\\(/sys/bus/pci/devices/0000:00:04.0/config, O_RDONLY\\) = 3',
          'pread\\(/sys/bus/pci/devices/0000:00:04.0/config, 2, 0x4\\) = 2 \\[03 01\\]',
          'close\\(/sys/bus/pci/devices/0000:00:04.0/config\\) = 0',
          'open\\(/dev/uio0, O_RDONLY\\|O_NONBLOCK\\) = 3',
          'open\\(/sys/bus/pci/devices/0000:00:04.0/config, O_RDONLY\\) = 4',
          'pread\\(/sys/bus/pci/devices/0000:00:04.0/config, \\d+, 0x0\\) = \\d+ \\[34 12 e8 11 .*\\]',
          'close\\(/sys/bus/pci/devices/0000:00:04.0/config\\) = 0',
          'mmap\\(uio0, 0x100000, PROT_READ, 0x0\\) = ok',
          'load\\(uio0 mmap 0x0, 0x0, 4\\) = 0x010000ed',
          'munmap\\(uio0 mmap 0x0\\) = ok',
          'close\\(uio0\\) = 0\n$',
        ].join('\n'),
      ),
    ),
    exit: 0,
  });
});

test.concurrent('a full disk under the output of --trace loses no data', async () => {
  expect(await shell(`udrv --sim --trace uio read uio0 map0 0 2>/dev/full; echo ${quoted('-')} $?`)).toEqual({
    stdout: '0x010000ed\n- 0\n',
    stderr: '',
    exit: 0,
  });
});

test.concurrent('a request that cannot be right touches nothing: not even the node is opened', async () => {
  for (const command of ['read uio0 map0 2', 'read uio0 map7 0', 'write uio0 map0 1M 1', 'dump uio0 map0 4-4'])
    expect((await udrv(`--sim --trace uio ${command}`)).stderr).not.toMatch(/^[a-z]+\(/m);
});
