import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulatedMachine } from '../../../src/sim';
import { LinuxSys } from '../../../src/sys/linux/linux-sys';

const folder = fs.mkdtempSync(join(tmpdir(), 'udrv-files-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const sys = new LinuxSys();
const path = (name: string) => join(folder, name);
const inFolder = () => fs.readdirSync(folder).sort();

function errorOf(call: () => unknown): { code: string; path: string } {
  try {
    call();
  } catch (error) {
    const { code, path } = error as { code: string; path: string };
    return { code, path };
  }
  throw new Error('it did not fail');
}

afterEach(() => {
  for (const name of inFolder()) fs.rmSync(path(name), { recursive: true });
});

test('a file is made, replaced and removed', () => {
  sys.replaceFile(path('a.rules'), 'one\n');
  sys.replaceFile(path('a.rules'), 'two\n');
  expect(inFolder()).toEqual(['a.rules']);
  expect(fs.readFileSync(path('a.rules'), 'utf8')).toBe('two\n');
  expect(fs.statSync(path('a.rules')).mode & 0o777).toBe(0o644);
  sys.removeFile(path('a.rules'));
  expect(inFolder()).toEqual([]);
  expect(errorOf(() => sys.removeFile(path('a.rules')))).toEqual({ code: 'ENOENT', path: path('a.rules') });
});

test('a link is replaced and removed, and never what it leads to', () => {
  fs.writeFileSync(path('target'), 'mine');
  fs.symlinkSync('target', path('a.rules'));
  sys.replaceFile(path('a.rules'), 'x');
  expect([fs.readFileSync(path('target'), 'utf8'), fs.lstatSync(path('a.rules')).isFile()]).toEqual(['mine', true]);
  fs.symlinkSync('target', path('b.rules'));
  sys.removeFile(path('b.rules'));
  expect(inFolder()).toEqual(['a.rules', 'target']);
});

test('a write that fails leaves what was there, and nothing beside it', () => {
  fs.mkdirSync(path('a.rules'));
  expect(errorOf(() => sys.replaceFile(path('a.rules'), 'x')).path).toBe(path('a.rules'));
  expect(inFolder()).toEqual(['a.rules']);
  expect(errorOf(() => sys.replaceFile(path('none/a.rules'), 'x'))).toEqual({
    code: 'ENOENT',
    path: path('none/a.rules'),
  });
});

test('a link in the place of the temporary file is not written through', () => {
  fs.writeFileSync(path('target'), 'mine');
  fs.symlinkSync('target', path(`a.rules.${process.pid}`));
  sys.replaceFile(path('a.rules'), 'x');
  expect(fs.readFileSync(path('target'), 'utf8')).toBe('mine');
  expect(inFolder()).toEqual(['a.rules', 'target']);
});

test('the simulated machine has files where programs put configuration, and nowhere else', () => {
  const { sys: sim } = simulatedMachine();
  const file = '/etc/udev/rules.d/a.rules';
  sim.replaceFile(file, 'one\n');
  expect(sim.readDir('/etc/udev/rules.d')).toEqual(['a.rules']);
  expect(sim.readFile(file).toString()).toBe('one\n');
  sim.removeFile(file);
  expect(errorOf(() => sim.removeFile(file)).code).toBe('ENOENT');
  expect(errorOf(() => sim.replaceFile('/sys/bus/pci/a', 'x')).code).toBe('EACCES');
  expect(errorOf(() => sim.replaceFile('/etc/none/a', 'x')).code).toBe('ENOENT');
  expect(errorOf(() => sim.replaceFile('/etc/udev/rules.d/..', 'x')).code).toBe('EACCES');
  expect(errorOf(() => sim.removeFile('/sys/bus/pci/drivers_probe')).code).toBe('EACCES');
});
