import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryState, MemoryState, type StateStore } from '../../../src/sys/state';

const root = fs.mkdtempSync(join(tmpdir(), 'udrv-state-'));
afterAll(() => fs.rmSync(root, { recursive: true }));
let count = 0;
/** As in /run: neither it nor the one above is there yet. */
const fresh = () => join(root, `run${count++}`, 'bind');

describe.each<[string, () => StateStore]>([
  ['directory', () => new DirectoryState(fresh())],
  ['memory', () => new MemoryState()],
])('a state in a %s', (_, make) => {
  test('is kept until it is removed', () => {
    const state = make();
    expect(state.read('0000:01:00.0')).toBeNull();
    state.write('0000:01:00.0', 'one');
    expect(state.read('0000:01:00.0')).toBe('one');
    state.write('0000:01:00.0', 'two');
    expect(state.read('0000:01:00.0')).toBe('two');
    state.remove('0000:01:00.0');
    expect(state.read('0000:01:00.0')).toBeNull();
    state.remove('0000:01:00.0');
  });

  test('can be locked again and again', () => {
    const state = make();
    for (let i = 0; i < 3; i++) {
      using _ = state.lock();
      state.write('x', `${i}`);
    }
    expect(state.read('x')).toBe('2');
  });
});

test('a directory has the state alone, which others may read', () => {
  const directory = fresh();
  new DirectoryState(directory).write('a', 'text');
  expect(fs.readdirSync(directory)).toEqual(['a']);
  expect(fs.statSync(join(directory, 'a')).mode & 0o777).toBe(0o644);
});

test('whoever lives keeps others out, and is named', () => {
  const directory = fresh();
  const state = new DirectoryState(directory);
  const lock = state.lock();
  expect(() => new DirectoryState(directory).lock()).toThrow(`${directory}/lock/${process.pid}: EBUSY`);
  lock[Symbol.dispose]();
  new DirectoryState(directory).lock()[Symbol.dispose]();
  expect(fs.readdirSync(directory)).toEqual([]);
});

test.each([
  ['who has died', '999999999 1'],
  // The same number, another process.
  ['who has died since', `${process.pid} 1`],
  ['nobody', ''],
  ['nonsense', `${process.pid}`],
])('the lock of %s is taken', (_, content) => {
  const directory = fresh();
  const state = new DirectoryState(directory);
  state.write('lock', content);
  {
    using _ = state.lock();
    expect(state.read('lock')).toMatch(new RegExp(`^${process.pid} \\d+$`));
  }
  expect(fs.readdirSync(directory)).toEqual([]);
});

describe('what others could have put there is not believed:', () => {
  const withFile = () => {
    const directory = fresh();
    const state = new DirectoryState(directory);
    state.write('a', 'text');
    return { directory, file: join(directory, 'a'), state };
  };

  test('a file that others may write', () => {
    const { state, file } = withFile();
    fs.chmodSync(file, 0o646);
    expect(state.read('a')).toBeNull();
  });

  test('a file that leads elsewhere', () => {
    const { state, file } = withFile();
    fs.renameSync(file, `${file}.real`);
    fs.symlinkSync(`${file}.real`, file);
    expect(state.read('a')).toBeNull();
  });

  test('a file that is none', () => {
    const { state, file } = withFile();
    fs.rmSync(file);
    fs.mkdirSync(file, 0o755);
    expect(state.read('a')).toBeNull();
  });

  test('a file without end', () => {
    const { state, file } = withFile();
    fs.writeFileSync(file, 'x'.repeat(4097));
    expect(state.read('a')).toBeNull();
  });

  test.each(['', '..'])('a directory (%j) that others may write', (which) => {
    const { state, directory } = withFile();
    fs.chmodSync(join(directory, which), 0o757);
    expect(state.read('a')).toBeNull();
    expect(() => state.write('a', 'more')).toThrow('EPERM');
    expect(() => state.lock()).toThrow('EPERM');
    expect(fs.readFileSync(join(directory, 'a'), 'utf8')).toBe('text');
  });

  test('a directory that leads elsewhere', () => {
    const { state, directory } = withFile();
    fs.renameSync(directory, `${directory}.real`);
    fs.symlinkSync(`${directory}.real`, directory);
    expect(state.read('a')).toBeNull();
    expect(() => state.write('a', 'more')).toThrow('EPERM');
  });
});

test('what cannot be written says why', () => {
  const file = join(root, 'file');
  fs.writeFileSync(file, '');
  expect(() => new DirectoryState(join(file, 'run', 'bind')).write('a', '')).toThrow('ENOTDIR');
  expect(() => new DirectoryState(fresh()).read('../a')).toThrow(RangeError);
});
