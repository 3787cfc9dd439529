import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { LinuxSys } from '../../../src/sys/linux/linux-sys';
import type { SysTree } from '../../../src/sys/sys';
import { MANIFEST_LIMITS } from '../../../src/sys/tree/manifest';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { RecordingTree } from '../../../src/sys/tree/recording';
import { parseSnapshot } from '../../../src/sys/tree/snapshot';
import { SysrootTree } from '../../../src/sys/tree/sysroot';
import { TreeSys } from '../../support/tree-sys';
import { ask, askedPath, everything, type Plan, plans, type Question } from './machines';

const replay = (manifest: string) => parseSnapshot(Buffer.from(manifest), 'recorded');

/** Asks a machine, records it, and asks the recording the same. A file's access is not kept: that it is there is. */
function expectSameAnswers(sys: SysTree, questions: Question[]): string {
  const recorder = new RecordingTree(sys);
  const loosely = ({ call }: Question, answer: ReturnType<typeof ask>) =>
    call === 'access' && 'value' in answer ? { there: answer.value !== null } : answer;
  const told = questions.map((question) => ({ question, answer: loosely(question, ask(recorder, question)) }));
  const manifest = recorder.manifest();
  const replayed = replay(manifest);
  expect(questions.map((question) => ({ question, answer: loosely(question, ask(replayed, question)) }))).toEqual(told);
  return manifest;
}

const lines = (recorder: RecordingTree) => recorder.manifest().split('\n').slice(1, -2);

const device = '/sys/bus/pci/devices/0000:00:03.0';
const machine = () =>
  new TreeSys({
    [device]: { link: '../../../devices/pci0000:00/0000:00:03.0' },
    '/sys/devices/pci0000:00/0000:00:03.0/vendor': '0x8086\n',
    '/sys/devices/pci0000:00/0000:00:03.0/config': Buffer.from([0x86, 0x80, 0]),
    '/sys/devices/pci0000:00/0000:00:03.0/driver': { link: '../../../bus/pci/drivers/vfio-pci' },
    '/sys/devices/pci0000:00/0000:00:03.0/serial': { error: 'EACCES' },
    '/sys/devices/pci0000:00/0000:00:03.0/rom': Buffer.alloc(MANIFEST_LIMITS.content + 1),
    '/sys/bus/pci/drivers/vfio-pci/new_id': '',
    '/dev/vfio/3': { node: 'rw' },
    '/usr/share/hwdata/pci.ids': 'x'.repeat(2_000_000),
    '/usr/share/misc/pci.ids': { link: '../hwdata/pci.ids' },
    '/home/user/id': 'secret\n',
    '/etc/escape': { link: '/home/user/id' },
  });

describe('what is recorded', () => {
  test('are contents by their places, and the links that led there', () => {
    const recorder = new RecordingTree(machine());
    expect(recorder.readFile(`${device}/vendor`).toString()).toBe('0x8086\n');
    recorder.readFile(`${device}/driver/../../../../devices/pci0000:00/0000:00:03.0/config`);
    expect(lines(recorder)).toEqual([
      `${device} -> ../../../devices/pci0000:00/0000:00:03.0`,
      '/sys/bus/pci/drivers/vfio-pci /',
      '/sys/devices/pci0000:00/0000:00:03.0/config : 868000',
      '/sys/devices/pci0000:00/0000:00:03.0/driver -> ../../../bus/pci/drivers/vfio-pci',
      '/sys/devices/pci0000:00/0000:00:03.0/vendor = 0x8086',
    ]);
  });

  test('is what was asked for, and nothing else', () => {
    expect(lines(new RecordingTree(machine()))).toEqual([]);
    const recorder = new RecordingTree(machine());
    recorder.readLink(device);
    expect(lines(recorder)).toEqual([`${device} -> ../../../devices/pci0000:00/0000:00:03.0`]);
  });

  test('are the names of what was listed and never read, which says so when it is', () => {
    const recorder = new RecordingTree(machine());
    recorder.readDir(device);
    recorder.readFile(`${device}/vendor`);
    const replayed = replay(recorder.manifest());
    expect(replayed.readDir(device).sort()).toEqual(['config', 'driver', 'rom', 'serial', 'vendor']);
    expect(ask(replayed, { call: 'readFile', path: `${device}/vendor` })).toEqual({ value: '3078383038360a' });
    expect(ask(replayed, { call: 'readFile', path: `${device}/config` })).toEqual({ code: 'ENODATA' });
    expect(ask(replayed, { call: 'readDir', path: `${device}/driver/x` })).toEqual({ code: 'ENODATA' });
  });

  test('are errors and the access of nodes', () => {
    const recorder = new RecordingTree(machine());
    expect(() => recorder.readFile(`${device}/serial`)).toThrow(expect.objectContaining({ code: 'EACCES' }));
    expect(recorder.access('/dev/vfio/3')).toBe('rw');
    expect(recorder.access('/dev/vfio/4')).toBeNull();
    expect(recorder.access(`${device}/serial`)).toBe('none');
    const replayed = replay(recorder.manifest());
    expect(() => replayed.readFile(`${device}/serial`)).toThrow(expect.objectContaining({ code: 'EACCES' }));
    expect(replayed.access('/dev/vfio/3')).toBe('rw');
    expect(replayed.access('/dev/vfio/4')).toBeNull();
    expect(replayed.access(`${device}/serial`)).toBe('none');
  });

  test('is no file of more than 1 MiB, which the caller gets', () => {
    const recorder = new RecordingTree(machine());
    expect(recorder.readFile(`${device}/rom`, 2 ** 22)).toHaveLength(MANIFEST_LIMITS.content + 1);
    expect(lines(recorder)).toContain('/sys/devices/pci0000:00/0000:00:03.0/rom ! EFBIG');
    expect(() => recorder.readFile(`${device}/vendor`, 2)).toThrow(expect.objectContaining({ code: 'EFBIG' }));
    expect(lines(recorder)).toContain('/sys/devices/pci0000:00/0000:00:03.0/vendor ! EFBIG');
    recorder.readFile(`${device}/vendor`);
    expect(() => recorder.readFile(`${device}/vendor`, 2)).toThrow(expect.objectContaining({ code: 'EFBIG' }));
    expect(lines(recorder)).toContain('/sys/devices/pci0000:00/0000:00:03.0/vendor = 0x8086');
  });

  test('is what was there at last', () => {
    const sys = machine();
    const recorder = new RecordingTree(sys);
    const path = '/sys/devices/pci0000:00/0000:00:03.0/vendor';
    recorder.readFile(path);
    sys.add({ [path]: '0x1234\n' });
    recorder.readFile(path);
    expect(lines(recorder)).toEqual([`${path} = 0x1234`]);
    sys.add({ [path]: { error: 'EIO' } });
    expect(() => recorder.readFile(path)).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(lines(recorder)).toEqual([`${path} ! EIO`]);
    sys.tree.delete(path);
    sys.add({ [`${path}/below`]: '1\n' });
    recorder.readFile(`${path}/below`);
    recorder.readDir(path);
    expect(lines(recorder)).toEqual([`${path}/below = 1`]);
  });

  test('is not what the caller makes of it', () => {
    const recorder = new RecordingTree(machine());
    recorder.readFile(`${device}/vendor`).fill(0);
    expect(lines(recorder)).toContain('/sys/devices/pci0000:00/0000:00:03.0/vendor = 0x8086');
  });

  test('is nothing outside of where udrv looks', () => {
    const recorder = new RecordingTree(machine());
    expect(recorder.readFile('/etc/escape').toString()).toBe('secret\n');
    recorder.readFile('/home/user/id');
    recorder.readDir('/');
    recorder.readDir('/usr');
    expect(recorder.manifest()).not.toContain('secret');
    expect(lines(recorder).filter((line) => line.startsWith('/home'))).toEqual([]);
  });

  test('is no error that a manifest cannot name', () => {
    const sys = new TreeSys({ '/sys/x': { error: 'ESIMULATED' } });
    const recorder = new RecordingTree(sys);
    expect(() => recorder.readFile('/sys/x')).toThrow(expect.objectContaining({ code: 'ESIMULATED' }));
    expect(lines(recorder)).toEqual(['/sys/x ! EIO']);
  });
});

describe('a name database', () => {
  test('is not recorded, but the excerpt that is added', () => {
    const recorder = new RecordingTree(machine());
    recorder.readFile('/usr/share/misc/pci.ids', 2 ** 24);
    recorder.access('/usr/share/hwdata/pci.ids');
    expect(lines(recorder)).toEqual([]);
    recorder.add('/usr/share/hwdata/pci.ids', Buffer.from('8086  Intel\n'));
    expect(lines(recorder)).toEqual(['/usr/share/hwdata/pci.ids = 8086  Intel']);
  });

  test('takes the place of whatever was there', () => {
    const recorder = new RecordingTree(machine());
    recorder.readLink('/usr/share/misc/pci.ids');
    recorder.readDir('/usr/share/misc');
    recorder.add('/usr/share/misc/pci.ids', Buffer.from('8086  Intel\n'));
    expect(lines(recorder)).toEqual(['/usr/share/misc/pci.ids = 8086  Intel']);
  });

  test('is found by the path it was added at, whatever links lead there', () => {
    const sys = new TreeSys({
      '/usr/share/hwdata': { link: '/nix/store/hwdata' },
      '/nix/store/hwdata/pci.ids': 'x\n',
      '/usr/share/misc': { link: '../../var/lib/misc' },
      '/var/lib/misc/x': '',
    });
    const recorder = new RecordingTree(sys);
    recorder.readDir('/usr/share');
    recorder.readDir('/usr/share/hwdata');
    const paths = ['/usr/share/hwdata/pci.ids', '/usr/share/misc/usb.ids', '/usr/share/absent/pci.ids'];
    for (const path of paths) recorder.add(path, Buffer.from(`${path}\n`));
    recorder.readDir('/usr/share/hwdata');
    const replayed = replay(recorder.manifest());
    for (const path of paths) expect(replayed.readFile(path).toString()).toBe(`${path}\n`);
  });

  test('must fit', () => {
    const add = () => new RecordingTree(machine()).add('/usr/share/pci.ids', Buffer.alloc(MANIFEST_LIMITS.content + 1));
    expect(add).toThrow(RangeError);
    expect(() => new RecordingTree(machine()).add('/home/user/pci.ids', Buffer.alloc(0))).toThrow('not below');
  });
});

/** The question that puts /sys into a recording's root, which has no line of its own. */
const sysThere: Question = { call: 'readDir', path: '/sys' };

describe('a recording answers as the machine did', () => {
  test('for trees with links and errors of any kind', () => {
    fc.assert(
      fc.property(plans({ errors: true }), fc.array(askedPath, { minLength: 1, maxLength: 8 }), (plan, paths) => {
        expectSameAnswers(treeOfPlan(plan), [sysThere, ...paths.flatMap(everything)]);
      }),
      { numRuns: 500 },
    );
  });

  test('whichever questions were asked, in any order', () => {
    const question = fc.record({
      call: fc.constantFrom('readFile' as const, 'readDir' as const),
      path: askedPath,
    });
    fc.assert(
      fc.property(plans({ errors: false }), fc.array(question, { maxLength: 8 }), (plan, questions) => {
        expectSameAnswers(treeOfPlan(plan), [sysThere, ...questions]);
      }),
      { numRuns: 500 },
    );
  });

  test('and a recording of the recording is the same', () => {
    const recorder = new RecordingTree(machine());
    const questions = ['/sys/bus/pci/devices', device, `${device}/vendor`, `${device}/driver`].flatMap(everything);
    for (const question of questions) ask(recorder, question);
    const again = new RecordingTree(replay(recorder.manifest()));
    for (const question of questions) ask(again, question);
    expect(again.manifest()).toBe(recorder.manifest());
  });

  test('for a tree on a disk', () => {
    const root = fs.mkdtempSync(join(tmpdir(), 'udrv-record-'));
    try {
      const pci = 'sys/devices/pci0000:00/0000:00:03.0';
      fs.mkdirSync(join(root, pci, 'power'), { recursive: true });
      fs.mkdirSync(join(root, 'sys/bus/pci/devices'), { recursive: true });
      fs.symlinkSync('../../../devices/pci0000:00/0000:00:03.0', join(root, device));
      fs.symlinkSync('/absent', join(root, pci, 'dangling'));
      fs.symlinkSync('loop', join(root, pci, 'loop'));
      fs.symlinkSync('vendor', join(root, pci, 'alias'));
      fs.writeFileSync(join(root, pci, 'vendor'), '0x8086\n');
      fs.writeFileSync(join(root, pci, 'odd name\n'), Buffer.from([0, 0xff, 10]));
      const names = ['', '/vendor', '/alias', '/power', '/dangling', '/loop', '/odd name\n', '/absent', '/vendor/x'];
      const paths = [...names.map((name) => device + name), '/sys/bus/pci/devices', '/sys/bus', '/dev', '/sys'];
      const manifest = expectSameAnswers(new SysrootTree(root), paths.flatMap(everything));
      expect(manifest).toContain('/sys/devices/pci0000:00/0000:00:03.0/odd\\x20name\\n : 00ff0a');
    } finally {
      fs.rmSync(root, { recursive: true });
    }
  });

  test('for this machine', () => {
    const sys = new LinuxSys();
    const paths = [
      '/sys/bus',
      '/sys/bus/pci/devices',
      '/sys/class/net',
      '/sys/devices/system/cpu/possible',
      '/dev/null',
    ];
    paths.push('/proc/version', '/proc/self/comm', '/sys/kernel', '/sys/absent', '/sys/kernel/absent/absent');
    for (const dir of ['/sys/bus/pci/devices', '/sys/class/net', '/sys/class/tty'])
      for (const name of fs.existsSync(dir) ? fs.readdirSync(dir).slice(0, 3) : [])
        for (const below of ['', '/vendor', '/config', '/uevent', '/subsystem', '/driver', '/driver/module', '/absent'])
          paths.push(`${dir}/${name}${below}`);
    expectSameAnswers(sys, paths.flatMap(everything));
  });
});

function treeOfPlan(plan: Plan): MemoryTree {
  const tree = new MemoryTree();
  for (const [path, entry] of plan) {
    if (entry === 'directory') tree.mkdir(path);
    else if ('file' in entry) tree.set(path, { kind: 'file', read: () => entry.file });
    else if ('link' in entry) tree.set(path, { kind: 'link', target: entry.link });
    else if ('error' in entry) tree.set(path, { kind: 'error', code: entry.error });
    else tree.set(path, { kind: 'node', access: entry.node });
  }
  return tree;
}
