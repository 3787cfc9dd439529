import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Output, type OutputContext } from '../../../src/cli/output/file';
import { openData } from '../../../src/cli/transfers/data';

const notes: string[] = [];
const context = { stdout: {}, note: (text: string) => notes.push(text), options: {} } as unknown as OutputContext;
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
    expect(() => new Output(context, '/path')).toThrow(expect.objectContaining({ code, exit, subject: '/path' }));
  } finally {
    spy.mockRestore();
  }
});

test('a file that cannot take its place says where all of it is', () => {
  const path = join(dir, 'mounted');
  fs.writeFileSync(path, 'old');
  const spy = jest.spyOn(fs, 'renameSync').mockImplementation(() => {
    throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' });
  });
  const output = new Output(context, path);
  try {
    output.sink.write('new');
    // As one that is a mount point of its own.
    expect(() => output.end(undefined)).toThrow(expect.objectContaining({ code: 'EBUSY', exit: 1, subject: path }));
    notes.length = 0;
    output[Symbol.dispose]();
  } finally {
    spy.mockRestore();
  }
  expect(notes).toEqual([`${path}: is as it was; ${path}.partial has all`]);
  expect([path, `${path}.partial`].map((file) => fs.readFileSync(file, 'utf8'))).toEqual(['old', 'new']);
});

describe('an output', () => {
  const path = join(dir, 'out');
  const partial = `${path}.partial`;
  const content = (file: string) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null);
  const written = (data: string | Buffer | null, exit: number | undefined) => {
    notes.length = 0;
    const output = new Output(context, path);
    if (data !== null) output.sink.write(data);
    expect(output.end(exit)).toBe(exit);
    output[Symbol.dispose]();
    output[Symbol.dispose]();
    return { file: content(path), partial: content(partial), notes: [...notes] };
  };

  beforeEach(() => {
    fs.rmSync(path, { force: true });
    fs.rmSync(partial, { force: true });
  });

  test('replaces a file by a success only, with its mode', () => {
    fs.writeFileSync(path, 'old');
    fs.chmodSync(path, 0o640);
    expect(written(null, 7)).toEqual({ file: 'old', partial: null, notes: [] });
    const told = `${path}: is as it was; ${partial} has the first 4 bytes`;
    expect(written('half', 130)).toEqual({ file: 'old', partial: 'half', notes: [told] });
    expect(written('new', undefined)).toEqual({ file: 'new', partial: null, notes: [] });
    expect(fs.statSync(path).mode & 0o777).toBe(0o640);
    expect(written(null, 0)).toEqual({ file: '', partial: null, notes: [] });
  });

  test('keeps of a new file what a failure left', () => {
    expect(written(null, 7)).toEqual({ file: null, partial: null, notes: [] });
    expect(written('half', 6)).toEqual({ file: 'half', partial: null, notes: [`${path}: has the first 4 bytes`] });
  });

  test('goes to where a link leads', () => {
    const target = join(dir, 'target');
    fs.writeFileSync(target, 'old');
    fs.symlinkSync(target, path);
    expect(written('new', undefined)).toMatchObject({ file: 'new' });
    expect(fs.lstatSync(path).isSymbolicLink()).toBe(true);
    fs.rmSync(target);
    expect(written(null, 1)).toMatchObject({ file: null });
    expect(fs.lstatSync(path).isSymbolicLink()).toBe(true);
  });

  test('overwrites, from the first byte on, what nothing can be made beside', () => {
    fs.writeFileSync(path, 'old');
    const spy = jest.spyOn(fs, 'rmSync').mockImplementation(() => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    });
    try {
      const output = new Output(context, path);
      output[Symbol.dispose]();
      expect(content(path)).toBe('old');
      const next = new Output(context, path);
      next.sink.write('new');
      next[Symbol.dispose]();
      expect(content(path)).toBe('new');
    } finally {
      spy.mockRestore();
    }
  });

  test('keeps whole lines of a text, and all bytes, where the disk is full', () => {
    const write = fs.writeSync;
    const spy = jest.spyOn(fs, 'writeSync').mockImplementation(((fd: number, bytes: Buffer) => {
      if (fs.fstatSync(fd).size > 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      return write(fd, bytes.subarray(0, 6));
    }) as typeof fs.writeSync);
    const full = (data: string | Buffer) => {
      notes.length = 0;
      using output = new Output(context, path);
      expect(() => output.sink.write(data)).toThrow(
        expect.objectContaining({ code: 'ENOSPC', exit: 1, subject: path }),
      );
    };
    try {
      full('one\ntwo\n');
      expect([content(path), notes]).toEqual(['one\n', [`${path}: has the first 4 bytes`]]);
      fs.rmSync(path);
      full(Buffer.from('12345678'));
      expect([content(path), notes]).toEqual(['123456', [`${path}: has the first 6 bytes`]]);
    } finally {
      spy.mockRestore();
    }
  });
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
