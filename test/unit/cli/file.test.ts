import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Output } from '../../../src/cli/output/file';
import type { OutputStream } from '../../../src/cli/output/stream';
import { openData } from '../../../src/cli/transfers/data';

const stdout = {} as OutputStream;
const dir = fs.mkdtempSync(join(tmpdir(), 'udrv-file-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

test.each([
  ['EACCES', 4],
  ['ENOTDIR', 1],
  ['ELOOP', 1],
  ['ENAMETOOLONG', 1],
])('an output that cannot be looked at, %s, is exit %i', (code, exit) => {
  const spy = jest.spyOn(fs, 'statSync').mockImplementation(() => {
    throw Object.assign(new Error(code), { code });
  });
  try {
    expect(() => new Output(stdout, '/path')).toThrow(expect.objectContaining({ code, exit, subject: '/path' }));
  } finally {
    spy.mockRestore();
  }
});

test('an output leaves an existing file alone until it is opened', () => {
  const path = join(dir, 'out');
  fs.writeFileSync(path, 'old');
  const output = new Output(stdout, path);
  expect(fs.readFileSync(path, 'utf8')).toBe('old');
  output.open().write('new');
  output[Symbol.dispose]();
  output[Symbol.dispose]();
  expect(fs.readFileSync(path, 'utf8')).toBe('new');
});

test('the data of a file ends where it is disposed of, and its descriptor is closed once', () => {
  const path = join(dir, 'data');
  fs.writeFileSync(path, Buffer.alloc(1_000_000));
  const data = openData(`@${path}`);
  const close = jest.spyOn(fs, 'closeSync');
  const pieces = (data.source as Iterable<Buffer>)[Symbol.iterator]();
  expect(pieces.next().value?.length).toBe(256 * 1024);
  data[Symbol.dispose]();
  data[Symbol.dispose]();
  expect(pieces.next().done).toBe(true);
  expect(close).toHaveBeenCalledTimes(1);
  close.mockRestore();
});
