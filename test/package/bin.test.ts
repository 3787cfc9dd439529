import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { engines } from '../../package.json';
import { ROOT } from './run';

// bin/udrv before udrv runs: a Node that is not there, and one that is too old.

const UDRV = join(ROOT, 'bin/udrv');
const directory = mkdtempSync(join(tmpdir(), 'udrv-bin-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', env });
  return { stdout, stderr, status };
}

describe('without Node in PATH', () => {
  const PATH = '/nowhere';
  const line = 'udrv: node: is not in PATH, which is /nowhere (ENOENT)\n';

  test('one line, and what mends it', () => {
    const hint = 'hint: install Node 20.19 or later, or the package of udrv that has Node in it\n';
    expect(run(UDRV, ['list'], { PATH })).toEqual({ stdout: '', stderr: line + hint, status: 1 });
  });

  test('with sudo, which has a PATH of its own: the command with that of the user', () => {
    const { stderr } = run(UDRV, ['vfio', 'info', '0000:00:03.0'], { PATH, SUDO_USER: 'me' });
    expect(stderr).toBe(`${line}hint: sudo env "PATH=$PATH" ${UDRV} vfio info 0000:00:03.0\n`);
  });

  test('arguments that a shell would read otherwise are left out', () => {
    const { stderr } = run(UDRV, ['do', 'uio0', 'read map0:0x0; sleep 1'], { PATH, SUDO_USER: 'me' });
    expect(stderr).toBe(`${line}hint: sudo env "PATH=$PATH" ${UDRV} ...\n`);
  });
});

test('Node is found in PATH, and gets the arguments as they are', () => {
  symlinkSync(process.execPath, join(directory, 'node'));
  const { stdout, stderr, status } = run(UDRV, ['--sim', 'do', 'uio0', 'read map0:0x0'], { PATH: directory });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toContain('0x010000ed');
});

describe('a Node that is too old', () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node)?.map(Number) ?? [];
  const before = join(directory, 'version.cjs');
  const withVersion = (version: string, env: NodeJS.ProcessEnv = {}) => {
    writeFileSync(
      before,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
    );
    return run(process.execPath, ['--require', before, UDRV, '--sim', 'uio', 'read', 'uio0', 'map0:0x0'], env);
  };

  test.each(['0.12.18', '12.22.12', '18.20.4', `${major}.${(minor ?? 0) - 1}.9`])('%s: one line', (version) => {
    expect(withVersion(version)).toEqual({
      stdout: '',
      stderr:
        `udrv: ${process.execPath}: is Node ${version}, udrv needs ${major}.${minor} or later\n` +
        `hint: install Node ${major}.${minor} or later, or the package of udrv that has Node in it\n`,
      status: 1,
    });
  });

  test('with sudo, which finds another Node than the user', () => {
    expect(withVersion('18.20.4', { SUDO_USER: 'me' }).stderr).toContain(
      `hint: where your own Node is newer: sudo env "PATH=$PATH" ${UDRV} ...\n`,
    );
  });

  test.each([`${major}.${minor}.0`, `${(major ?? 0) + 2}.0.0`])('%s is new enough', (version) => {
    expect(withVersion(version)).toEqual({ stdout: '0x010000ed\n', stderr: '', status: 0 });
  });

  test('nothing in the file is newer than ECMAScript 5', () => {
    const source = readFileSync(UDRV, 'utf8');
    const written = (target: string) => transformSync(source, { target }).code;
    expect(written('es5')).toBe(written('esnext'));
    // This comparison sees what is newer.
    expect(transformSync('a?.b', { target: 'es5' }).code).not.toBe(transformSync('a?.b', { target: 'esnext' }).code);
  });
});
