import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { outcomeOf, ROOT, shell, shows, start } from './udrv';

const EDU = '0000:00:03.0';
const directory = mkdtempSync(join(tmpdir(), 'udrv-silent-'));
afterAll(() => rmSync(directory, { recursive: true }));

let fifos = 0;

/** Makes a FIFO for one test. @returns the variables with which lines of shell name it */
function withFifo() {
  const FIFO = join(directory, `fifo${++fifos}`);
  execFileSync('mkfifo', [FIFO]);
  return { env: { FIFO } };
}

describe('--timeout bounds', () => {
  test.concurrent.each([
    'usb bulk 1-2 0x01 --data -',
    'usb iso 1-2 0x02 --alt 1 --data -',
    'usb ctrl 1-2 0x40 0x5b 0 0 --data -',
    'do uio0 -',
    'vfio config --file -',
  ])('a silent standard input: udrv %s', async (line) => {
    // Open at both ends: it says nothing, and does not end.
    expect(await shell(`udrv --sim --timeout 300ms ${line} <> $FIFO`, withFifo())).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^udrv: standard input: nothing came within 300 ms \(ETIMEDOUT\)\n$/),
      exit: 6,
    });
  });

  test.concurrent.each([
    ['usb bulk 1-2 0x01 --data @$FIFO', 'nothing came'],
    ['do uio0 @$FIFO', 'nothing came'],
    ['read uio0 ID --map $FIFO', 'nothing came'],
    ['describe ID --map $FIFO', 'nothing came'],
    ['diff $FIFO uio0 map0', 'nothing came'],
    ['vfio config --file $FIFO', 'nothing came'],
    ['usb bulk 1-2 0x81 --length 512 -o $FIFO', 'nobody reads from it'],
    ['uio dump uio0 map0 -o $FIFO', 'nobody reads from it'],
  ])('a FIFO without another end: udrv %s', async (line, what) => {
    const { env } = withFifo();
    expect(await shell(`udrv --sim --timeout 300ms ${line}`, { env })).toEqual({
      stdout: '',
      stderr: `udrv: ${env.FIFO}: ${what} within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  });
});

describe.each(['', 'abc'])('a signal while standard input has said %j sends nothing', (said) => {
  test.concurrent.each(['usb bulk 1-4 0x02 --detach', 'usb int 1-4 0x02 --detach', 'usb iso 1-2 0x02 --alt 1'])(
    'udrv %s',
    async (line) => {
      const child = start(`--sim --trace ${line} --data -`, {}, 'pipe');
      const ended = outcomeOf(child);
      child.stdin?.write(said);
      await shows(child, 'stderr', /CLAIM/);
      // It reads what there is, and waits for more.
      await delay(300);
      child.kill('SIGINT');
      const { exit, stderr } = await ended;
      expect(stderr).toContain('CLAIM');
      expect(stderr).not.toContain('SUBMITURB');
      expect(exit).toBe(130);
    },
  );
});

test.concurrent.each(['--snapshot $FIFO list', '--hosts $FIFO list'])(
  '--timeout bounds a FIFO that names machines: udrv %s',
  async (line) => {
    const { env } = withFifo();
    expect(await shell(`udrv --timeout 300ms ${line}`, { env })).toEqual({
      stdout: '',
      stderr: `udrv: ${env.FIFO}: nothing came within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  },
);

const STEPS: [string, string, string][] = [
  [EDU, '"buf A 4K" "load A @$FIFO"', 'nothing came'],
  [EDU, '"buf A 4K" "save A @$FIFO"', 'nobody reads from it'],
  [EDU, '"buf A 4K" "expect A == @$FIFO"', 'nothing came'],
  ['1-4', '"claim 0 --detach" "bulk 0x02 @$FIFO"', 'nothing came'],
];

describe('a FIFO without another end, as a step while a device is open', () => {
  test.concurrent.each(STEPS)('is bounded by --timeout: udrv do %s %s', async (device, steps, what) => {
    const { env } = withFifo();
    const { stderr, exit } = await shell(`udrv --sim --timeout 300ms do ${device} ${steps}`, { env });
    expect({ stderr, exit }).toEqual({
      stderr: `udrv: step 2: ${env.FIFO}: ${what} within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  });

  // One Ctrl-C after two seconds: without --foreground there would be two. SIGKILL would be exit 137.
  test.concurrent.each(STEPS)('is left at Ctrl-C: udrv do %s %s', async (device, steps) => {
    const { stderr, exit } = await shell(
      `timeout --foreground -k 10 -s INT --preserve-status 2 ${ROOT}/bin/udrv --sim do ${device} ${steps}`,
      withFifo(),
    );
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 130 });
  });

  test.concurrent('works once there is one', async () => {
    const { stdout, exit } = await shell(
      `{ sleep 1; printf abc; sleep 1; printf def; } > $FIFO & udrv --sim do ${EDU} 'buf A 4K' "load A @$FIFO" 'hexdump A:0+8'`,
      withFifo(),
    );
    expect({ stdout, exit }).toEqual({ stdout: expect.stringContaining('61 62 63 64 65 66 00 00'), exit: 0 });
    expect(
      await shell(
        `{ sleep 1; wc -c < $FIFO; } & udrv --sim -q do ${EDU} 'buf A 4M' "save A @$FIFO" >/dev/null; wait`,
        withFifo(),
      ),
    ).toEqual({ stdout: '4194304\n', stderr: '', exit: 0 });
  });
});

test.concurrent.each([
  ['--snapshot / list', 2, 'cannot read the snapshot: '],
  ['--hosts / list', 2, 'is a directory'],
  ['--sim read uio0 ID --map /', 2, 'is a directory'],
  [`--sim do ${EDU} 'buf A 4K' 'load A @/'`, 1, 'illegal operation on a directory'],
  [`--sim do ${EDU} 'buf A 4K' 'save A @/'`, 1, 'illegal operation on a directory'],
  ['--sim=/ list', 2, 'is no regular file'],
  ['--sim diff / uio0 map0', 2, 'is a directory'],
  ['map add 1234:11e8 /', 2, 'is a directory'],
])('a directory is one line: udrv %s', async (line, exit, what) => {
  const ran = await shell(`udrv ${line}`);
  expect(ran.exit).toBe(exit);
  expect(ran.stderr).toMatch(/^udrv: .*\n$/);
  expect(ran.stderr).toContain(what);
});

test.concurrent.each([
  ['usb bulk 1-2 0x01 --data -', 1, 'illegal operation on a directory (EISDIR)'],
  ['usb ctrl 1-2 0x40 0x5b 0 0 --data -', 1, 'illegal operation on a directory (EISDIR)'],
  ['do uio0 -', 2, 'is a directory'],
])('a directory as standard input is an error: udrv %s', async (line, exit, what) => {
  expect(await shell(`udrv --sim ${line} < /`)).toEqual({
    stdout: '',
    stderr: `udrv: standard input: ${what}\n`,
    exit,
  });
});

test.concurrent.each([
  [`vfio dma-test ${EDU}`, 1],
  [`do ${EDU} 'repeat 100000 {' 'read bar0:0' '}'`, 1],
  ['uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24', 0],
  ['usb bulk 1-2 0x81 --length 1G -o -', 0],
])('a reader that goes away: udrv %s is exit %i', async (line, exit) => {
  const { stderr } = await shell(`udrv --sim ${line} | head -c 20 >/dev/null; echo "\${PIPESTATUS[0]}" >&2`);
  expect(stderr).toBe(`${exit}\n`);
});

test.concurrent('a file is replaced by a success only', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, 'old');
  expect(await shell(`udrv --sim usb ctrl 1-2 0xc0 0xff 0 0 64 -o ${file}`)).toMatchObject({ exit: 7 });
  expect(readFileSync(file, 'latin1')).toBe('old');
  expect(await shell(`udrv --sim usb ctrl 1-2 0x80 6 0x0100 0 18 -o ${file}`)).toMatchObject({ exit: 0, stderr: '' });
  expect(readFileSync(file).toString('hex', 0, 4)).toBe('12010002');
});

test.concurrent('an output is opened before the device: a reply that cannot be written is not requested', async () => {
  const { stderr, exit } = await shell(`udrv --sim --trace usb ctrl 1-2 0x80 6 0x0100 0 18 -o ${directory}/no/file`);
  expect({ stderr, exit }).toEqual({
    stderr: `udrv: ${directory}/no/file: no such file or directory (ENOENT)\n`,
    exit: 1,
  });
});
