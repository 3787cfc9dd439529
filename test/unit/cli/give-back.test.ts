import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulatedMachine } from '../../../src/sim';
import { Journal } from '../../../src/sys/journal';
import { DirectoryState, MemoryState } from '../../../src/sys/state';
import { runCommand } from '../../injection/command';

const DISK = '/dev/bus/usb/001/002';
const HINT = 'hint: udrv --sim usb show 1-4\n';

function machine() {
  const { sys, controls } = simulatedMachine();
  const bindings = new MemoryState();
  const driver = (intf: string) => {
    try {
      return sys.readLink(`/sys/bus/usb/devices/${intf}/driver`).split('/').at(-1);
    } catch {
      return null;
    }
  };
  return { sys, controls, driver, run: (line: string, journal?: Journal) => runCommand(line, sys, bindings, journal) };
}

test('the same configuration again, and a driver that does not take its interface back', async () => {
  const { run, controls, driver } = machine();
  controls.failProbe('1-4:1.0');
  const { exit, stderr } = await run('usb config 1-4 1');
  expect(exit).toBe(1);
  expect(stderr).toMatch(/\nudrv: 1-4:1\.0: usb-storage did not take it back \(ENODATA\)\n/);
  expect(driver('1-4:1.0')).toBeNull();
  controls.failProbe('1-4:1.0', false);
  expect(await run('usb attach 1-4:1.0')).toMatchObject({ exit: 0 });
});

test('a configuration that is refused: its drivers are back', async () => {
  const { run, driver } = machine();
  expect(await run('-q usb config 1-4 9')).toMatchObject({
    exit: 3,
    stderr: `udrv: 1-4: has no configuration 9 (EINVAL)\n${HINT}`,
  });
  expect(driver('1-4:1.0')).toBe('usb-storage');
});

test('two errors at once: the first has its line and its exit code, each other has a line', async () => {
  const { run, controls } = machine();
  controls.stall('1-4', 0x81);
  controls.failProbe('1-4:1.0');
  controls.fail('close', DISK, 'EIO', 1);
  const { exit, stderr } = await run('usb bulk 1-4 0x81 --length 13 --detach');
  expect(exit).toBe(7);
  expect(stderr.split('\n').filter((line) => line.startsWith('udrv: '))).toEqual([
    'udrv: 1-4 0x81: stalled: the device refuses, 0 of 13 bytes done (EPIPE)',
    'udrv: 1-4: closing it failed: i/o error (EIO)',
    'udrv: 1-4:1.0: usb-storage did not take it back (ENODATA)',
  ]);
});

test.each([
  ['EIO', 1],
  ['ENODEV', 8],
] as const)('a close that fails with %s after a good command', async (code, exit) => {
  const { run, controls } = machine();
  controls.fail('close', '/dev/uio0', code, 1);
  const ran = await run('uio read uio0 map0 0');
  expect(ran).toMatchObject({ exit, stdout: '0x010000ed\n' });
  expect(ran.stderr).toMatch(new RegExp(`^udrv: uio0: closing it failed: .* \\(${code}\\)\n$`));
});

describe('what a process that was killed had taken', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'udrv-taken-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const journalOf = (pid: number, alive: readonly number[]) =>
    new Journal(new DirectoryState(join(folder, 'taken')), undefined, {
      pid,
      startOf: (other) => (alive.includes(other) ? `started ${other}` : null),
    });

  /** A machine on which a process took the disk from its driver and was killed. */
  async function killed() {
    const simulated = machine();
    const hung = simulated.run('usb bulk 1-4 0x81 --length 13 --detach --timeout 300ms', journalOf(7, [7]));
    while (simulated.driver('1-4:1.0') !== 'usbfs') await new Promise((resolve) => setImmediate(resolve));
    return { ...simulated, hung };
  }

  test('stays with a process that is alive', async () => {
    const { run, hung, driver } = await killed();
    expect(await run('usb attach --all', journalOf(8, [7, 8]))).toEqual({
      exit: 0,
      stdout: '',
      stderr: 'udrv: no interface was left without its driver: there is nothing to give back\n',
    });
    expect(driver('1-4:1.0')).toBe('usbfs');
    await hung;
    expect(driver('1-4:1.0')).toBe('usb-storage');
    expect(journalOf(8, []).left()).toEqual([]);
  });

  test.each([
    ['uio read uio0 map0 0', 'it has its driver again', 'usb-storage'],
    ['restore --all', 'it has its driver again', 'usb-storage'],
    ['show uio0', 'udrv --sim usb attach --all gives it back', null],
    ['-n uio write uio0 map0 4 1', 'udrv --sim usb attach --all gives it back', null],
  ])('is mended or told by udrv %s', async (line, what, after) => {
    const { run, controls, driver } = await killed();
    controls.endProcess();
    expect(driver('1-4:1.0')).toBeNull();
    const { exit, stderr } = await run(line, journalOf(8, [8]));
    expect(exit).toBe(0);
    expect(stderr).toMatch(/^udrv: 1-4:1\.0: was taken from usb-storage by a udrv that was killed \(pid 7\)/);
    expect(stderr).toContain(what);
    expect(driver('1-4:1.0')).toBe(after);
    expect(journalOf(8, []).left()).toHaveLength(after === null ? 1 : 0);
  });

  test('is attached by name with --all', async () => {
    const { run, controls } = await killed();
    controls.endProcess();
    expect(await run('-n usb attach --all', journalOf(8, [8]))).toMatchObject({
      stdout: '1-4:1.0: have the kernel look for a driver\n',
    });
    expect(JSON.parse((await run('--json usb attach --all', journalOf(8, [8]))).stdout)).toEqual({
      schema: 'udrv.usb.attached/1',
      interfaces: [{ interface: '1-4:1.0', driver: 'usb-storage' }],
    });
  });

  test('is told once where no driver takes it', async () => {
    const { run, controls } = await killed();
    controls.endProcess();
    controls.failProbe('1-4:1.0');
    expect(await run('usb attach --all', journalOf(8, [8]))).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^udrv: 1-4:1\.0: usb-storage did not take it back \(ENODATA\)\n/),
    });
    expect(journalOf(8, []).left()).toEqual([]);
  });

  test('is none where another device is in its place', async () => {
    const { run, controls } = await killed();
    controls.unplug('1-4');
    controls.endProcess();
    controls.plug('1-4');
    expect(await run('uio read uio0 map0 0', journalOf(8, [8]))).toMatchObject({ exit: 0, stderr: '' });
    expect(journalOf(8, []).left()).toEqual([]);
  });
});

test('bus mastering stays off where the process that drove the device has ended too', async () => {
  const { sys, controls, run } = machine();
  const config = '/sys/bus/pci/devices/0000:00:04.0/config';
  const command = () => sys.readFile(config).readUInt16LE(4);
  const fd = sys.open(config, { write: true });
  const master = Buffer.from([0x06, 0x05]);
  sys.pwrite(fd, master, 4);
  sys.close(fd);
  const store = new MemoryState();
  const processes = { pid: 7, startOf: (pid: number) => (pid === processes.pid ? 'x' : null) };
  const journal = new Journal(store, undefined, processes);
  const release = controls.hold('/dev/uio0', { pid: 4711, command: 'driver' });
  // Killed: it has the note, and closes nothing itself.
  const watching = run('uio watch-irq uio0 --timeout 300ms', journal);
  await new Promise((resolve) => setTimeout(resolve, 50));
  controls.endProcess();
  release();
  processes.pid = 8;
  expect(command() & 4).toBe(0);
  const { stderr } = await run('uio read uio0 map0 0', journal);
  expect(stderr).toBe(
    'udrv: uio0: the end of a udrv that was killed (pid 7) switched its bus mastering off: it stays off, for who drove the device has ended\n',
  );
  expect(command() & 4).toBe(0);
  await watching;
});
