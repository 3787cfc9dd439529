import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, cliPasses, onTerminal, ROOT, shell, shows, start, text, udrv } from './udrv';

// Whole commands with a device that stays open: do, shell and run.

const EDU = '0000:00:03.0';
const folder = mkdtempSync(join(tmpdir(), 'udrv-session-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const steps = (...given: string[]) => ['--sim', 'do', EDU, ...given];

describe('udrv do', () => {
  cliPasses([
    [steps('write bar0:0x4 0x12345678', 'read bar0:0x4'), '0xedcba987\n'],
    [
      steps('buf A 4K r', 'read bar0:0; read A:0/8'),
      'A  iova 0x100000  size 0x1000  mapped r\n0x010000ed\n0x0000000000000000\n',
    ],
    [steps('repeat 2 {', 'read bar0:0', '}'), '0x010000ed\n0x010000ed\n'],
    [steps('dump bar0:0+8'), '0x0000  0x010000ed 0x00000000\n'],
    [steps('buf A 4K none', 'load A:2 "01 02"', 'hexdump A:0+4'), /^A .*not mapped\n0x0000 {2}00 00 01 02 /],
    [
      ['--sim', '--json', 'do', EDU, 'read bar0:0', 'repeat 1 { write bar0:0x4 0 }'],
      text`
        {"schema":"udrv.step/1","step":1,"line":1,"verb":"read","text":"read bar0:0","region":"bar0","offset":0,"width":4,"value":"0x010000ed"}
        {"schema":"udrv.step/1","step":3,"line":2,"iteration":1,"verb":"write","text":"write bar0:0x4 0"}
      `,
    ],
    [
      ['--sim', '-n', 'do', EDU, 'buf A 4K', 'repeat 2 { write bar0:0x80 A }'],
      text`
        open ${EDU}: the kernel resets the device, if it can, and switches its bus mastering off
        buf A 4K
        repeat 2 {
          write bar0:0x80 A
        }
      `,
    ],
    ['--sim do 1-4 @fixtures/examples/usb-inquiry.steps', /QEMU/],
  ]);

  cliFails(2, [
    [steps('read bar0:0', 'raed bar0:0'), 'step 2: raed: is not a step', 'did you mean read?'],
    [
      ['--sim', 'do', EDU, 'read', 'bar0:0'],
      'bar0:0: is not a step',
      "a step stands in quotes: udrv --sim do DEVICE 'read bar0:0'",
    ],
    [steps('# nothing'), 'usage: no step', "udrv --sim do DEVICE 'STEP'..."],
    [steps('@x', 'read bar0:0'), '@x: has all the steps: give no others'],
  ]);
  cliFails(1, [[steps('expect bar0:0==1'), `step 1: ${EDU} bar0:0x0: is 0x010000ed, not 0x00000001`]]);
  cliFails(6, [
    [
      steps('poll bar0:0&1==0 20ms'),
      `step 1: ${EDU} bar0:0x0: is still 0x010000ed, not 0x00000000 under the mask 1, after 20 ms (ETIMEDOUT)`,
    ],
  ]);
  cliFails(3, [[steps('read bar7:0'), `step 1: ${EDU} bar7: no such region`, 'did you mean bar0?']]);
  cliFails(5, [
    [
      ['--sim', 'do', '1-4', 'claim 0'],
      'step 1: 1-4:1.0: is driven by usb-storage (EBUSY)',
      '--detach takes it from usb-storage and gives it back afterwards',
    ],
  ]);

  test('a file with an error in line 40 does nothing', async () => {
    const machine = join(folder, 'machine');
    await udrv(`--sim=${machine} uio write uio0 map0 0x4 0x1`);
    const path = file('long.steps', `${'write map0:0x4 0x2\n'.repeat(39)}write map0:0x3 1\n`);
    const outcome = await udrv(`--sim=${machine} do uio0 @${path}`);
    expect(outcome).toMatchObject({ stdout: '', exit: 2 });
    expect(outcome.stderr).toMatch(/^udrv: line 40 \(step 40\): uio0 map0: offset 0x3 is not a multiple/);
    expect((await udrv(`--sim=${machine} uio read uio0 map0 0x4`)).stdout).toBe('0xfffffffe\n');
  });

  test('steps come from a pipe', async () => {
    expect(await shell(`printf 'read bar0:0 # id\\nread bar0:1/1\\n' | udrv --sim do ${EDU} -`)).toEqual({
      stdout: '0x010000ed\n0x00\n',
      stderr: '',
      exit: 0,
    });
  });

  test('a fault of the DMA engine is explained while the session goes on', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim do ${EDU} @fixtures/examples/edu-dma.steps`);
    expect(exit).toBe(0);
    expect(stderr).toBe(
      `udrv: line 25 (step 23): ${EDU}: IOMMU fault: write of 0x101000, in B at 0x0, which is not mapped (reason 0x05, PTE Write access is not set)\n`,
    );
    expect(stdout.split('\n').at(-3)).toBe('B  iova 0x101000  size 0x1000  mapped w');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it, and everything is put back', async (signal, exit) => {
    const machine = join(folder, `machine-${signal}`);
    const child = start([`--sim=${machine}`, 'do', '1-4', 'claim 0 --detach', 'buf A 16', 'sleep 60s']);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await shows(child, 'stdout', /A/);
    child.kill(signal);
    expect(await ended).toBe(exit);
    expect((await udrv(`--sim=${machine} show 1-4`)).stdout).toMatch(/usb-storage/);
  });
});

describe('registers by name', () => {
  const map = join(__dirname, 'fixtures/edu.json');
  const named = (...given: string[]) => ['--sim', 'do', EDU, '--map', map, ...given];

  cliPasses([
    [
      named('write STATUS.IRQ_WHEN_DONE on', 'read STATUS', 'expect EDU.STATUS.IRQ_WHEN_DONE==on', 'read ID.MAGIC'),
      '0x00000080\n0xed\n',
    ],
    [named('buf A 4K', 'write DMA_SOURCE A', 'dump DMA_SOURCE'), /\n0x0080 {2}0x0000000000100000\n$/],
    [
      ['--sim', '--json', 'do', 'uio0', '--map', map, 'read ID.MAGIC'],
      '{"schema":"udrv.step/1","step":1,"line":1,"verb":"read","text":"read ID.MAGIC","region":"map0","offset":0,"width":4,"value":"0xed","name":"EDU.ID.MAGIC","meaning":"edu"}\n',
    ],
    [
      ['--sim', '-n', 'do', 'uio0', '--map', map, 'write STATUS.IRQ_WHEN_DONE on'],
      'open uio0\nwrite STATUS.IRQ_WHEN_DONE on\n',
    ],
  ]);
  cliFails(5, [
    [
      named('write IRQ_RAISE.LOW 1'),
      'step 1: EDU.IRQ_RAISE.LOW: is not written by a read and a write: its register is write-only',
      'write the whole register, EDU.IRQ_RAISE',
    ],
  ]);
  cliFails(3, [
    [named('read STATSU'), 'step 1: STATSU: no register has this name', 'did you mean STATUS?'],
    [['--sim', 'do', EDU, '--map', `${map}#NONE`, 'read bar0:0'], `${map}: has no peripheral NONE`, 'it has EDU'],
  ]);
  cliFails(2, [
    [steps('regs'), `step 1: ${EDU}: no map names its registers`, 'give --map FILE, or keep one with udrv map add'],
    [['--sim', 'do', '1-4', '--map', map, 'sleep 1ms'], '--map: 1-4 is a USB device, which has no registers'],
  ]);
  cliFails(1, [[named('expect ID.MAGIC==0'), `step 1: ${EDU} EDU.ID.MAGIC: is 0xed, not 0x0`]]);

  test('regs prints as the command does', async () => {
    const command = await udrv(['--sim', 'regs', EDU, '*STATUS', '--map', map]);
    expect(command).toMatchObject({ stdout: expect.stringContaining('IRQ_WHEN_DONE'), exit: 0 });
    expect((await udrv(named('regs *STATUS'))).stdout).toBe(command.stdout);
    const [shown, whole] = await Promise.all([
      udrv(['--json', ...named('regs ID')]),
      udrv(['--sim', '--json', 'regs', EDU, 'ID', '--map', map]),
    ]);
    expect(JSON.parse(shown.stdout).registers).toEqual(JSON.parse(whole.stdout).registers);
  });

  test('a map that is kept, in do, run and shell', async () => {
    const env = { XDG_CONFIG_HOME: join(folder, 'config'), HOME: folder };
    expect((await udrv(['map', 'add', '1234:11e8', map], { env })).exit).toBe(0);
    expect((await udrv(steps('read ID'), { env })).stdout).toBe('0x010000ed\n');
    const path = file('named.mjs', "export default async (s) => console.log((await s.do('read ID.MAGIC')).value)");
    expect(await udrv(['--sim', 'run', path, EDU], { env })).toEqual({ stdout: '237\n', stderr: '', exit: 0 });
    const keys: [RegExp, string][] = [
      [/> /, 'read ID.MAG'],
      [/read ID\.MAG/, '\t'],
      [/read ID\.MAGIC/, '\r'],
      [/0xed[\s\S]*> /, 'exit\r'],
    ];
    const { stdout, exit } = await onTerminal(`--sim shell ${EDU}`, {
      env,
      type: (shown) => (keys[0]?.[0].test(shown.slice(shown.indexOf('> '))) ? keys.shift()?.[1] : undefined),
    });
    expect({ stdout, exit }).toEqual({ stdout: expect.stringContaining('0xed'), exit: 0 });
  });
});

describe('udrv shell', () => {
  const home = join(folder, 'home');
  /** Types each line once the prompt is there again. */
  function typing(...lines: string[]): (shown: string) => string | undefined {
    let prompts = 0;
    return (shown) => {
      const seen = shown.split('> ').length - 1 + (shown.split('... ').length - 1);
      if (seen <= prompts) return undefined;
      prompts = seen;
      return lines.shift() ?? '\x04';
    };
  }

  test('steps are typed, errors do not end it, Ctrl-D does', async () => {
    const { stdout, exit } = await onTerminal(`--sim shell ${EDU}`, {
      env: { HOME: home },
      type: typing(
        'write bar0:0x4 0x12345678\r',
        'raed\r',
        'read bar0:0x4\r',
        'repeat 2 {\r',
        'read bar0:0 }\r',
        'help\r',
      ),
    });
    expect(exit).toBe(0);
    expect(stdout).toMatch(
      /did you mean read\?[\s\S]*0xedcba987[\s\S]*0x010000ed\r\n0x010000ed[\s\S]*repeat N[\s\S]*bar0 +region/,
    );
    const history = join(home, '.local/state/udrv/history');
    expect(readFileSync(history, 'utf8').split('\n').slice(0, 2)).toEqual(['write bar0:0x4 0x12345678', 'raed']);
    expect(statSync(history).mode & 0o777).toBe(0o600);
  });

  test('Tab completes, and Ctrl-C ends the step and not the session', async () => {
    // Each key once the one before is on the screen: keys that come together are taken for pasted text.
    const keys: [RegExp, string][] = [
      [/> /, 're'],
      [/re/, 'a'],
      [/rea/, '\t'],
      [/read /, 'ba'],
      [/read ba/, '\t'],
      [/read bar0:/, '0\r'],
      [/0x010000ed[\s\S]*> /, 'sleep 60s\r'],
      [/sleep 60s\r/, '\x03'],
      [/\^C[\s\S]*> /, 'exit\r'],
    ];
    const { stdout, exit } = await onTerminal(`--sim shell ${EDU}`, {
      env: { XDG_STATE_HOME: join(folder, 'state') },
      type: (shown) => (keys[0]?.[0].test(shown.slice(shown.indexOf('> '))) ? keys.shift()?.[1] : undefined),
    });
    expect(exit).toBe(0);
    expect(stdout).toContain('read bar0:0');
    expect(existsSync(join(folder, 'state/udrv/history'))).toBe(true);
  });

  cliFails(2, [
    [
      `--sim shell ${EDU}`,
      'shell: standard input is no terminal',
      `udrv --sim do ${EDU} - takes steps from a pipe or file`,
    ],
  ]);
});

describe('udrv run', () => {
  const script = (body: string, name = 'script.mjs') => file(name, body);
  const run = (path: string, ...options: string[]) => udrv(['--sim', ...options, 'run', path, EDU, 'one', 'two']);

  test('a script has the session, its arguments and a signal', async () => {
    const path = script(`export default async (session, { signal, args }) => {
      const result = await session.do('buf A 4K; read bar0:0');
      console.log(args.join(), signal.aborted, result.value.toString(16), session.buffers.get('A').bytes.length);
      console.log(session.device.region('bar0').read(0, 4).toString(16));
    }`);
    expect(await run(path)).toEqual({ stdout: 'one,two false 10000ed 4096\n10000ed\n', stderr: '', exit: 0 });
  });

  test('a script opens another device, which is closed with the first', async () => {
    const path = script(`export default async (session, { open }) => {
      const other = open('uio0');
      const { value } = await other.do('read map0:0');
      console.log(session.device.info.address, other.device.info.address, value.toString(16));
      open('0000:99:00.0');
    }`);
    const outcome = await run(path);
    expect(outcome).toMatchObject({ stdout: `${EDU} uio0 10000ed\n`, exit: 3 });
    expect(outcome.stderr).toMatch(/0000:99:00\.0/);
  });

  test('the example works', async () => {
    expect(await udrv(['--sim', 'run', join(ROOT, 'fixtures/examples/edu-copy.mjs'), EDU, '2048'])).toEqual({
      stdout: '2048 bytes copied: the same\n',
      stderr: '',
      exit: 0,
    });
  });

  test.each([
    [
      'throws',
      'export default async () => {\n  throw new TypeError("bad") }',
      1,
      /throws\.mjs:2:\d+: TypeError: bad\n/,
    ],
    ['fails in a step', "export default (s) => s.do('expect bar0:0==1')", 1, /step 1: .*: is 0x010000ed/],
    [
      'throws in a timer',
      'export default () => new Promise(() => setTimeout(() => { throw new Error("late") }, 10))',
      1,
      /Error: late/,
    ],
    ['has no default export', 'export const x = 1', 2, /has no function as its default export/],
    ['does not parse', 'export default (', 1, /SyntaxError/],
  ])('a script that %s', async (name, body, exit, message) => {
    const outcome = await run(script(body, `${name.replaceAll(' ', '-')}.mjs`));
    expect(outcome).toMatchObject({ stdout: '', exit });
    expect(outcome.stderr).toMatch(message);
  });

  test.each([
    ['waits for ever', 'export default () => new Promise(() => {})'],
    ['never waits', 'export default () => { for (;;); }'],
    ['never waits, after a wait', 'export default async () => { await null; for (;;); }'],
    ['keeps the queue of promises busy', 'export default async () => { for (;;) await null; }'],
    ['never ends at its top level', 'for (;;);'],
  ])('--timeout ends a script that %s', async (name, body) => {
    const path = script(body, `${name.replaceAll(/\W/g, '-')}.mjs`);
    expect(await run(path, '--timeout', '300ms')).toEqual({
      stdout: '',
      stderr: `udrv: ${path}: did not end within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  });

  test('everything is put back when it is left', async () => {
    const machine = join(folder, 'run-machine');
    const path = script("export default async (s) => { await s.do('claim 0 --detach'); for (;;); }", 'detach.mjs');
    expect((await udrv(`--sim=${machine} --timeout 300ms run ${path} 1-4`)).exit).toBe(6);
    expect((await udrv(`--sim=${machine} show 1-4`)).stdout).toMatch(/usb-storage/);
  });

  const stripsTypes = 'typescript' in process.features && Boolean(process.features.typescript);
  test('TypeScript runs where Node strips types, and is refused where it does not', async () => {
    const path = script(
      'export default async (session: { device: unknown }): Promise<void> => console.log(typeof session.device)',
      'typed.ts',
    );
    const outcome = await run(path);
    if (stripsTypes) expect(outcome).toMatchObject({ stdout: 'object\n', exit: 0 });
    else expect(outcome).toMatchObject({ stderr: expect.stringContaining('does not run TypeScript'), exit: 9 });
  });
});
