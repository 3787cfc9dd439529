import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoted, shell, UDRV } from './udrv';

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
