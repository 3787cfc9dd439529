import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './udrv';

// The library as its users load it: what tsc made of it, by the package's name.

const entryPoints: object = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).exports;
const entries = Object.keys(entryPoints).filter((entry) => !entry.endsWith('.json'));

function run(script: string): { stdout: string; stderr: string } {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
  return { stdout, stderr };
}

test('there is an entry for each framework and driver', () => {
  expect(entries).toEqual(['.', './uio', './vfio', './usb', './pci', './sim', './drivers/nvme']);
});

test.each(entries)('%s loads by require and by import', (entry) => {
  const name = JSON.stringify(`udrv${entry.slice(1)}`);
  const script = `const a = Object.keys(require(${name})); import(${name}).then((b) => console.log(a.length > 0, a.every((key) => key in b)))`;
  expect(run(script)).toEqual({ stdout: 'true true\n', stderr: '' });
});

test('calls of the C library work in it', () => {
  const script = `
    const { LinuxSys } = require('udrv');
    const sys = new LinuxSys();
    const fd = sys.eventfd();
    sys.write(fd, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
    console.log(sys.poll(fd, 0));
    sys.close(fd);`;
  expect(run(script)).toEqual({ stdout: 'ready\n', stderr: '' });
});
