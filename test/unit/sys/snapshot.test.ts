import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SysError } from '../../../src/errors';
import { loadSnapshot, parseSnapshot } from '../../../src/sys/tree/snapshot';

const manifest = `# udrv snapshot 1
/dev/uio0 @ rw
/dev/vfio/3 @ none
/proc/1 ! EACCES
/proc/1/comm = init
/sys/bus/pci/devices/0000:00:03.0 -> ../../../devices/pci0000:00/0000:00:03.0
/sys/devices/pci0000:00/0000:00:03.0/config : 8680
/sys/devices/pci0000:00/0000:00:03.0/loop -> loop
/sys/devices/pci0000:00/0000:00:03.0/power /
/sys/devices/pci0000:00/0000:00:03.0/secret ! EACCES
/sys/devices/pci0000:00/0000:00:03.0/vendor = 0x8086
# end 10
`;
const device = '/sys/bus/pci/devices/0000:00:03.0';

let dir: string;
beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'udrv-snapshot-'));
});
afterAll(() => fs.rmSync(dir, { recursive: true }));

const machine = () => parseSnapshot(Buffer.from(manifest), 'm');

function failure(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const code = (body: () => unknown) => {
  const error = failure(body);
  expect(error).toBeInstanceOf(SysError);
  return (error as SysError).code;
};

describe('a recorded machine', () => {
  test('is inspected as the machine was', () => {
    const sys = machine();
    expect(sys.readFile(`${device}/vendor`).toString()).toBe('0x8086\n');
    expect(sys.readFile('/sys/devices/../bus/pci/devices/0000:00:03.0/config')).toEqual(Buffer.from([0x86, 0x80]));
    expect(sys.readLink(device)).toBe('../../../devices/pci0000:00/0000:00:03.0');
    expect(sys.readDir(device).sort()).toEqual(['config', 'loop', 'power', 'secret', 'vendor']);
    expect(sys.readDir(`${device}/power`)).toEqual([]);
    expect(sys.access('/dev/uio0')).toBe('rw');
    expect(sys.access('/dev/vfio/3')).toBe('none');
    expect(sys.access('/dev/vfio/4')).toBeNull();
    expect(sys.access(device)).not.toBeNull();
  });

  test('fails as the machine did', () => {
    const sys = machine();
    expect(code(() => sys.readFile(`${device}/secret`))).toBe('EACCES');
    expect(code(() => sys.readFile(`${device}/absent`))).toBe('ENOENT');
    expect(code(() => sys.readFile(`${device}/loop`))).toBe('ELOOP');
    expect(code(() => sys.readFile(device))).toBe('EISDIR');
    expect(code(() => sys.readFile(`${device}/vendor`, 6))).toBe('EFBIG');
    expect(code(() => sys.readDir(`${device}/vendor`))).toBe('ENOTDIR');
    expect(code(() => sys.readLink(`${device}/vendor`))).toBe('EINVAL');
  });

  test('has what is below a directory that cannot be listed', () => {
    const sys = machine();
    expect(code(() => sys.readDir('/proc/1'))).toBe('EACCES');
    expect(sys.readFile('/proc/1/comm').toString()).toBe('init\n');
    expect(code(() => sys.readFile(`${device}/secret/of/all`))).toBe('EACCES');
  });

  test('does not change when a caller changes what it read', () => {
    const sys = machine();
    sys.readFile(`${device}/vendor`).fill(0);
    expect(sys.readFile(`${device}/vendor`).toString()).toBe('0x8086\n');
  });
});

describe('the file of a recorded machine', () => {
  const write = (name: string, content: string) => {
    fs.writeFileSync(join(dir, name), content);
    return join(dir, name);
  };

  test('is read', () => {
    expect(loadSnapshot(write('good', manifest)).access('/dev/uio0')).toBe('rw');
  });

  test('may be a pipe', () => {
    const script = `
      const { loadSnapshot } = require('./src/sys/tree/snapshot.ts');
      process.stdout.write(String(loadSnapshot('/dev/stdin').access('/dev/uio0')));`;
    // The library, compiled by what compiles the tests.
    const { outputFiles } = require('esbuild').buildSync({
      stdin: { contents: script, resolveDir: process.cwd() },
      bundle: true,
      platform: 'node',
      write: false,
    });
    const bundle = write('pipe.cjs', outputFiles[0].text);
    expect(execFileSync('sh', ['-c', 'cat "$1" | node "$2"', 'sh', write('piped', manifest), bundle]).toString()).toBe(
      'rw',
    );
  });

  test.each([
    ['no such file', () => join(dir, 'absent'), 'ENOENT', /no such file/],
    ['a directory', () => dir, 'EISDIR', /directory/],
    ['below a file', () => join(write('file', ''), 'x'), 'ENOTDIR', /not a directory/],
    ['no path', () => '\0', 'ENOENT', /no such file/],
  ])('%s', (_, path, code, message) => {
    const file = path();
    expect(failure(() => loadSnapshot(file))).toMatchObject({
      exit: 2,
      code,
      subject: file,
      message: expect.stringMatching(message),
    });
  });

  test('too large, without reading it', () => {
    const file = write('sparse', '');
    fs.truncateSync(file, 2 ** 40);
    expect(failure(() => loadSnapshot(file))).toMatchObject({ exit: 2, subject: file });
  });

  test('that holds something else', () => {
    const file = write('other', '#!/bin/sh\n');
    expect(failure(() => loadSnapshot(file))).toMatchObject({ exit: 2, subject: `${file}:1` });
  });

  const mayRead = process.getuid?.() === 0;
  (mayRead ? test.skip : test)('that may not be read (as root everything may)', () => {
    const file = write('closed', manifest);
    fs.chmodSync(file, 0);
    expect(failure(() => loadSnapshot(file))).toMatchObject({ exit: 4, code: 'EACCES', subject: file });
  });
});
