import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { version } from '../../package.json';
import { DEBIAN_PACKAGES, makeArmRoot, makeRoot } from './clean-root';
import { output, ROOT } from './run';

// The packages with Node in them, in roots that have nothing else. They take a minute to make, and Node from npm's registry.

const { steps }: { steps: [title: string, args: string[]][] } = require('../demo.cjs');

const isOn = process.env['UDRV_PACKAGES'] !== undefined;
const title = 'packages with Node in them';
const describeHere = isOn ? describe : describe.skip;

const directory = mkdtempSync(join(tmpdir(), 'udrv-packages-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Makes a package as a person does; the build was made before the tests. */
async function make(kind: string, arch: string, folder = kind, umask = '077', TZ = 'UTC'): Promise<string> {
  const command = [process.execPath, 'test/run-ts.cjs', 'test/package/main.ts', kind, '--arch', arch];
  const to = ['--to', join(directory, folder)];
  const { stdout } = await promisify(execFile)('sh', ['-c', `umask ${umask}; exec "$0" "$@"`, ...command, ...to], {
    cwd: ROOT,
    env: { ...process.env, TZ },
  });
  return stdout.split('  ')[0] ?? '';
}

/** Makes it twice: what differs between two machines differs. */
function makeTwice(kind: string): Promise<[string, string]> {
  return Promise.all([make(kind, 'x64'), make(kind, 'x64', `${kind} again`, '022', 'Asia/Tokyo')]);
}

interface Outcome {
  stdout: string;
  stderr: string;
  status: number | null;
}

function inRoot(root: string, ...command: string[]): Outcome {
  const env = { PATH: '/usr/bin:/bin', HOME: '/', LC_ALL: 'C.UTF-8' };
  const { stdout, stderr, status } = spawnSync('/usr/sbin/chroot', [root, ...command], { encoding: 'utf8', env });
  return { stdout, stderr, status };
}

/** Runs what `npm run demo` runs, and the other things that a package has beside its devices. */
function expectToWork(udrv: (...args: string[]) => Outcome): void {
  for (const [, args] of steps) {
    const { stderr, status } = udrv('--sim', ...args);
    expect({ args, stderr, status }).toMatchObject({ args, stderr: '', status: 0 });
  }
  expect(udrv('--version')).toMatchObject({ stdout: expect.stringContaining(version), status: 0 });
  expect(udrv('man', 'uio').stdout).toMatch(/^NAME\s+udrv-uio[\s\S]*watch-irq/);
  expect(udrv('completion', 'bash', '--line', '--sim\nuio\nshow').stdout).toContain('uio3');
}

describeHere(isOn ? title : `${title} (skipped: set UDRV_PACKAGES=1 to make them; takes root)`, () => {
  jest.setTimeout(300_000);
  let lint: Promise<unknown> | undefined;

  test('the .deb is the same twice, and is installed in a root with what it depends on', async () => {
    const [deb, again] = await makeTwice('deb');
    expect(readFileSync(deb).equals(readFileSync(again))).toBe(true);
    // It takes its time for Node; the other packages are made meanwhile.
    lint = promisify(execFile)('lintian', ['--fail-on', 'error,warning,info', '--allow-root', deb]).catch(
      (error) => error,
    );

    const root = join(directory, 'debian');
    makeRoot(root, DEBIAN_PACKAGES);
    output('dpkg', [`--root=${root}`, '--install', deb], directory);
    expectToWork((...args) => inRoot(root, 'udrv', ...args));
    // koffi, which no command of the simulation loads.
    expect(inRoot(root, '/usr/lib/udrv/node', '-e', 'require("/usr/lib/udrv/node_modules/koffi").load(null)')).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
    const completions = {
      bash: 'bash-completion/completions/udrv',
      fish: 'fish/vendor_completions.d/udrv.fish',
      zsh: 'zsh/vendor-completions/_udrv',
    };
    for (const [shell, path] of Object.entries(completions))
      expect(inRoot(root, 'udrv', 'completion', shell).stdout).toBe(
        readFileSync(join(root, 'usr/share', path), 'utf8'),
      );
    expect(
      gunzipSync(readFileSync(join(root, 'usr/share/man/man1/udrv-uio.1.gz'))).equals(
        readFileSync(join(ROOT, 'man/udrv-uio.1')),
      ),
    ).toBe(true);
    expect(existsSync(join(root, 'usr/lib/udev/rules.d/60-udrv.rules'))).toBe(true);
    expect(spawnSync('dpkg', [`--root=${root}`, '--purge', 'udrv'])).toMatchObject({ status: 0 });
    expect(existsSync(join(root, 'usr/lib/udrv'))).toBe(false);
  });

  test('the tar is the same twice, and runs through a link where there is a C library and a shell', async () => {
    const [tar, again] = await makeTwice('tar');
    expect(readFileSync(tar).equals(readFileSync(again))).toBe(true);
    const root = join(directory, 'bare');
    makeRoot(root, [...DEBIAN_PACKAGES, 'coreutils', 'libselinux1', 'libpcre2-8-0']);
    mkdirSync(join(root, 'opt'));
    output('tar', ['-xzf', tar, '-C', join(root, 'opt')], directory);
    const folder = `/opt/udrv-${version}-linux-x64`;
    expectToWork((...args) => inRoot(root, `${folder}/bin/udrv`, ...args));
    expect(inRoot(root, 'ln', '-s', `../..${folder}/bin/udrv`, '/usr/bin/udrv').status).toBe(0);
    expect(inRoot(root, 'udrv', '--version')).toMatchObject({ stderr: '', status: 0 });
    expect(statSync(join(root, folder, 'share/man/man1/udrv.1')).isFile()).toBe(true);
  });

  test('the tar for arm64 runs on an emulated one', async () => {
    const tar = await make('tar', 'arm64');
    const root = join(directory, 'arm64');
    makeArmRoot(root);
    output('tar', ['-xzf', tar, '-C', root, '--strip-components=1'], directory);
    const node = (...args: string[]) => inRoot(root, '/qemu', '/lib/udrv/node', ...args);
    expect(node('/lib/udrv/bin/udrv', '--sim', 'uio', 'read', 'uio0', 'map0:0x0')).toEqual({
      stdout: '0x010000ed\n',
      stderr: '',
      status: 0,
    });
    expect(node('-p', 'require("/lib/udrv/node_modules/koffi").load(null); process.arch').stdout).toBe('arm64\n');
  });

  test('lintian has nothing to say of the .deb', async () => {
    expect(await lint).toEqual({ stdout: '', stderr: '' });
  });
});
