import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './udrv';

// The library as its users load it: what the build made of it, by the package's name.

const entryPoints: object = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).exports;
const entries = Object.keys(entryPoints).filter((entry) => !entry.endsWith('.json'));

function run(script: string): { stdout: string; stderr: string } {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
  return { stdout, stderr };
}

test('there is an entry for each framework and driver', () => {
  expect(entries).toEqual([
    '.',
    './uio',
    './vfio',
    './usb',
    './pci',
    './sim',
    './drivers/e1000e',
    './drivers/edu',
    './drivers/ftdi',
    './drivers/nvme',
    './drivers/usb-storage',
  ]);
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

test('the examples with e1000e: what the generator sends goes through the forwarder to the sink', () => {
  const script = `
    const { findDevice, NameDatabase, Session, VfioDevice } = require('udrv');
    const { sys } = require('udrv/sim').simulatedMachine({ more: ['network'] });
    const [a, b, c, d] = ['0d', '0e', '0f', '10'].map((slot) => '0000:00:' + slot + '.0');
    const open = (address) => {
      sys.writeFile('/sys/bus/pci/devices/' + address + '/driver_override', 'vfio-pci');
      sys.writeFile('/sys/bus/pci/drivers_probe', address);
      const session = Session.open(sys, findDevice(sys, new NameDatabase(sys), address), { mmap: true });
      sessions.push(session);
      return session;
    };
    const sessions = [];
    const forwarding = new AbortController();
    import('./fixtures/examples/e1000e.mjs').then(async ({ default: work }) => {
      const run = (address, signal, ...args) => work(open(address), { args, signal, open });
      const { signal } = new AbortController();
      const forwarder = run(b, forwarding.signal, 'forward', c);
      await Promise.all([run(d, signal, 'sink', '1000'), run(a, signal, 'generate', '1000')]);
      forwarding.abort();
      await forwarder;
      for (const session of sessions) session.close();
    });`;
  const { stdout, stderr } = run(script);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^sent \d+ packets a second$/m);
  expect(stdout).toMatch(/^1000 packets, 0 out of order or damaged$/m);
});
