import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../support/environment';
import { ROOT, UDRV } from './udrv';

const LIST = ['--snapshot', join(ROOT, 'fixtures/small.snapshot'), 'list'];
const asRoot = process.geteuid?.() === 0 ? test : test.skip;

let home: string;
let cache: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'udrv-home-'));
  cache = join(home, '.cache/udrv');
});
afterEach(() => rmSync(home, { recursive: true }));

/** Lists with `home` as HOME. @returns the names in the cache's directory */
function list(env: NodeJS.ProcessEnv = {}, args: readonly string[] = LIST): string[] {
  const child = spawnSync(process.execPath, [UDRV, ...args], {
    env: environment({ XDG_CACHE_HOME: undefined, HOME: home, ...env }),
    encoding: 'utf8',
  });
  expect({ ...child, stdout: child.stdout.slice(0, 4) }).toMatchObject({ status: 0, stderr: '', stdout: 'TYPE' });
  return names(cache);
}

function names(directory: string): string[] {
  return lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : [];
}

/** The one file in the cache, with its inode: whoever writes it anew makes another. */
function only(): { path: string; inode: number; content: Buffer } {
  const [name = '', ...more] = names(cache);
  expect(more).toEqual([]);
  const path = join(cache, name);
  return { path, inode: lstatSync(path).ino, content: readFileSync(path) };
}

test('a listing runs on main.js alone', () => {
  const code = `
    process.argv = ['node', 'udrv', ...${JSON.stringify(LIST)}];
    process.on('exit', () => process.stderr.write(Object.keys(require.cache).join('\\n')));
    require(${JSON.stringify(UDRV)});`;
  const { stderr } = spawnSync(process.execPath, ['-e', code], {
    env: environment({ XDG_CACHE_HOME: undefined }),
    encoding: 'utf8',
  });
  expect(stderr.split('\n')).toEqual([UDRV, join(ROOT, 'dist/cli/start.js')]);
});

describe('the code cache', () => {
  test('is written by the first listing, for the user alone, and used by the next', () => {
    expect(list()).toHaveLength(1);
    expect(lstatSync(cache).mode & 0o777).toBe(0o700);
    const { path, inode } = only();
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    list();
    expect(only().inode).toBe(inode);
  });

  test('has a file for the parser and for each part of a command, written by the first that needs it', () => {
    list();
    const args = ['--snapshot', LIST[1] as string, 'list', '--sort', 'address'];
    expect(
      list({}, args)
        .map((name) => name.replace(/-[0-9a-f]{16}-v.*/, ''))
        .sort(),
    ).toEqual([
      'command-line',
      'command-line.main',
      'list',
      'lists-choice',
      'lists-device-fields',
      'lists-kernel-order',
      'main',
    ]);
    const inodes = names(cache).map((name) => lstatSync(join(cache, name)).ino);
    list({}, args);
    expect(names(cache).map((name) => lstatSync(join(cache, name)).ino)).toEqual(inodes);
  });

  test('of a part is written anew where the file is damaged', () => {
    const args = ['--snapshot', LIST[1] as string, 'list', '--sort', 'address'];
    list({}, args);
    const part = () => join(cache, names(cache).find((name) => name.startsWith('lists-choice')) ?? '');
    const content = readFileSync(part());
    for (const damaged of [Buffer.alloc(0), content.subarray(0, 100), Buffer.alloc(content.length)]) {
      writeFileSync(part(), damaged);
      list({}, args);
      expect(readFileSync(part()).length).toBe(content.length);
    }
  });

  test.each([
    ['HOME unset', { HOME: undefined }],
    ['HOME that is not there', { HOME: '/nonexistent/home' }],
    ['HOME where nothing can be made', { HOME: '/proc' }],
    ['NODE_DISABLE_COMPILE_CACHE', { NODE_DISABLE_COMPILE_CACHE: '1' }],
  ])('is done without: %s', (_, env) => {
    expect(list(env)).toEqual([]);
  });

  test.each(['XDG_CACHE_HOME', 'NODE_COMPILE_CACHE'])('goes where %s says', (variable) => {
    const directory = join(home, 'elsewhere');
    expect(list({ [variable]: directory })).toEqual([]);
    expect(names(join(directory, 'udrv'))).toHaveLength(1);
  });

  test('is not taken from a relative XDG_CACHE_HOME', () => {
    expect(list({ XDG_CACHE_HOME: 'elsewhere' })).toHaveLength(1);
  });

  test.each(['770', '707', '750', '701'])('is not put where others may enter: mode %s', (mode) => {
    mkdirSync(cache, { recursive: true });
    chmodSync(cache, Number.parseInt(mode, 8));
    expect(list()).toEqual([]);
  });

  test('is not put where a symbolic link leads', () => {
    mkdirSync(join(home, 'target'), { mode: 0o700 });
    mkdirSync(join(home, '.cache'));
    symlinkSync('../target', cache);
    list();
    expect(names(join(home, 'target'))).toEqual([]);
  });

  asRoot('is not put below the home of another user, as sudo may leave it', () => {
    chownSync(home, 65534, 65534);
    expect(list()).toEqual([]);
    expect(lstatSync(join(home, '.cache'), { throwIfNoEntry: false })).toBeUndefined();
  });

  asRoot('is not put in a directory of another user', () => {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    chownSync(cache, 65534, 65534);
    expect(list()).toEqual([]);
  });

  describe('is written anew where the file', () => {
    const damages: [string, (path: string, content: Buffer) => void][] = [
      ['is empty', (path) => writeFileSync(path, '')],
      ['is cut short', (path, content) => writeFileSync(path, content.subarray(0, 5000))],
      ['has one half', (path, content) => writeFileSync(path, content.subarray(0, content.length / 2))],
      ['has lost a block', (path, content) => writeFileSync(path, content.fill(0, 65_536, 69_632))],
      ['has a block of another', (path, content) => writeFileSync(path, content.fill(0x55, 65_536, 69_632))],
      ['is zero from the middle on', (path, content) => writeFileSync(path, content.fill(0, content.length / 2))],
      ['is zero', (path, content) => writeFileSync(path, content.fill(0))],
      ['may be written by others', (path) => chmodSync(path, 0o666)],
      [
        'is a symbolic link',
        (path) => {
          renameSync(path, join(home, 'moved'));
          symlinkSync(join(home, 'moved'), path);
        },
      ],
      ['has another name too', (path) => linkSync(path, join(home, 'linked'))],
      [
        'is a FIFO',
        (path) => {
          rmSync(path);
          spawnSync('mkfifo', [path]);
        },
      ],
    ];
    test.each(damages)('%s', (_, damage) => {
      list();
      const { path, content } = only();
      damage(path, Buffer.from(content));
      list();
      expect(only().content.length).toBeGreaterThan(70_000);
      expect(lstatSync(path).isFile()).toBe(true);
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
      const anew = only().inode;
      list();
      expect(only().inode).toBe(anew);
    });

    asRoot('belongs to another user', () => {
      list();
      const { path } = only();
      chownSync(path, 65534, 65534);
      list();
      expect(lstatSync(path).uid).toBe(0);
    });
  });

  test('that cannot be written changes nothing', () => {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    chmodSync(cache, 0o500);
    list();
  });

  test('keeps the newest files alone', () => {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    for (let i = 0; i < 150; i++) writeFileSync(join(cache, `main-${i}`), '');
    expect(list()).toHaveLength(128);
    expect(names(cache).filter((name) => name.includes(process.version))).toHaveLength(1);
  });
});
