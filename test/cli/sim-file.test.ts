import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Options, outcomeOf, shell, shows, start, udrv } from './udrv';

// Commands typed one after the other, on a simulated machine whose state is in a file.

const folder = mkdtempSync(join(tmpdir(), 'udrv-sim-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = () => join(folder, `machine${++files}`);
const file = (content: string) => {
  const path = newFile();
  writeFileSync(path, content);
  return path;
};

/** Makes a function that types commands for one machine, each of which has to end well. @returns what they print */
function session(path = newFile(), options: Options = {}) {
  return async (line: string): Promise<string> => {
    const command = line.split(' ');
    const { stdout, stderr, exit } = await udrv(options.env ? command : [`--sim=${path}`, ...command], options);
    expect({ line, exit, stderr: exit === 0 ? '' : stderr }).toEqual({ line, exit: 0, stderr: '' });
    return stdout;
  };
}

describe('commands remember', () => {
  test.concurrent('a binding, and what restore gives back', async () => {
    const type = session();
    await type('bind nvme0n1 vfio-pci');
    expect(await type('vfio info 0000:01:00.0')).toMatch(/^0000:01:00\.0\n {2}backend +iommufd\n/);
    expect(await type('list -q --type vfio')).toBe('0000:00:03.0\n0000:01:00.0\n0000:02:01.0\n');
    expect(await type('restore 0000:01:00.0')).toBe('0000:01:00.0: nvme, was vfio-pci\n');
    expect(await type('list -q nvme0n1')).toBe('0000:01:00.0\n');
  });

  test.concurrent('a group', async () => {
    const type = session();
    await type('bind 0000:02:01.0 vfio-pci --group');
    expect(JSON.parse(await type('--json vfio dma-test 0000:02:01.0'))).toMatchObject({ isolated: true });
    await type('restore 0000:02:01.0 --group');
    expect(JSON.parse(await type('show --json 0000:02:01.0')).vfio.viable).toBe(false);
  });

  test.concurrent('registers, and interrupts that came', async () => {
    const type = session();
    await type('uio write uio0 map0 0x4 0x12345678');
    expect(await type('uio read uio0 map0 0x4')).toBe('0xedcba987\n');
    await type('uio watch-irq -q uio0 --count 3 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24');
    expect(JSON.parse(await type('show --json uio0')).uio.eventCount).toBe(3);
  });

  test.concurrent('a SCSI INQUIRY, command by command', async () => {
    const type = session();
    await type('usb detach 1-4:1.0');
    await type('usb bulk 1-4 0x02 --data 55534243010000002400000080000612000000240000000000000000000000');
    expect(await type('usb bulk 1-4 0x81 --length 36')).toContain('QEMU HARDDISK');
    expect(await type('usb bulk 1-4 0x81 --length 13')).toMatch(/^0x0000 {2}55 53 42 53 01 00 00 00 00 00 00 00 00 /);
    await type('usb attach 1-4:1.0');
    expect(JSON.parse(await type('show --json 1-4')).driver).toBe('usb-storage');
  });

  test.concurrent('a block of the disk', async () => {
    const type = session();
    await type('usb detach 1-4:1.0');
    const write = '5553424301000000000200000000' + '0a' + '2a000000000500000100' + '000000000000';
    const read = '5553424302000000000200008000' + '0a' + '28000000000500000100' + '000000000000';
    await type(`usb bulk 1-4 0x02 --data ${write}`);
    await type(`usb bulk 1-4 0x02 --data ${'c0ffee'.padEnd(1024, '0')}`);
    await type('usb bulk 1-4 0x81 --length 13');
    await type(`usb bulk 1-4 0x02 --data ${read}`);
    expect(await type('usb bulk 1-4 0x81 --length 512')).toMatch(/^0x0000 {2}c0 ff ee 00 /);
    await type('usb bulk 1-4 0x81 --length 13');
  });

  test.concurrent('a configuration, a loopback, a halt; and the last close ends an alternate setting', async () => {
    const type = session();
    await type('usb alt 1-2:1.0 1');
    expect(JSON.parse(await type('show --json 1-2')).usb.interfaces).toMatchObject([{ alt: 0, active: true }, {}]);
    await type('usb ctrl 1-2 0x02 3 0 0x81 0');
    const { exit } = await udrv(['--sim', 'usb', 'ctrl', '1-2', '0x82', '0', '0', '0x81', '2']);
    expect(exit).toBe(0);
    expect(await type('usb ctrl 1-2 0x82 0 0 0x81 2')).toMatch(/^0x0000 {2}01 00 /);
    await type('usb clear-halt 1-2 0x81');
    expect(await type('usb ctrl 1-2 0x82 0 0 0x81 2')).toMatch(/^0x0000 {2}00 00 /);
    await type('usb config 1-2 2');
    await type('usb bulk 1-2 0x01 --data 010203');
    expect(await type('usb bulk 1-2 0x81 --length 3')).toMatch(/^0x0000 {2}01 02 03 /);
  });

  test.concurrent('a driver that usb detach took away', async () => {
    const type = session();
    await type('usb detach 1-3.1:1.0');
    expect(JSON.parse(await type('show --json 1-3.1')).driver).toBeNull();
    await type('usb reset 1-3.1');
    await type('usb attach 1-3.1:1.0');
    expect(JSON.parse(await type('show --json 1-3.1')).driver).toBe('usbhid');
  });
});

describe('the machine is named', () => {
  test.concurrent('by UDRV_SIM, for a whole shell; an option beats it', async () => {
    const env = { UDRV_SIM: newFile() };
    const type = session(undefined, { env });
    await type('unbind uio0');
    expect(await type('list -q --type uio')).toBe('uio1\nuio2\nuio3\n');
    expect(await type('--sim list -q --type uio')).toBe('uio0\nuio1\nuio2\nuio3\n');
    expect(await type(`--sim=${newFile()} list -q --type uio`)).toBe('uio0\nuio1\nuio2\nuio3\n');
    expect(await type('--snapshot fixtures/small.snapshot list -q --type uio')).not.toMatch(/uio3/);
  });

  test.concurrent.each(['1', 'yes'])('UDRV_SIM=%s is a new one each time', async (value) => {
    const env = { UDRV_SIM: value };
    expect(await udrv('unbind uio0 -q', { env, cwd: folder })).toMatchObject({ exit: 0 });
    expect((await udrv('list -q --type uio', { env, cwd: folder })).stdout).toBe('uio0\nuio1\nuio2\nuio3\n');
    expect(existsSync(join(folder, value))).toBe(false);
  });

  test.concurrent('not by UDRV_SIM=0, nor by an empty one', async () => {
    for (const UDRV_SIM of ['0', 'no', ''])
      expect((await udrv('list -q --type uio', { env: { UDRV_SIM } })).stdout).not.toContain('uio3');
  });

  test.concurrent('in the same word: --sim list is a list', async () => {
    expect(await udrv('--sim list -q --type vfio')).toMatchObject({ stdout: '0000:00:03.0\n0000:02:01.0\n', exit: 0 });
    expect(await udrv('list --sim -q --type vfio')).toMatchObject({ stdout: '0000:00:03.0\n0000:02:01.0\n', exit: 0 });
    expect(await udrv('--sim= list')).toMatchObject({
      stderr: expect.stringContaining('--sim=: names no file'),
      exit: 2,
    });
    expect(await udrv(`--sim=${newFile()} --snapshot fixtures/small.snapshot list`)).toMatchObject({ exit: 2 });
  });

  test.concurrent.each([
    ['', (path: string) => `udrv --sim=${path} bind 0000:02:01.0 vfio-pci --group`],
    ['UDRV_SIM', () => 'udrv bind 0000:02:01.0 vfio-pci --group'],
  ])('in a hint, which works as it is typed: %s', async (variable, hint) => {
    const path = newFile();
    const options = variable === '' ? {} : { env: { UDRV_SIM: path } };
    const option = variable === '' ? [`--sim=${path}`] : [];
    const { stderr, exit } = await udrv([...option, 'vfio', 'info', '0000:02:01.0'], options);
    expect({ exit, hint: /^hint: (.*)$/m.exec(stderr)?.[1]?.split(/[;,]/).at(-1)?.trim() }).toEqual({
      exit: 5,
      hint: hint(path),
    });
    expect(await shell(hint(path), options)).toMatchObject({ exit: 0 });
    expect(await udrv([...option, 'vfio', 'info', '0000:02:01.0'], options)).toMatchObject({ exit: 0 });
  });
});

describe('the file', () => {
  test.concurrent.each([
    ['hello', /^udrv: \S+: holds no state of a simulated machine: it is not JSON\nhint: name another file, or remove/],
    ['{"schema":"udrv.list/1"}', /^udrv: \S+: holds no state of a simulated machine: schema is not udrv\.sim\/2\n/],
  ])('of %s is exit 2, and stays', async (content, message) => {
    const path = file(content);
    for (const line of ['list', 'unbind uio0', 'monitor'])
      expect(await udrv([`--sim=${path}`, ...line.split(' ')])).toEqual({
        stdout: '',
        stderr: expect.stringMatching(message),
        exit: 2,
      });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test.concurrent('that is no file is refused', async () => {
    expect(await udrv([`--sim=${folder}`, 'list'])).toMatchObject({
      stderr: `udrv: ${folder}: is no regular file\n`,
      exit: 2,
    });
    expect(await udrv('--sim=/dev/zero list')).toMatchObject({
      stderr: 'udrv: /dev/zero: is no regular file\n',
      exit: 2,
    });
    expect(await udrv(['--sim=/nonexistent/machine', 'list'])).toMatchObject({
      stderr: 'udrv: /nonexistent/machine: no such file or directory (ENOENT)\n',
      exit: 3,
    });
  });

  test.concurrent('is made where there is none, and an empty one is a new machine', async () => {
    const path = newFile();
    await session(path)('list');
    expect(JSON.parse(readFileSync(path, 'utf8')).schema).toBe('udrv.sim/2');
    expect(await session(file(''))('list -q --type uio')).toBe('uio0\nuio1\nuio2\nuio3\n');
  });

  test.concurrent('keeps its mode, and a link to it stays one', async () => {
    const path = newFile();
    const link = newFile();
    await session(path)('list');
    chmodSync(path, 0o600);
    symlinkSync(path, link);
    await session(link)('unbind uio0');
    expect(await session(path)('list -q --type uio')).toBe('uio1\nuio2\nuio3\n');
    const { stdout } = await shell(`stat -c %a ${path}; test -L ${link} && echo link`);
    expect(stdout).toBe('600\nlink\n');
  });

  test.concurrent('that finds no room is an error, and stays as it was', async () => {
    const path = newFile();
    await session(path)('list');
    const before = readFileSync(path, 'utf8');
    expect(await shell(`ulimit -f 4; udrv --sim=${path} unbind uio0 -q`)).toMatchObject({
      stderr: `udrv: ${path}: file too large (EFBIG)\n`,
      exit: 1,
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder).filter((name) => name.startsWith(`${path.split('/').at(-1)}.`))).toEqual([]);
  });

  test.concurrent('has what a command did until Ctrl-C', async () => {
    const path = newFile();
    const type = session(path);
    const child = start([
      `--sim=${path}`,
      '-q',
      'uio',
      'watch-irq',
      'uio0',
      '--trigger',
      'map0:0x60=1',
      '--ack',
      'map0:0x64=map0:0x24',
    ]);
    const outcome = outcomeOf(child);
    await shows(child, 'stdout', /^ +3 /m);
    child.kill('SIGINT');
    expect((await outcome).exit).toBe(130);
    expect(JSON.parse(await type('show --json uio0')).uio.eventCount).toBeGreaterThanOrEqual(3);
  });

  test.concurrent('has what a command did that failed', async () => {
    const type = session();
    const path = newFile();
    expect(await udrv([`--sim=${path}`, 'usb', 'bulk', '1-2', '0x01', '--data', 'ff'])).toMatchObject({ exit: 0 });
    expect(await udrv([`--sim=${path}`, 'usb', 'bulk', '1-2', '0x01', '--data', 'ff'])).toMatchObject({ exit: 7 });
    await type('list');
  });

  test.concurrent('is for one command at a time: none loses what another did', async () => {
    const path = newFile();
    const type = session(path);
    await Promise.all(['uio write uio0 map0 4 1', 'unbind uio2', 'usb detach 1-3.1:1.0'].map(type));
    expect(await type('uio read uio0 map0 4')).toBe('0xfffffffe\n');
    expect(await type('list -q --type uio')).toBe('uio0\nuio1\nuio3\n');
    expect(JSON.parse(await type('show --json 1-3.1')).driver).toBeNull();
  });

  test.concurrent('is busy while a command waits with a device open; lists are shown all the same', async () => {
    const path = newFile();
    const child = start([`--sim=${path}`, '--trace', 'uio', 'watch-irq', 'uio0']);
    const outcome = outcomeOf(child);
    try {
      await shows(child, 'stderr', /^open\(\/dev\/uio0/m);
      expect(await session(path)('list -q --type uio')).toBe('uio0\nuio1\nuio2\nuio3\n');
      expect(await udrv([`--sim=${path}`, 'uio', 'read', 'uio0', 'map0', '0'])).toEqual({
        stdout: '',
        stderr:
          `udrv: ${path}: another command works with this machine (EBUSY)\n` +
          'hint: end that command first, or name another file: each has a machine of its own\n',
        exit: 5,
      });
    } finally {
      child.kill('SIGINT');
    }
    expect((await outcome).exit).toBe(130);
  });
});

describe('monitor', () => {
  test.concurrent('of a machine in a file tells what other commands do', async () => {
    const path = newFile();
    const child = start([`--sim=${path}`, '--json', 'monitor', '--count', '4', '--timeout', '30s', '-v']);
    const outcome = outcomeOf(child);
    await shows(child, 'stderr', /watching/);
    await session(path)('bind nvme0n1 vfio-pci');
    await session(path)('usb detach 1-4:1.0');
    await session(path)('usb attach 1-4:1.0');
    const { stdout, exit } = await outcome;
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ action, address, driver }) => `${action} ${address} ${driver}`)).toEqual([
      'unbind 0000:01:00.0 nvme',
      'bind 0000:01:00.0 vfio-pci',
      'unbind 1-4 usb-storage',
      'bind 1-4 usb-storage',
    ]);
    expect(exit).toBe(0);
  });

  test.concurrent('of a new machine tells once what it shows to everybody', async () => {
    const { stdout, exit } = await udrv('--sim --json monitor --count 8 --timeout 30s');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ action, address, interface: intf }) => `${action} ${intf ?? address}`)).toEqual([
      'unbind 1-3.1:1.0',
      'remove 1-3.1',
      'add 1-3.1',
      'bind 1-3.1:1.0',
      'remove uio2',
      'unbind 0000:00:0a.0',
      'add uio2',
      'bind 0000:00:0a.0',
    ]);
    expect(exit).toBe(0);
  });
});
