import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { SysError, UdrvError } from '../../../src/errors';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { SysrootTree } from '../../../src/sys/tree/sysroot';
import { ask, askedPath, everything, type Plan, plans } from './machines';

const SECRET = 'not for udrv\n';

/** A directory with a secret in it, and in that the root. */
let outside: string;
let root: string;
let sys: SysrootTree;

beforeEach(() => {
  outside = fs.mkdtempSync(join(tmpdir(), 'udrv-sysroot-'));
  root = join(outside, 'root');
  fs.writeFileSync(join(outside, 'secret'), SECRET);
  fs.mkdirSync(join(root, 'sys/devices/a'), { recursive: true });
  sys = new SysrootTree(root);
});
afterEach(() => fs.rmSync(outside, { recursive: true }));

const write = (path: string, content: string | Buffer) => fs.writeFileSync(join(root, path), content);
const link = (path: string, target: string) => fs.symlinkSync(target, join(root, path));

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

describe('a copied tree', () => {
  test('is inspected as the machine it was copied from', () => {
    write('sys/devices/a/vendor', '0x8086\n');
    write('sys/devices/a/empty', '');
    fs.mkdirSync(join(root, 'sys/bus'));
    link('sys/bus/a', '../devices/a');
    link('sys/bus/absolute', '/sys/devices/a');
    for (const dir of ['/sys/devices/a', '/sys/bus/a', '/sys/bus/absolute', '/sys/bus/../bus//./a', '/../sys/bus/a/']) {
      expect(sys.readFile(`${dir}/vendor`).toString()).toBe('0x8086\n');
      expect(sys.readFile(`${dir}/empty`)).toHaveLength(0);
      expect(sys.readDir(dir).sort()).toEqual(['empty', 'vendor']);
      expect(code(() => sys.readFile(`${dir}/absent`))).toBe('ENOENT');
      expect(code(() => sys.readFile(dir))).toBe('EISDIR');
      expect(code(() => sys.readFile(`${dir}/vendor/x`))).toBe('ENOTDIR');
      expect(code(() => sys.readDir(`${dir}/vendor`))).toBe('ENOTDIR');
      expect(code(() => sys.readLink(`${dir}/vendor`))).toBe('EINVAL');
    }
    expect(sys.readLink('/sys/bus/a')).toBe('../devices/a');
    expect(sys.readLink('/sys/bus/absolute')).toBe('/sys/devices/a');
    expect(sys.readDir('/')).toEqual(['sys']);
  });

  test('is the machine of the path for errors, not the directory', () => {
    expect(failure(() => sys.readFile('/sys/x'))).toMatchObject({ path: '/sys/x', code: 'ENOENT', syscall: 'open' });
    expect(failure(() => sys.readDir('/sys/x'))).toMatchObject({ path: '/sys/x', code: 'ENOENT', syscall: 'opendir' });
  });

  test('gives files of any size up to the limit', () => {
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
    write('sys/large', content);
    expect(sys.readFile('/sys/large')).toEqual(content);
    expect(sys.readFile('/sys/large', 200_000)).toEqual(content);
    expect(code(() => sys.readFile('/sys/large', 199_999))).toBe('EFBIG');
    fs.truncateSync(join(root, 'sys/large'), 2 ** 40);
    expect(code(() => sys.readFile('/sys/large'))).toBe('EFBIG');
  });

  test('tells what may be done with its nodes', () => {
    fs.mkdirSync(join(root, 'dev'));
    write('dev/uio0', '');
    link('dev/self', '/dev/uio0');
    link('dev/outside', join(outside, 'secret'));
    expect(sys.access('/dev/uio0')).toBe('rw');
    expect(sys.access('/dev/self')).toBe('rw');
    expect(sys.access('/dev')).toBe('rw');
    expect(sys.access('/dev/uio1')).toBeNull();
    expect(sys.access('/dev/outside')).toBeNull();
    if (process.getuid?.() !== 0) {
      fs.chmodSync(join(root, 'dev/uio0'), 0o400);
      expect(sys.access('/dev/uio0')).toBe('r');
      fs.chmodSync(join(root, 'dev/uio0'), 0);
      expect(sys.access('/dev/uio0')).toBe('none');
      expect(code(() => sys.readFile('/dev/uio0'))).toBe('EACCES');
    }
  });

  test('may be all of this machine', () => {
    const whole = new SysrootTree('/');
    expect(whole.readFile('/proc/self/comm')).toEqual(fs.readFileSync('/proc/self/comm'));
    expect(whole.readDir('/').sort()).toEqual(fs.readdirSync('/').sort());
    expect(code(() => whole.readFile('/dev/null'))).toBe('EACCES');
  });

  test('may be named by a link and relatively', () => {
    write('sys/x', '1');
    fs.symlinkSync('root', join(outside, 'link'));
    expect(new SysrootTree(join(outside, 'link')).readFile('/sys/x').toString()).toBe('1');
    const before = process.cwd();
    process.chdir(outside);
    try {
      const relative = new SysrootTree('root/');
      process.chdir('/');
      expect(relative.readFile('/sys/x').toString()).toBe('1');
    } finally {
      process.chdir(before);
    }
  });

  test.each([
    ['absent', 'ENOENT'],
    ['secret', 'EUSAGE'],
    ['secret/x', 'ENOTDIR'],
    ['a\0b', 'ENOENT'],
  ])('is not at %j', (name, code) => {
    const directory = join(outside, name);
    const error = failure(() => new SysrootTree(directory));
    expect(error).toBeInstanceOf(UdrvError);
    expect(error).toMatchObject({ exit: 2, code, subject: directory });
  });

  test('is not at the empty path, which is not the current directory', () => {
    expect(failure(() => new SysrootTree(''))).toMatchObject({ exit: 2, code: 'ENOENT' });
  });
});

describe('a hostile tree', () => {
  test('never leads out of the directory', () => {
    const secret = join(outside, 'secret');
    link('sys/absolute', secret);
    link('sys/relative', '../../secret');
    link('sys/far', `${'../'.repeat(20)}${secret.slice(1)}`);
    link('sys/up', '../..');
    link('sys/devices/a/dir', outside);
    link('sys/proc', '/proc/self/root');
    link('sys/chain', 'absolute');
    for (const path of [
      '/sys/absolute',
      '/sys/relative',
      '/sys/far',
      '/sys/up/secret',
      '/sys/devices/a/dir/secret',
      '/sys/chain',
      '/sys/up/../../secret',
      '/../secret',
      `/sys/proc${secret}`,
      '/sys/up/../../../../../secret',
    ]) {
      expect(ask(sys, { call: 'readFile', path })).toEqual({ code: 'ENOENT' });
      expect(sys.access(path)).toBeNull();
    }
    expect(sys.readDir('/sys/up')).toEqual(['sys']);
    expect(code(() => sys.readDir('/sys/devices/a/dir'))).toBe('ENOENT');
  });

  test('has links in circles', () => {
    link('sys/self', 'self');
    link('sys/a', 'b/x');
    link('sys/b', 'a');
    link('sys/here', '.');
    write('sys/x', '1');
    expect(code(() => sys.readFile('/sys/self'))).toBe('ELOOP');
    expect(code(() => sys.readDir('/sys/a/c'))).toBe('ELOOP');
    expect(sys.access('/sys/self')).toBeNull();
    expect(sys.readLink('/sys/self')).toBe('self');
    expect(sys.readFile('/sys/here/here/here/x').toString()).toBe('1');
    expect(code(() => sys.readDir(`/sys${'/here'.repeat(41)}`))).toBe('ELOOP');
  });

  test('has files that must not be opened', async () => {
    execFileSync('mkfifo', [join(root, 'sys/fifo')]);
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'sys/socket'), resolve));
    try {
      const paths = ['/sys/fifo', '/sys/socket', '/sys/link'];
      link('sys/link', 'fifo');
      try {
        execFileSync('mknod', [join(root, 'sys/device'), 'c', '1', '5'], { stdio: 'ignore' });
        paths.push('/sys/device');
      } catch {
        // Only root makes device nodes.
      }
      for (const path of paths) {
        expect(code(() => sys.readFile(path))).toBe('EACCES');
        expect(code(() => sys.readDir(path))).toBe('ENOTDIR');
        expect(code(() => sys.readLink('/sys/fifo'))).toBe('EINVAL');
      }
    } finally {
      // Left open, it would keep a failed run from ending.
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('leads to paths that no kernel takes', () => {
    expect(code(() => sys.readFile('/sys/a\0b'))).toBe('ENOENT');
    expect(code(() => sys.readFile(`/sys/${'x'.repeat(300)}`))).toBe('ENAMETOOLONG');
    expect(code(() => sys.readFile(`/sys${'/devices/..'.repeat(100_000)}/x`))).toBe('ENOENT');
    expect(code(() => sys.readFile(`/sys${'/x'.repeat(100_000)}`))).toBe('ENOENT');
  });

  test('is followed as a tree in memory is', () => {
    let serial = 0;
    fc.assert(
      fc.property(plans({ errors: false }), fc.array(askedPath, { minLength: 1, maxLength: 8 }), (plan, paths) => {
        const directory = join(outside, `tree${serial++}`);
        fs.mkdirSync(directory);
        const copied = new SysrootTree(directory);
        const tree = new MemoryTree();
        build(plan, directory, tree);
        for (const question of paths.flatMap(everything)) {
          const answer = ask(copied, question);
          const expected = ask(tree, question);
          // A file's access is known on a disk only.
          if (question.call === 'access' && 'value' in expected && expected.value !== null)
            expect(answer).not.toEqual({ value: null });
          else expect([question, answer]).toEqual([question, expected]);
        }
      }),
    );
  });
});

function build(plan: Plan, directory: string, tree: MemoryTree): void {
  for (const [path, entry] of plan) {
    if (entry === 'directory') {
      fs.mkdirSync(directory + path);
      tree.mkdir(path);
    } else if ('file' in entry) {
      fs.writeFileSync(directory + path, entry.file);
      tree.set(path, { kind: 'file', read: () => entry.file });
    } else if ('link' in entry) {
      fs.symlinkSync(entry.link, directory + path);
      tree.set(path, { kind: 'link', target: entry.link });
    }
  }
}
