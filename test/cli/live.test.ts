// What is said on a terminal while a command waits, and nowhere else.
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, cliFails, type Outcome, onTerminal, shell, shellOnTerminal, shows, start, udrv } from './udrv';

const ACK = '--ack map0:0x64=map0:0x24';
const TRIGGER = '--trigger map0:0x60=1';
const ERASE = '\r\x1b[K';
const CTRL_C = '\x03';

/** Runs on a terminal, and types keys once the pattern is shown. */
function typing(command: Command, pattern: RegExp, keys: string): Promise<Outcome> {
  let typed = false;
  return onTerminal(command, {
    type: (shown) => {
      if (typed || !pattern.test(shown)) return undefined;
      typed = true;
      return keys;
    },
  });
}

/** Returns what a terminal shows in the end: lines without what was erased in them. */
function settled(stdout: string): string {
  return stdout
    .split('\r\n')
    .map((line) => line.split(ERASE).at(-1))
    .join('\n');
}

describe('waiting', () => {
  test.concurrent.each([
    [`--sim uio watch-irq uio0 ${ACK}`, 'interrupts of uio0'],
    ['--sim vfio watch-irq 0000:00:03.0', 'interrupts of 0000:00:03.0'],
    ['--sim monitor --type vfio', 'events of vfio devices'],
    ['--sim usb int 1-3.1 0x81 --length 8 --detach', 'data from 1-3.1 0x81'],
  ])('%s says for what', async (command, what) => {
    const { stdout, exit } = await typing(command, /waiting for/, CTRL_C);
    expect(stdout).toContain(`${ERASE}waiting for ${what}; Ctrl-C ends`);
    expect(settled(stdout)).not.toContain('waiting');
    expect(exit).toBe(130);
  });

  test.concurrent('an interrupt that came is counted', async () => {
    const once = `--sim uio watch-irq uio0 ${TRIGGER} --rearm none`;
    const { stdout } = await typing(once, /waiting for/, CTRL_C);
    expect(stdout).toMatch(/ 1 +1 +0 +-\r\n\r\x1b\[Kwaiting for interrupts of uio0 \(1 so far\); Ctrl-C ends/);
    expect(settled(stdout)).not.toContain('waiting');
  });

  test.concurrent('a measurement says it where an interrupt is late', async () => {
    const { stdout, exit } = await onTerminal('--sim uio bench uio0 --trigger map0:0x64=1 --timeout 1500ms');
    expect(stdout).toContain(`${ERASE}waiting for interrupts of uio0; Ctrl-C ends${ERASE}`);
    expect(settled(stdout)).toMatch(/^udrv: uio0: no interrupt within 1500 ms/);
    expect(exit).toBe(6);
  });

  test.concurrent.each(['-q', '--json'])('%s does without', async (option) => {
    const { stdout, exit } = await onTerminal(`--sim ${option} uio watch-irq uio0 ${ACK} --timeout 1500ms`);
    expect(stdout).not.toContain('waiting');
    expect(exit).toBe(6);
  });

  test.concurrent('nothing is said where standard error is no terminal', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim uio watch-irq uio0 ${ACK} --timeout 1500ms`);
    expect({ stdout, stderr, exit }).toEqual({
      stdout: '',
      stderr:
        'udrv: uio0: no interrupt within 1500 ms (ETIMEDOUT)\n' +
        'hint: --trigger REGION:OFFSET=VALUE makes a device interrupt that does not by itself\n',
      exit: 6,
    });
  });
});

describe('progress', () => {
  test.concurrent('a measurement says how far it is', async () => {
    const { stdout } = await typing(`--sim uio bench uio0 ${TRIGGER} ${ACK} -c 100M`, /left/, CTRL_C);
    expect(stdout).toMatch(/\d+ of 104857600 interrupts, \d+\/s, \d+ .*left/);
    expect(settled(stdout)).toMatch(/^\^?C?interrupts +\d+\n/);
  });

  test.concurrent('transfers by the clock', async () => {
    const { stdout } = await onTerminal('--sim usb bench 1-2 0x81 --queue 2 --seconds 1.5');
    expect(stdout).toMatch(/queue 2 \(1 of 1\): \d\.\d of 1\.5 s, \d s left/);
    expect(settled(stdout)).not.toContain('left');
  });

  test.concurrent('a transfer to a file', async () => {
    const { stdout } = await typing('--sim usb bulk 1-2 0x81 --length 1G -o /dev/null', /left/, CTRL_C);
    expect(stdout).toMatch(/\d+\.\d of 1024\.0 MiB, \d+\.\d MiB\/s, .* left/);
    expect(settled(stdout)).not.toContain('left');
  });
});

describe('watch-irq --live', () => {
  const SUMMARY =
    /^interrupts +4\nmissed +0\nper second +\d+\.\d\nmin +\d+\.\d us\np50 .*\np90 .*\np99 .*\nmax .* us\n$/;

  test.concurrent('is one line in place, and a summary', async () => {
    const { stdout, exit } = await onTerminal(`--sim uio watch-irq uio1 --live --count 4`);
    expect(stdout).toMatch(/\r\x1b\[Kuio1 +\d+\.\d\/s .* missed 0 {2}p50 .* p99 .* so far/);
    expect(settled(stdout)).toMatch(SUMMARY);
    expect(exit).toBe(0);
  });

  test.concurrent.each([
    [`uio watch-irq uio0 --live ${TRIGGER} ${ACK} --count 4`],
    ['vfio watch-irq 0000:00:03.0 --live --loopback --count 4'],
  ])('%s into a pipe is the summary alone', async (command) => {
    expect(await udrv(`--sim ${command}`)).toEqual({ stdout: expect.stringMatching(SUMMARY), stderr: '', exit: 0 });
  });

  test.concurrent('as JSON', async () => {
    const { stdout, exit } = await udrv(`--sim --json uio watch-irq uio0 --live ${TRIGGER} ${ACK} --count 3`);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'udrv.interrupts/1',
      count: 3,
      missed: 0,
      perSecond: expect.any(Number),
      deltaUs: Object.fromEntries(['min', 'p50', 'p90', 'p99', 'max'].map((name) => [name, expect.any(Number)])),
    });
    expect(exit).toBe(0);
  });

  test.concurrent('a timeout and Ctrl-C end it with a summary too', async () => {
    const timeout = await udrv(`--sim --json uio watch-irq uio0 --live ${ACK} --timeout 200ms`);
    const none = '{"schema":"udrv.interrupts/1","count":0,"missed":0,"perSecond":0,"deltaUs":null}\n';
    expect(timeout).toMatchObject({ stdout: none, exit: 6 });
    const command = `--sim uio watch-irq uio0 --live ${ACK}`;
    const { stdout, exit } = await typing(command, /uio0 +0\.0\/s/, CTRL_C);
    expect(settled(stdout)).toMatch(/interrupts +0\nmissed +0\nper second +0\.0\n$/);
    expect(exit).toBe(130);
  });

  test.concurrent('it is as wide as the terminal', async () => {
    const { stdout } = await onTerminal('--sim uio watch-irq uio1 --live --count 4', { env: { COLUMNS: '40' } });
    const lines = stdout.split(ERASE).slice(1, -1);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect([...line].length).toBeLessThan(40);
  });

  test.concurrent('a locale without block characters has others', async () => {
    const { stdout } = await onTerminal('--sim uio watch-irq uio1 --live --count 4', { env: { LC_ALL: 'C' } });
    expect(stdout).toMatch(/#/);
    expect(stdout).not.toMatch(/[^\x00-\x7f]/);
  });
});

describe('top', () => {
  const ENTER = '\x1b[?1049h\x1b[?25l';
  const LEAVE = '\x1b[?25h\x1b[?1049l';

  test.concurrent('a table for each frame into a pipe', async () => {
    const { stdout, stderr, exit } = await udrv('--sim top uio0 1-2 --interval 100ms --count 2');
    const [first = '', second = '', ...more] = stdout.split('\n\n');
    for (const frame of [`${first}\n`, second]) {
      const [heading, ...rows] = frame.trimEnd().split('\n');
      expect(heading).toBe('TYPE  ADDRESS      IRQ/s   EVENTS/s      URB/s    BYTES/s  NAME');
      expect(rows).toEqual([
        'uio   uio0             0          0          -          -  uio_pci_generic (QEMU edu)',
        'usb   1-2              -          -          0          -  udrv Source/sink data',
      ]);
    }
    expect({ more, stderr, exit }).toEqual({ more: [], stderr: '', exit: 0 });
  });

  test.concurrent('an object a line for a program', async () => {
    const { stdout } = await udrv('--sim --json top uio0 --interval 100ms --count 2');
    const frames = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(frames).toHaveLength(2);
    for (const frame of frames)
      expect(frame).toEqual({
        schema: 'udrv.top/1',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        seconds: expect.any(Number),
        devices: [
          {
            address: 'uio0',
            framework: 'uio',
            name: 'uio_pci_generic',
            interruptsPerSecond: 0,
            eventsPerSecond: 0,
            urbsPerSecond: null,
            bytesPerSecond: null,
          },
        ],
      });
  });

  /** The terminal as it was: the screen, the cursor, and its settings. */
  const SETTINGS = 'stty -a | md5sum';

  test.concurrent.each([
    ['q', 0, 'q'],
    ['Ctrl-C', 130, CTRL_C],
    ['Ctrl-C twice', 130, `${CTRL_C}${CTRL_C}`],
  ])('%s on a terminal is exit %d, and gives it back as it was', async (_, code, keys) => {
    const line = `${SETTINGS}; udrv --sim top --interval 200ms; echo "exit $?"; ${SETTINGS}`;
    let typed = false;
    const { stdout } = await shellOnTerminal(line, {
      type: (shown) => {
        if (typed || !/q ends.*q ends/s.test(shown)) return undefined;
        typed = true;
        return keys;
      },
    });
    const [before, after] = [stdout.indexOf(ENTER), stdout.lastIndexOf(LEAVE)];
    expect(before).toBeGreaterThan(0);
    expect(after).toBeGreaterThan(before);
    const rest = stdout.slice(after + LEAVE.length);
    // The last frame stays.
    expect(rest).toMatch(/^.*TYPE +ADDRESS/);
    expect(rest).toContain(`exit ${code}`);
    const sums = stdout.match(/[0-9a-f]{32}/g) ?? [];
    expect(sums).toHaveLength(2);
    expect(sums[0]).toBe(sums[1]);
  });

  test.concurrent('--count ends it on a terminal', async () => {
    const { stdout, exit } = await onTerminal('--sim top uio0 --interval 100ms --count 2', { env: { LINES: '24' } });
    expect(stdout.split(ENTER)).toHaveLength(2);
    expect(stdout.split(LEAVE)).toHaveLength(2);
    expect(stdout.trimEnd().split('\r\n').at(-1)).toMatch(/^uio +uio0 .*…$/);
    expect(exit).toBe(0);
  });

  test.concurrent.each([60, 80])('the frame, and the table that stays, fit %d columns', async (columns) => {
    const size = { columns, rows: 24 };
    const { stdout } = await onTerminal('--sim top --interval 100ms --count 1', { size });
    const lines = stdout.split(LEAVE).at(-1)?.trimEnd().split('\r\n') ?? [];
    const widths = lines.map((line) => line.replace(/\x1b\[[\d;?]*[a-zA-Z]/g, '').length);
    expect(lines.length).toBeGreaterThan(10);
    expect(Math.max(...widths)).toBeLessThan(columns);
    expect(lines.filter((line) => line.endsWith('…')).length).toBeGreaterThan(0);
    // The frame before it was the same, and not cut.
    expect(stdout.split(LEAVE)[0]).toContain('…\x1b[K');
  });

  test.concurrent('a screen with few lines has the most active, and says how many more there are', async () => {
    const { stdout } = await onTerminal('--sim top --interval 100ms --count 1', { env: { LINES: '6', COLUMNS: '60' } });
    expect(stdout).toMatch(/\d\d more; 0\.\d s; q ends/);
    const frame = stdout.split('\x1b[H').at(-1)?.split('\x1b[J')[0] ?? '';
    const lines = frame.split(/\r?\n/).map((line) => line.replace(/\x1b\[[\d;]*[mK]/g, ''));
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line.length).toBeLessThan(60);
  });

  test.concurrent('no node is opened', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --trace top --interval 50ms --count 1');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toContain('1-2');
  });

  test.concurrent('whoever reads goes away', async () => {
    const { stderr, exit } = await shell('udrv --sim top --interval 100ms | head -1; echo "$PIPESTATUS" >&2');
    expect({ stderr, exit }).toEqual({ stderr: '0\n', exit: 0 });
  });

  test.concurrent('a signal ends it where there is no terminal', async () => {
    const child = start('--sim top --interval 100ms');
    const exit = new Promise((resolve) => child.once('close', (code) => resolve(code)));
    await shows(child, 'stdout', /TYPE/);
    await pause(10);
    child.kill('SIGINT');
    expect(await exit).toBe(130);
  });

  cliFails(2, [
    [
      '--snapshot fixtures/sim.snapshot top',
      'top: a recording does not move: nothing in it counts on',
      'udrv --snapshot fixtures/sim.snapshot list shows its devices',
    ],
    ['--sim top --interval 10ms', '10ms: is too short an interval: 50ms at least'],
  ]);
  cliFails(3, [
    [
      '--sim top uio9',
      /no such device/,
      'did you mean one of uio0, uio1, uio2, uio3? udrv --sim list --all shows what there is',
    ],
  ]);
});
