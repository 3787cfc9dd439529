import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryState, MemoryState, StateLocked, type StateStore } from '../../../src/sys/state';

const root = fs.mkdtempSync(join(tmpdir(), 'udrv-state-'));
afterAll(() => fs.rmSync(root, { recursive: true }));
let count = 0;
/** Names a new folder; as in /run, its parent is not there yet either. */
const fresh = () => join(root, `run${count++}`, 'bind');

function failure(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

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

  test('lists the names of what it keeps', () => {
    const state = make();
    expect(state.names()).toEqual([]);
    state.write('0000:01:00.0', 'one');
    state.write('0000:01:00.1', 'two');
    state.remove('0000:01:00.0');
    expect(state.names()).toEqual(['0000:01:00.1']);
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

test('a process that has the lock keeps others out, and is named', () => {
  const directory = fresh();
  const lock = new DirectoryState(directory).lock();
  const error = failure(() => new DirectoryState(directory).lock());
  expect(error).toBeInstanceOf(StateLocked);
  expect(error).toMatchObject({ code: 'EBUSY', path: `${directory}/lock`, pid: process.pid });
  lock[Symbol.dispose]();
  new DirectoryState(directory).lock()[Symbol.dispose]();
});

test('the lock is for its owner alone: whoever can open it can lock it', () => {
  const directory = fresh();
  new DirectoryState(directory).lock()[Symbol.dispose]();
  expect(fs.statSync(join(directory, 'lock')).mode & 0o777).toBe(0o600);
});

describe('a lock whose owner was killed', () => {
  let script: string;
  const running: ChildProcess[] = [];
  beforeAll(() => {
    const { outputFiles } = require('esbuild').buildSync({
      stdin: {
        contents: `
          const { DirectoryState } = require('./src/sys/state.ts');
          try {
            globalThis.lock = new DirectoryState(process.argv[2]).lock();
            process.stdout.write('locked');
          } catch ({ code }) {
            process.stdout.write(code);
          }
          process.stdin.resume();`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      platform: 'node',
      external: ['koffi'],
      write: false,
    });
    script = join(root, 'lock.cjs');
    fs.writeFileSync(script, outputFiles[0].text);
  });
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  /** Starts a process that takes the lock if it can, and lives on. */
  const start = async (directory: string) => {
    const env = { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') };
    const child = spawn(process.execPath, [script, directory], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    running.push(child);
    const [outcome] = await once(child.stdout, 'data');
    return { child, outcome: String(outcome) };
  };

  test('is had by one of those that come next', async () => {
    const directory = fresh();
    const { child, outcome } = await start(directory);
    expect(outcome).toBe('locked');
    expect(failure(() => new DirectoryState(directory).lock())).toMatchObject({ code: 'EBUSY', pid: child.pid });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const outcomes = await Promise.all([1, 2, 3].map(async () => (await start(directory)).outcome));
    expect(outcomes.sort()).toEqual(['EBUSY', 'EBUSY', 'locked']);
    // Four processes start, on a machine that may be busy.
  }, 60_000);
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
    expect(() => state.write('a', 'more')).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => state.lock()).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(fs.readFileSync(join(directory, 'a'), 'utf8')).toBe('text');
  });

  test('a directory that leads elsewhere', () => {
    const { state, directory } = withFile();
    fs.renameSync(directory, `${directory}.real`);
    fs.symlinkSync(`${directory}.real`, directory);
    expect(state.read('a')).toBeNull();
    expect(() => state.write('a', 'more')).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });
});

test('a directory in the place of a state has an errno, whatever is done', () => {
  const directory = fresh();
  const state = new DirectoryState(directory);
  state.write('a', 'text');
  for (const name of ['b', `c.${process.pid}`]) fs.mkdirSync(join(directory, name));
  expect(state.read('b')).toBeNull();
  expect(() => state.write('b', 'text')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  expect(() => state.remove('b')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  expect(() => state.write('c', 'text')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  expect(state.read('a')).toBe('text');
});

test('what cannot be written says why', () => {
  const file = join(root, 'file');
  fs.writeFileSync(file, '');
  expect(() => new DirectoryState(join(file, 'run', 'bind')).write('a', '')).toThrow(
    expect.objectContaining({ code: 'ENOTDIR' }),
  );
  expect(() => new DirectoryState(fresh()).read('../a')).toThrow(RangeError);
});

test('a full disk leaves what was there, and nothing beside it', () => {
  const directory = fresh();
  const state = new DirectoryState(directory);
  state.write('a', 'text');
  const full = () => {
    throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  };
  const spies = [jest.spyOn(require('node:fs'), 'writeFileSync').mockImplementation(full)];
  try {
    expect(() => state.write('a', 'other')).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    spies.push(jest.spyOn(require('node:fs'), 'writeSync').mockImplementation(full));
    // The number in it is for people: the lock itself takes no room.
    state.lock()[Symbol.dispose]();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  expect(state.read('a')).toBe('text');
  expect(state.names().sort()).toEqual(['a', 'lock']);
});

test('a directory that cannot be looked at has no states', () => {
  const state = new DirectoryState(join(root, 'x'.repeat(300), 'taken'));
  expect(state.names()).toEqual([]);
  expect(state.read('a')).toBeNull();
  expect(() => state.write('a', '')).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
});
