import fc from 'fast-check';
import { type BindRequest, changeBindings } from '../../../src/bind/bind';
import { readBinding } from '../../../src/bind/read';
import { prepareForgetting, prepareSaving } from '../../../src/bind/saved/changes';
import { listSaved } from '../../../src/bind/saved/list';
import { formatRule, parseRule, ruleTarget } from '../../../src/bind/saved/rule';
import { laterFailures } from '../../../src/cleanup';
import { UdrvError } from '../../../src/errors';
import { simulatedMachine } from '../../../src/sim';
import { MemoryState } from '../../../src/sys/state';
import type { SysTree } from '../../../src/sys/sys';
import { changeFiles, type FileChange, fileCommand } from '../../../src/udev/files';
import { anyText } from '../../support/any-text';
import { type Content, TreeSys } from '../../support/tree-sys';

const NVME = '0000:01:00.0';
const NVME_ID = '1b36:0010';
/** The simulated machine has three of these, one of them behind uio_pci_generic. */
const EDU = '0000:00:04.0';
const EDU_ID = '1234:11e8';

const file = (name: string) => `/etc/udev/rules.d/71-udrv-bind-${name}.rules`;
const driverctl = (address: string) => `/etc/driverctl.d/pci-${address}`;
const text = (sys: SysTree, path: string) => sys.readFile(path).toString();
const ofNvme = { bus: 'pci', address: NVME, id: NVME_ID, driver: 'vfio-pci', module: 'vfio_pci' };

function failure(work: () => unknown): UdrvError {
  try {
    work();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

function save(sys = simulatedMachine().sys, addresses = [NVME], driver = 'vfio-pci', options = {}) {
  changeFiles(sys, prepareSaving(sys, addresses, driver, options).changes);
  return sys;
}

describe('the rule', () => {
  test('sets the override, has the module loaded, and has the kernel look again', () => {
    expect(formatRule(ofNvme)).toBe(
      [
        '# Written by udrv bind --save: gives the PCI function 0000:01:00.0, while it is a 1b36:0010, to vfio-pci when the kernel reports it.',
        '# A driver that has it already keeps it. To end this, remove the file, which is what this does:',
        '#   udrv restore 0000:01:00.0 --forget',
        'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:01:00.0", ATTR{vendor}=="0x1b36", ATTR{device}=="0x0010", ATTR{driver_override}="vfio-pci", RUN{builtin}+="kmod load vfio_pci"',
        'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:01:00.0", ATTR{vendor}=="0x1b36", ATTR{device}=="0x0010", ATTR{[subsystem/pci]drivers_probe}="$kernel"',
        '',
      ].join('\n'),
    );
    expect(formatRule({ ...ofNvme, address: null })).not.toContain('KERNEL');
  });

  test('runs no program', () => {
    expect(formatRule(ofNvme)).not.toMatch(/RUN[+=]|PROGRAM|IMPORT/);
  });

  const name = fc.stringMatching(/^\w[\w.+-]{0,62}$/);
  const ids = fc.stringMatching(/^[0-9a-f]{4}:[0-9a-f]{4}$/);
  const addresses = fc.constantFrom(null, NVME, '10000:e1:1f.7');

  test('is read back as it was', () => {
    fc.assert(
      fc.property(addresses, ids, name, name, (address, id, driver, module) => {
        const rule = { bus: 'pci', address, id, driver, module };
        expect(parseRule(formatRule(rule))).toEqual(rule);
      }),
    );
  });

  test('takes no part that could mean something else', () => {
    const odd = anyText().filter((one) => !/^\w[\w.+-]{0,62}$/.test(one));
    fc.assert(
      fc.property(odd, fc.constantFrom('address', 'id', 'driver', 'module'), (value, part) => {
        expect(() => formatRule({ ...ofNvme, [part]: value })).toThrow(RangeError);
      }),
      { numRuns: 40 },
    );
    for (const driver of ['a"b', 'a$b', 'a%k', 'a\nb', 'a\\', 'a b', '', '-q', '.', '..'])
      expect(() => formatRule({ ...ofNvme, driver })).toThrow(RangeError);
    expect(() => formatRule({ ...ofNvme, address: '0000:*' })).toThrow(RangeError);
  });

  test.each<[string, (text: string) => string]>([
    ['is empty', () => ''],
    ['has a line more', (rule) => `${rule}RUN+="/bin/sh"\n`],
    ['has one less', (rule) => rule.split('\n').slice(0, -2).join('\n')],
    ['was changed', (rule) => rule.replace('0x1b36', '0x1b37')],
    ['has no header', (rule) => rule.slice(rule.indexOf('\n') + 1)],
    ['is continued', (rule) => rule.replace('"vfio-pci", ', '"vfio-pci", \\\n')],
    ['names a driver that leads elsewhere', (rule) => rule.replaceAll('"vfio-pci"', '"../x"')],
  ])('that %s is not read', (_, change) => {
    expect(parseRule(change(formatRule(ofNvme)))).toBeNull();
  });

  test('is in files of known names alone', () => {
    const names = ['71-udrv-bind-0000:01:00.0.rules', '71-udrv-bind-1b36:0010.rules', '71-udrv-bind-.rules', 'x.rules'];
    expect(names.map(ruleTarget)).toEqual([
      { bus: 'pci', address: NVME, id: null },
      { bus: 'pci', address: null, id: NVME_ID },
      null,
      null,
    ]);
    expect(ruleTarget('71-udrv-bind-../x.rules')).toBeNull();
  });
});

describe('saving', () => {
  test('by address, and again', () => {
    const sys = save();
    expect(text(sys, file(NVME))).toBe(formatRule({ ...ofNvme, module: 'vfio-pci' }));
    const again = prepareSaving(sys, [NVME], 'vfio-pci');
    expect(again.changes.every(({ before, after }) => before === after)).toBe(true);
    save(sys, [NVME], 'nvme');
    expect(listSaved(sys).saved).toMatchObject([{ address: NVME, driver: 'nvme' }]);
  });

  test('by ids, once for all that have them', () => {
    const sys = save(undefined, ['0000:00:03.0', '0000:02:01.0'], 'vfio-pci', { byId: true });
    expect(listSaved(sys)).toEqual({
      saved: [{ bus: 'pci', address: null, id: EDU_ID, driver: 'vfio-pci', writer: 'udrv', path: file(EDU_ID) }],
      errors: [],
    });
  });

  test('by ids is refused for the sake of another device that has them', () => {
    const { sys, controls } = simulatedMachine();
    controls.hold('/dev/uio0', { pid: 777, command: 'dpdk' });
    const byId = { byId: true, force: true };
    expect(failure(() => prepareSaving(sys, ['0000:00:03.0'], 'vfio-pci', byId))).toMatchObject({
      exit: 5,
      device: EDU,
      message: 'in use: /dev/uio0 is open in dpdk (pid 777)',
    });
    expect(prepareSaving(sys, ['0000:00:03.0'], 'vfio-pci').changes).toHaveLength(1);
  });

  test('a module of another name is the one to load', () => {
    const tree = machine({ '/sys/bus/pci/drivers/vfio-pci/module': { link: '../../../../module/vfio_pci' } });
    expect(prepareSaving(tree, [NVME], 'vfio-pci').changes[0]?.after).toContain('"kmod load vfio_pci"');
  });

  const root = {
    '/proc/self/mountinfo': '30 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n',
    [`/sys/bus/pci/devices/${NVME}/driver`]: { link: '../../../bus/pci/drivers/nvme' },
    [`/sys/bus/pci/devices/${NVME}/nvme/nvme0/nvme0n1/dev`]: '259:0\n',
    '/sys/class/block/nvme0n1': { link: `../../bus/pci/devices/${NVME}/nvme/nvme0/nvme0n1` },
  };

  test('the root disk is refused, with --force too: the machine would not start any more', () => {
    expect(failure(() => prepareSaving(machine(root), [NVME], 'vfio-pci', { force: true }))).toMatchObject({
      exit: 5,
      code: 'EINUSE',
      message: 'refused: nvme0n1 is mounted on /',
    });
  });

  test.each<[string, Record<string, Content>, string[], object]>([
    ['a file of somebody else', { [file(NVME)]: 'RUN+="/bin/sh"\n' }, [NVME], { exit: 5, subject: file(NVME) }],
    ['a rule that was changed', { [file(NVME)]: `${formatRule(ofNvme)}\nX\n` }, [NVME], { code: 'EEXIST' }],
    ['a link', { [file(NVME)]: { link: '/etc/passwd' } }, [NVME], { code: 'EEXIST', subject: file(NVME) }],
    ['one that cannot be read', { [file(NVME)]: { error: 'EIO' } }, [NVME], { code: 'EEXIST' }],
    [
      'a binding of driverctl',
      { [driverctl(NVME)]: 'nvme\n' },
      [NVME],
      {
        exit: 5,
        subject: NVME,
        message: `driverctl binds ${NVME} to nvme at each boot: ${driverctl(NVME)}`,
        hint: `to end that: sudo driverctl unset-override ${NVME}`,
      },
    ],
    [
      'a rule for its ids',
      { [file(NVME_ID)]: formatRule({ ...ofNvme, address: null, driver: 'nvme' }) },
      [NVME],
      { exit: 5, hint: `to end that: udrv restore ${NVME_ID} --forget` },
    ],
    [
      'a device without ids',
      { [`/sys/bus/pci/devices/${NVME}/vendor`]: 'x\n' },
      [NVME],
      { exit: 9, device: undefined },
    ],
  ])('%s stops it', (_, entries, addresses, error) => {
    const tree = machine(entries);
    expect(failure(() => prepareSaving(tree, addresses, 'vfio-pci', { force: true }))).toMatchObject(error);
  });

  test('a rule for an address stops one for its ids', () => {
    const tree = machine({ [file(NVME)]: formatRule({ ...ofNvme, driver: 'nvme' }) });
    expect(failure(() => prepareSaving(tree, [NVME], 'vfio-pci', { byId: true }))).toMatchObject({ subject: NVME_ID });
  });

  test('the same binding of driverctl is left to it', () => {
    const { changes, notes } = prepareSaving(machine({ [driverctl(NVME)]: 'vfio-pci\n' }), [NVME], 'vfio-pci');
    expect(changes).toEqual([]);
    expect(notes).toEqual([`${NVME}: driverctl binds it to vfio-pci at each boot already: ${driverctl(NVME)}`]);
  });

  test('a driver of a name that a rule cannot have is refused', () => {
    expect(failure(() => prepareSaving(machine(), [NVME], 'a"b'))).toMatchObject({ exit: 9, subject: 'a"b' });
  });

  test('directories that are links, or not there', () => {
    const linked = new TreeSys({ '/etc/udev': { link: '/tmp' } });
    expect(failure(() => prepareSaving(linked, [NVME], 'vfio-pci'))).toMatchObject({ exit: 5, subject: '/etc/udev' });
    expect(failure(() => prepareSaving(new TreeSys(), [NVME], 'vfio-pci'))).toMatchObject({ exit: 9, code: 'ENOENT' });
  });

  test.each([
    ['/usr/sbin/update-initramfs', ': sudo update-initramfs -u'],
    [
      '/usr/bin/dracut',
      `: put install_items+=" ${file(NVME)} " into /etc/dracut.conf.d/udrv.conf, then sudo dracut -f`,
    ],
    ['/usr/bin/mkinitcpio', `: add ${file(NVME)} to FILES in /etc/mkinitcpio.conf, then sudo mkinitcpio -P`],
  ])('the initramfs is named where the driver is early: %s', (program, how) => {
    const { notes } = prepareSaving(machine({ [program]: '' }), [NVME], 'vfio-pci');
    expect(notes.at(-1)).toBe(
      `${NVME}: its usual driver may be loaded by the initramfs, before the rule is read there: rebuild it${how}`,
    );
    const other = { [program]: '', [`/sys/bus/pci/devices/${NVME}/class`]: '0x00ff00\n' };
    expect(prepareSaving(machine(other), [NVME], 'vfio-pci').notes).toHaveLength(1);
  });
});

/** A machine with an NVMe controller, and with udev. */
function machine(more: Record<string, Content> = {}): TreeSys {
  const sys = new TreeSys({
    '/proc/swaps': '',
    '/proc/self/mountinfo': '',
    [`/sys/bus/pci/devices/${NVME}/vendor`]: '0x1b36\n',
    [`/sys/bus/pci/devices/${NVME}/device`]: '0x0010\n',
    [`/sys/bus/pci/devices/${NVME}/class`]: '0x010802\n',
  }).add(more);
  sys.tree.mkdir('/etc/udev/rules.d');
  return sys;
}

describe('forgetting', () => {
  test('removes what was saved, for the ids too, and nothing else', () => {
    const { sys } = simulatedMachine();
    sys.replaceFile('/etc/udev/rules.d/70-other.rules', 'x');
    save(sys);
    save(sys, [NVME], 'vfio-pci', { byId: true });
    const { changes } = prepareForgetting(sys, [NVME]);
    expect(changes.map(fileCommand)).toEqual([`rm ${file(NVME)}`, `rm ${file(NVME_ID)}`]);
    const undo = changeFiles(sys, changes);
    expect(sys.readDir('/etc/udev/rules.d')).toEqual(['70-other.rules']);
    undo.close();
    expect(text(sys, file(NVME))).toBe(formatRule({ ...ofNvme, module: 'vfio-pci' }));
  });

  test('a device that is gone, and ids', () => {
    const sys = save(undefined, [NVME], 'vfio-pci', { byId: true });
    expect(prepareForgetting(sys, [NVME_ID]).changes).toHaveLength(1);
    const gone = new TreeSys({ [file(NVME)]: formatRule(ofNvme) });
    expect(prepareForgetting(gone, [NVME]).changes).toEqual([
      { path: file(NVME), before: formatRule(ofNvme), after: null },
    ]);
  });

  test('nothing saved is a remark', () => {
    const { changes, notes } = prepareForgetting(machine(), [NVME]);
    expect({ changes, notes }).toEqual({ changes: [], notes: [`${NVME}: no binding is saved`] });
  });

  test('a rule that was changed is removed, a file of another is not', () => {
    const changed = machine({ [file(NVME)]: `${formatRule(ofNvme)}X\n` });
    expect(prepareForgetting(changed, [NVME]).changes).toHaveLength(1);
    const foreign = machine({ [file(NVME)]: 'X\n' });
    expect(failure(() => prepareForgetting(foreign, [NVME]))).toMatchObject({ exit: 5, subject: file(NVME) });
    const link = machine({ [file(NVME)]: { link: '/etc/passwd' } });
    expect(failure(() => prepareForgetting(link, [NVME]))).toMatchObject({ exit: 5, subject: file(NVME) });
  });

  test("driverctl's binding is for driverctl to forget", () => {
    const sys = machine({ [driverctl(NVME)]: 'vfio-pci\n' });
    expect(failure(() => prepareForgetting(sys, [NVME]))).toMatchObject({
      exit: 5,
      hint: `to end that: sudo driverctl unset-override ${NVME}`,
    });
  });
});

describe('the list', () => {
  test("has udrv's and driverctl's, by address, ids last", () => {
    const sys = machine({
      [file(NVME_ID)]: formatRule({ ...ofNvme, address: null }),
      [file(NVME)]: formatRule(ofNvme),
      [driverctl('0000:00:03.0')]: 'vfio-pci\n',
      '/etc/driverctl.d/vmbus-abc-1': 'uio_hv_generic\n',
      '/etc/driverctl.d/README': 'x\n',
      '/etc/udev/rules.d/99-x.rules': 'x\n',
    });
    expect(
      listSaved(sys).saved.map(({ bus, address, id, driver, writer }) => [bus, address, id, driver, writer]),
    ).toEqual([
      ['pci', '0000:00:03.0', null, 'vfio-pci', 'driverctl'],
      ['pci', NVME, NVME_ID, 'vfio-pci', 'udrv'],
      ['pci', null, NVME_ID, 'vfio-pci', 'udrv'],
      ['vmbus', 'abc-1', null, 'uio_hv_generic', 'driverctl'],
    ]);
  });

  test('does not believe what is not as udrv wrote it, and follows no link', () => {
    const sys = machine({
      [file(NVME)]: formatRule({ ...ofNvme, address: '0000:00:03.0' }),
      [file(NVME_ID)]: { link: `/etc/udev/rules.d/71-udrv-bind-${NVME}.rules` },
      [file('0000:00:05.0')]: { error: 'EACCES' },
    });
    const { saved, errors } = listSaved(sys);
    expect(saved.map(({ driver }) => driver)).toEqual([null, null, null]);
    expect(errors).toEqual(
      expect.arrayContaining([
        { path: file(NVME_ID), code: 'ELOOP' },
        { path: file('0000:00:05.0'), code: 'EACCES' },
      ]),
    );
  });
});

describe('files', () => {
  const rule = (address: string) => ({ path: file(address), before: null, after: formatRule({ ...ofNvme, address }) });

  test.each([
    ['EACCES', 4],
    ['EROFS', 4],
    ['ENOSPC', 1],
  ])('all or none: %s', (code, exit) => {
    const { sys, controls } = simulatedMachine();
    controls.fail('replaceFile', file(EDU), code);
    expect(failure(() => changeFiles(sys, [rule(NVME), rule(EDU)]))).toMatchObject({ code, exit, subject: file(EDU) });
    expect(sys.readDir('/etc/udev/rules.d')).toEqual([]);
  });
});

describe('a request with files', () => {
  const GENERIC = '/sys/bus/pci/drivers/uio_pci_generic';
  const bindEdu = { kind: 'bind', addresses: [EDU], driver: 'vfio-pci' } as const;

  function setup() {
    const { sys, controls } = simulatedMachine();
    const state = new MemoryState();
    const run = (request: BindRequest, changes: readonly FileChange[], options = {}) =>
      changeBindings(sys, state, request, { alongside: () => changeFiles(sys, changes), ...options });
    return { sys, controls, state, run, rules: () => sys.readDir('/etc/udev/rules.d') };
  }

  test('is done, the file first', async () => {
    const { sys, run, rules } = setup();
    const seen: string[][] = [];
    await run(bindEdu, prepareSaving(sys, [EDU], 'vfio-pci').changes, { onWrite: () => seen.push(rules()) });
    expect(seen[0]).toEqual([`71-udrv-bind-${EDU}.rules`]);
    expect(readBinding(sys, EDU).driver).toBe('vfio-pci');
    await run({ kind: 'restore', addresses: [EDU] }, prepareForgetting(sys, [EDU]).changes);
    expect(rules()).toEqual([]);
    expect(readBinding(sys, EDU).driver).toBe('uio_pci_generic');
  });

  test('whose driver fails leaves no file', async () => {
    const { sys, controls, state, run, rules } = setup();
    controls.fail('writeFile', '/sys/bus/pci/drivers/vfio-pci/bind', 'EINVAL');
    const { changes } = prepareSaving(sys, [EDU], 'vfio-pci');
    await expect(run(bindEdu, changes)).rejects.toMatchObject({ exit: 1, device: EDU });
    expect([rules(), readBinding(sys, EDU).driver, state.read(EDU)]).toEqual([[], 'uio_pci_generic', null]);
  });

  test('that is interrupted leaves no file', async () => {
    const { sys, run, rules } = setup();
    const stop = new AbortController();
    const { changes } = prepareSaving(sys, [EDU], 'vfio-pci');
    expect(await run(bindEdu, changes, { signal: stop.signal, onWrite: () => stop.abort() })).toBeNull();
    expect([rules(), readBinding(sys, EDU).driver]).toEqual([[], 'uio_pci_generic']);
  });

  test('whose file cannot be written changes no driver', async () => {
    const { sys, controls, state, run } = setup();
    controls.fail('replaceFile', file(EDU), 'ENOSPC');
    const writes: unknown[] = [];
    const { changes } = prepareSaving(sys, [EDU], 'vfio-pci');
    await expect(run(bindEdu, changes, { onWrite: (one: unknown) => writes.push(one) })).rejects.toMatchObject({
      code: 'ENOSPC',
      exit: 1,
      message: 'the rule cannot be written: no space left on device',
    });
    expect([writes, readBinding(sys, EDU).driver, state.read(EDU)]).toEqual([[], 'uio_pci_generic', null]);
  });

  test('that fails, and whose file cannot be taken back, says both', async () => {
    const { sys, controls, run, rules } = setup();
    controls.fail('writeFile', '/sys/bus/pci/drivers/vfio-pci/bind', 'EINVAL');
    controls.fail('removeFile', file(EDU), 'EROFS');
    const { changes } = prepareSaving(sys, [EDU], 'vfio-pci');
    const error = await run(bindEdu, changes).catch((one: unknown) => one);
    expect(error).toMatchObject({ exit: 1, device: EDU });
    expect(laterFailures(error)).toMatchObject([
      { code: 'EROFS', subject: file(EDU), message: expect.stringMatching(/^the rule cannot be removed: /) },
    ]);
    expect(rules()).toHaveLength(1);
  });

  test('that cannot be given back keeps what is saved', async () => {
    const { sys, controls, run, rules } = setup();
    await run(bindEdu, prepareSaving(sys, [EDU], 'vfio-pci').changes);
    controls.fail('writeFile', `${GENERIC}/bind`, 'EINVAL');
    const { changes } = prepareForgetting(sys, [EDU]);
    await expect(run({ kind: 'restore', addresses: [EDU] }, changes)).rejects.toMatchObject({ exit: 1 });
    expect([rules().length, readBinding(sys, EDU).driver]).toEqual([1, 'vfio-pci']);
  });
});
