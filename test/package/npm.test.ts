import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { makeNpmPackage, type PackedFile } from './npm';
import { ROOT } from './run';

// What `npm pack` makes of what is built.

const directory = mkdtempSync(join(tmpdir(), 'udrv-npm-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let file: string;
let files: PackedFile[];
beforeAll(() => {
  ({ file, files } = makeNpmPackage(directory));
});

const run = (program: string, ...args: string[]) => {
  const bin = join(ROOT, 'node_modules/.bin', program);
  const { stdout, status } = spawnSync(bin, args, { encoding: 'utf8', cwd: directory });
  return { stdout, status };
};

test('publint finds nothing', () => {
  expect(run('publint', 'run', file, '--strict')).toMatchObject({
    stdout: expect.stringContaining('All good'),
    status: 0,
  });
});

test('its types are those of its code, for every way in which TypeScript resolves entries', () => {
  // node10 knows no `exports`: TypeScript 7 has it no more.
  const { stdout, status } = run('attw', file, '--profile', 'node16', '--format', 'json');
  expect({ status, ...JSON.parse(stdout).analysis }).toMatchObject({ status: 0, packageName: 'udrv' });
});

test('no cache and no map is in it, and no file names a map', () => {
  const paths = files.map(({ path }) => path);
  expect(paths.filter((path) => /\.map$|\.tsbuildinfo$|cache/i.test(path) && !/write-cache\.js$/.test(path))).toEqual(
    [],
  );
  const code = paths.filter((path) => /\.[cm]?js$|\.d\.ts$/.test(path));
  expect(code.length).toBeGreaterThan(100);
  expect(code.filter((path) => readFileSync(join(ROOT, path), 'utf8').includes('sourceMappingURL'))).toEqual([]);
});

test('of the types it has those that an entry leads to', () => {
  const types = files.map(({ path }) => path).filter((path) => path.endsWith('.d.ts'));
  const entries = Object.values(packageJson.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry.types],
  );
  expect(types).toEqual(expect.arrayContaining(entries.map((path) => path.replace('./', ''))));
  // Of the command nothing, and of the checks of doctor nothing: no entry has them.
  expect(types.filter((path) => /^dist\/(?:cli|doctor\/(?:machine|uio|usb))\//.test(path))).toEqual([]);
});
