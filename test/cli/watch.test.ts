// Registers that are read again and again: the timer of the simulated machine counts by itself.
import { join } from 'node:path';
import { cliFails, cliPasses, onTerminal, shell, shows, start, udrv } from './udrv';

const edu = `--map ${join(__dirname, 'fixtures/edu.json')}`;
const fast = '--interval 50ms';

describe('a line for each change', () => {
  test('with the time, the place and both values', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim watch uio1 map0:0x10 ${fast} --count 8`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(/^(\d\d:\d\d:\d\d\.\d{3} {2}map0:0x10 {2}0x[0-9a-f]{8} -> 0x[0-9a-f]{8}\n)+$/);
  });

  test('as JSON', async () => {
    const { stdout } = await udrv(`--sim --json uio watch uio1 map0:0x10 ${fast} --count 8`);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        schema: 'udrv.change/1',
        device: 'uio1',
        region: 'map0',
        offset: 0x10,
        width: 4,
        name: null,
        fields: [],
      });
  });

  cliPasses([
    // Nothing happens to these.
    [`--sim watch uio0 map0 0x0+0x20 0x80 ${fast} --count 2`, ''],
    [`--sim vfio watch 0000:00:03.0 config ${fast} --count 1`, ''],
    [`--sim pci watch nvme0 bar0 ${fast} --count 1`, ''],
    [`--sim watch uio0 *STATUS ID.MAGIC map0:0x4 ${edu} ${fast} --count 1`, ''],
  ]);
});

describe('registers that reading changes', () => {
  test('are left out, and named', async () => {
    expect(await udrv(`--sim watch uio0 map0 0x60+8 ${edu} ${fast} --count 1`)).toEqual({
      stdout: '',
      stderr: expect.stringMatching(
        /^udrv: uio0: not read: EDU\.IRQ_RAISE \(write-only\), EDU\.IRQ_ACK \(write-only\)/,
      ),
      exit: 5,
    });
    const { stderr } = await udrv(`--sim --trace watch uio0 map0 0x20+0x48 ${edu} ${fast} --count 1`);
    const reads = stderr.split('\n').filter((line) => line.startsWith('load('));
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((line) => /0x6[04], 4\)/.test(line))).toEqual([]);
  });

  test('are read with --read-all', async () => {
    const { stderr, exit } = await udrv(`--sim --trace watch uio0 map0 0x60+8 ${edu} ${fast} -c 1 --read-all`);
    expect(exit).toBe(0);
    expect(stderr.split('\n').filter((line) => line.startsWith('load('))).toHaveLength(4);
  });
});

cliFails(2, [
  [
    '--sim watch uio0 map0 0x2',
    'uio0 map0: offset 0x2 is not a multiple of the width, 4',
    'choose another width with -w 1|2|4|8, if the device takes it',
  ],
  ['--sim watch uio0 map0:0 --interval 1ms', '1ms: is too short an interval: 50ms at least'],
  [`--sim watch uio0 ID -w 2 ${edu}`, 'EDU.ID: is accessed with 4 bytes: leave out -w 2'],
  [
    '--sim watch uio0 map0 -w 1',
    'uio0 map0: has 1048576 registers in this range: 262144 at most are compared',
    'give a part of it, as in map0 0x0+0x1000',
  ],
]);

cliFails(3, [
  ['--sim watch uio0 map7', 'uio0 map7: no such region', 'it has map0'],
  [`--sim watch uio0 NONE* ${edu}`, 'NONE*: no register has a name like this'],
  [`--sim watch uio0 STATSU ${edu}`, 'STATSU: no register has this name', 'did you mean STATUS?'],
]);

cliFails(6, [['--sim watch uio0 map0:0 --timeout 200ms', 'uio0: nothing changed within 200 ms (ETIMEDOUT)']]);

describe('on a terminal', () => {
  const size = { columns: 80, rows: 12 };

  test('values stand in place, with marks, and the last ones stay', async () => {
    const { stdout, exit } = await onTerminal(`--sim watch uio1 map0 0x0+0x20 ${fast} --count 8`, { size });
    expect(exit).toBe(0);
    expect(stdout).toContain('\x1b[?1049h');
    const frames = stdout.split('\x1b[H').slice(1);
    expect(frames).toHaveLength(9);
    expect(frames[0]).toContain('uio1 every 0.05 s');
    expect(frames[0]).toContain('; 0 changes');
    expect(stdout).toMatch(/0x[0-9a-f]{8}\*/);
    const last = stdout.slice(stdout.lastIndexOf('\x1b[?1049l'));
    expect(last).toMatch(/map0:0x0010 {2}\S*0x/);
    for (const line of last.replace(/\x1b\[[\d;?]*[a-zA-Z]/g, '').split(/\r?\n/))
      expect(line.length).toBeLessThanOrEqual(79);
  });

  test('q ends it with 0, Ctrl-C with 130, and the screen is given back', async () => {
    for (const [key, code] of [
      ['q', 0],
      ['\x03', 130],
    ] as const) {
      let typed = false;
      const { stdout, exit } = await onTerminal(`--sim watch uio0 map0 ${fast}`, {
        size,
        type: (shown) => {
          if (typed || !shown.includes('q ends')) return undefined;
          typed = true;
          return key;
        },
      });
      expect(exit).toBe(code);
      expect(stdout).toContain('more lines; * changed now, + before; q ends');
      expect(stdout).toContain('\x1b[?25h\x1b[?1049l');
    }
  });
});

test('ends at a signal, with what it opened closed', async () => {
  const child = start(`--sim --trace watch uio1 map0:0x10 ${fast}`);
  await shows(child, 'stdout', /->/);
  child.kill('SIGINT');
  const { exit } = await new Promise<{ exit: number | null }>((resolve) =>
    child.once('close', (code) => resolve({ exit: code })),
  );
  expect(exit).toBe(130);
});

test('ends quietly where nobody reads any more', async () => {
  const { stderr, exit } = await shell(
    `udrv --sim watch uio1 map0 0x0+0x20 ${fast} | head -1 >/dev/null; echo "$PIPESTATUS" >&2`,
  );
  expect({ stderr, exit }).toEqual({ stderr: '0\n', exit: 0 });
});

describe('--swap', () => {
  cliPasses([
    ['--sim read uio0 map0:0 --swap', '0xed000001\n'],
    ['--sim read uio3 port0:0 -w 2', '0xaecb\n'],
    ['--sim read uio3 port0:0 --swap -w 2', '0xcbae\n'],
    ['--sim read uio3 port0:0 --swap -w 1', '0xcb\n'],
    ['--sim vfio read 0000:00:03.0 bar0 0 --swap', '0xed000001\n'],
    ['--sim pci read 0000:00:04.0 bar0 0 --swap', '0xed000001\n'],
    ['--sim dump uio0 map0 0+8 --swap', '0x0000  0xed000001 0x00000000\n'],
    ['--sim vfio dump 0000:00:03.0 bar0 0+8 --swap', '0x0000  0xed000001 0x00000000\n'],
    [`--sim read uio0 ID.MAGIC --swap ${edu}`, '0x1\n'],
    [`--sim uio regs uio0 LIVENESS --swap ${edu}`, /^map0:0x4 {2}EDU\.LIVENESS {2}0x00000000\n/],
  ]);

  test('writes the bytes in the other order', async () => {
    const { stderr, exit } = await udrv('--sim --trace write uio0 map0 4 0x12345678 --swap');
    expect(exit).toBe(0);
    expect(stderr).toContain('store(uio0 mmap 0x0, 0x4, 4, 0x78563412)');
  });
});
