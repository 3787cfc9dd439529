import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');

test('npm run docs has no warning', () => {
  // The pages alone take half of the time, and none of them can be wrong.
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'typedoc', '--emit', 'none'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
}, 120_000);

test('it has all that the package exports', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { entryPoints } = JSON.parse(readFileSync(join(ROOT, 'typedoc.json'), 'utf8'));
  const built = Object.values<{ default?: string }>(exports).flatMap((entry) => entry.default ?? []);
  expect(built.map((file) => file.replace('./dist/', 'src/').replace(/js$/, 'ts')).sort()).toEqual(
    [...entryPoints].sort(),
  );
});
