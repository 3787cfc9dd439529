import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSome } from '../../../src/cli/output/stream';

const fs = require('node:fs') as typeof import('node:fs');

test('what a file system cannot write from where it lies is copied first', () => {
  const dir = mkdtempSync(join(tmpdir(), 'udrv-write-'));
  const path = join(dir, 'file');
  const fd = openSync(path, 'w');
  const data = Buffer.from('data');
  const write = fs.writeSync;
  const spy = jest.spyOn(fs, 'writeSync').mockImplementation(((to: number, from: Buffer) => {
    if (from.buffer === data.buffer && from.byteOffset === data.byteOffset)
      throw Object.assign(new Error('EFAULT: bad address in system call argument, write'), { code: 'EFAULT' });
    return write(to, from);
  }) as typeof fs.writeSync);
  try {
    expect(writeSome({ fd, failure: Error }, fd, data)).toBe(4);
    expect(spy).toHaveBeenCalledTimes(2);
  } finally {
    spy.mockRestore();
    closeSync(fd);
  }
  expect(readFileSync(path, 'utf8')).toBe('data');
  rmSync(dir, { recursive: true });
});

test.each([
  ['EAGAIN', 0],
  ['ENOSPC', 'no room'],
])('a copy that is not written either, for %s, is as the first', (code, outcome) => {
  let times = 0;
  const spy = jest.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error(code), { code: times++ === 0 ? 'EFAULT' : code });
  });
  const to = { fd: 1, failure: (code: string) => new Error(code === 'ENOSPC' ? 'no room' : code) };
  try {
    if (typeof outcome === 'number') expect(writeSome(to, 1, Buffer.from('data'))).toBe(outcome);
    else expect(() => writeSome(to, 1, Buffer.from('data'))).toThrow(outcome);
  } finally {
    spy.mockRestore();
  }
});
