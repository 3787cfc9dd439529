import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoted, ROOT, shell, UDRV } from './udrv';

const EDU = '0000:00:03.0';
const directory = mkdtempSync(join(tmpdir(), 'udrv-silent-'));
const fifo = join(directory, 'fifo');
execFileSync('mkfifo', [fifo]);
afterAll(() => rmSync(directory, { recursive: true }));

describe('--timeout bounds', () => {
  test.each([
    'usb bulk 1-2 0x01 --data -',
    'usb iso 1-2 0x02 --alt 1 --data -',
    'usb ctrl 1-2 0x40 0x5b 0 0 --data -',
    'do uio0 -',
    'vfio config --file -',
  ])('a silent standard input: udrv %s', async (line) => {
    // Open at both ends: it says nothing, and does not end.
    expect(await shell(`udrv --sim --timeout 300ms ${line} <> ${fifo}`)).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^udrv: standard input: nothing came within 300 ms \(ETIMEDOUT\)\n$/),
      exit: 6,
    });
  });

  test.each([
    [`usb bulk 1-2 0x01 --data @${fifo}`, 'nothing came'],
    [`do uio0 @${fifo}`, 'nothing came'],
    [`read uio0 ID --map ${fifo}`, 'nothing came'],
    [`describe ID --map ${fifo}`, 'nothing came'],
    [`diff ${fifo} uio0 map0`, 'nothing came'],
    [`vfio config --file ${fifo}`, 'nothing came'],
    [`usb bulk 1-2 0x81 --length 512 -o ${fifo}`, 'nobody reads from it'],
    [`uio dump uio0 map0 -o ${fifo}`, 'nobody reads from it'],
  ])('a FIFO without another end: udrv %s', async (line, what) => {
    expect(await shell(`udrv --sim --timeout 300ms ${line}`)).toEqual({
      stdout: '',
      stderr: `udrv: ${fifo}: ${what} within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  });
});

describe.each(['', 'abc'])('a signal while standard input has said %j sends nothing', (said) => {
  test.each(['usb bulk 1-4 0x02 --detach', 'usb int 1-4 0x02 --detach', 'usb iso 1-2 0x02 --alt 1'])(
    'udrv %s',
    async (line) => {
      const command = [process.execPath, UDRV, '--sim', '--trace', ...line.split(' '), '--data', '-'].map(quoted);
      const { exit, stderr } = await shell(
        `(printf '${said}'; sleep 4) | timeout --preserve-status -s INT 2 ${command.join(' ')}`,
      );
      expect(stderr).toContain('CLAIM');
      expect(stderr).not.toContain('SUBMITURB');
      expect(exit).toBe(130);
    },
  );
});

test.each([
  [`--snapshot ${fifo} list`, 'nothing came'],
  [`--hosts ${fifo} list`, 'nothing came'],
])('--timeout bounds a FIFO that names machines: udrv %s', async (line, what) => {
  expect(await shell(`udrv --timeout 300ms ${line}`)).toEqual({
    stdout: '',
    stderr: `udrv: ${fifo}: ${what} within 300 ms (ETIMEDOUT)\n`,
    exit: 6,
  });
});

const STEPS: [string, string, string][] = [
  [EDU, `'buf A 4K' 'load A @${fifo}'`, 'nothing came'],
  [EDU, `'buf A 4K' 'save A @${fifo}'`, 'nobody reads from it'],
  [EDU, `'buf A 4K' 'expect A == @${fifo}'`, 'nothing came'],
  ['1-4', `'claim 0 --detach' 'bulk 0x02 @${fifo}'`, 'nothing came'],
];

describe('a FIFO without another end, as a step while a device is open', () => {
  test.each(STEPS)('is bounded by --timeout: udrv do %s %s', async (device, steps, what) => {
    const { stderr, exit } = await shell(`udrv --sim --timeout 300ms do ${device} ${steps}`);
    expect({ stderr, exit }).toEqual({
      stderr: `udrv: step 2: ${fifo}: ${what} within 300 ms (ETIMEDOUT)\n`,
      exit: 6,
    });
  });

  // Ctrl-C after two seconds; SIGKILL would be exit 137.
  test.each(STEPS)('is left at Ctrl-C: udrv do %s %s', async (device, steps) => {
    const { stderr, exit } = await shell(
      `timeout -k 10 -s INT --preserve-status 2 ${ROOT}/bin/udrv --sim do ${device} ${steps}`,
    );
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 130 });
  });

  test('works once there is one', async () => {
    const { stdout, exit } = await shell(
      `{ sleep 1; printf abc; sleep 1; printf def; } > ${fifo} & udrv --sim do ${EDU} 'buf A 4K' 'load A @${fifo}' 'hexdump A:0+8'`,
    );
    expect({ stdout, exit }).toEqual({ stdout: expect.stringContaining('61 62 63 64 65 66 00 00'), exit: 0 });
    expect(
      await shell(
        `{ sleep 1; wc -c < ${fifo}; } & udrv --sim -q do ${EDU} 'buf A 4M' 'save A @${fifo}' >/dev/null; wait`,
      ),
    ).toEqual({ stdout: '4194304\n', stderr: '', exit: 0 });
  });
});

test.each([
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

test.each([
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

test.each([
  [`vfio dma-test ${EDU}`, 1],
  [`do ${EDU} 'repeat 100000 {' 'read bar0:0' '}'`, 1],
  ['uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24', 0],
  ['usb bulk 1-2 0x81 --length 1G -o -', 0],
])('a reader that goes away: udrv %s is exit %i', async (line, exit) => {
  const { stderr } = await shell(`udrv --sim ${line} | head -c 20 >/dev/null; echo "\${PIPESTATUS[0]}" >&2`);
  expect(stderr).toBe(`${exit}\n`);
});

test('a file is replaced by a success only', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, 'old');
  expect(await shell(`udrv --sim usb ctrl 1-2 0xc0 0xff 0 0 64 -o ${file}`)).toMatchObject({ exit: 7 });
  expect(readFileSync(file, 'latin1')).toBe('old');
  expect(await shell(`udrv --sim usb ctrl 1-2 0x80 6 0x0100 0 18 -o ${file}`)).toMatchObject({ exit: 0, stderr: '' });
  expect(readFileSync(file).toString('hex', 0, 4)).toBe('12010002');
});

test('an output is opened before the device: a reply that cannot be written is not requested', async () => {
  const { stderr, exit } = await shell(`udrv --sim --trace usb ctrl 1-2 0x80 6 0x0100 0 18 -o ${directory}/no/file`);
  expect({ stderr, exit }).toEqual({
    stderr: `udrv: ${directory}/no/file: no such file or directory (ENOENT)\n`,
    exit: 1,
  });
});
