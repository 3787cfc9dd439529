import { type BindRequest, changeBindings, prepareBindings } from '../../../src/bind/bind';
import { findDriver } from '../../../src/bind/driver';
import { withChanged, withGroups } from '../../../src/bind/group';
import { shellCommand } from '../../../src/bind/plan';
import { readBinding } from '../../../src/bind/read';
import { UdrvError } from '../../../src/errors';
import { simulatedMachine } from '../../../src/sim';
import { MemoryState } from '../../../src/sys/state';
import type { Sys } from '../../../src/sys/sys';
import { type Content, TreeSys } from '../../support/tree-sys';

/** Both of uio_pci_generic, which the simulated machine has. */
const EDU = '0000:00:04.0';
const TESTDEV = '0000:00:0a.0';
const NVME = '0000:01:00.0';
const GENERIC = '/sys/bus/pci/drivers/uio_pci_generic';
const override = (address: string) => `/sys/bus/pci/devices/${address}/driver_override`;

const unbind = (...addresses: string[]): BindRequest => ({ kind: 'unbind', addresses });
const restore = (...addresses: string[]): BindRequest => ({ kind: 'restore', addresses });
const bind = (driver: string, ...addresses: string[]): BindRequest => ({ kind: 'bind', addresses, driver });

const bound = { driver: 'uio_pci_generic', override: 'uio_pci_generic' };

function setup() {
  const { sys, controls } = simulatedMachine();
  const state = new MemoryState();
  const binding = (address: string) => readBinding(sys, address);
  return {
    sys,
    controls,
    state,
    binding,
    run: (request: BindRequest, options = {}) => changeBindings(sys, state, request, options),
  };
}

async function failure(work: Promise<unknown>): Promise<UdrvError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('unbind and restore, of two', async () => {
  const { run, binding, state } = setup();
  await run(unbind(EDU, TESTDEV));
  expect([binding(EDU), binding(TESTDEV)]).toEqual([1, 2].map(() => ({ driver: null, override: 'uio_pci_generic' })));
  await run(restore(EDU, TESTDEV));
  expect([binding(EDU), binding(TESTDEV)]).toEqual([bound, bound]);
  expect(state.read(EDU)).toBeNull();
});

test('the first of several changes is what is restored', async () => {
  const { run, binding, sys } = setup();
  sys.writeFile(override(EDU), 'first');
  await run(bind('uio-pci-generic', EDU));
  await run(unbind(EDU));
  await run(bind('uio_pci_generic', EDU));
  expect(binding(EDU)).toEqual(bound);
  await run(restore(EDU));
  expect(binding(EDU)).toEqual({ driver: 'uio_pci_generic', override: 'first' });
});

test('a device that had the driver already keeps it', async () => {
  const { run, binding } = setup();
  const writes: string[] = [];
  await run(bind('uio_pci_generic', EDU), { onWrite: (write: never) => writes.push(shellCommand(write)) });
  await run(restore(EDU), { onWrite: (write: never) => writes.push(shellCommand(write)) });
  expect(writes).toEqual([]);
  expect(binding(EDU)).toEqual(bound);
});

test('what somebody else bound since is what is restored', async () => {
  const { run, binding, sys, state } = setup();
  await run(unbind(EDU));
  sys.writeFile(`${GENERIC}/bind`, EDU);
  sys.writeFile(override(EDU), 'other');
  await run(unbind(EDU));
  expect(JSON.parse(state.read(EDU) ?? '')).toEqual({
    id: '1234:11e8',
    driver: 'uio_pci_generic',
    override: 'other',
    made: null,
    was: null,
  });
  await run(restore(EDU));
  expect(binding(EDU)).toEqual({ driver: 'uio_pci_generic', override: 'other' });
});

/** The end of a process by SIGKILL. */
class Killed extends Error {}

test('a second bind that is killed between its record and its action does not become the original', async () => {
  const { state, run, binding } = setup();
  const kill = () => {
    throw new Killed();
  };
  await run(bind('vfio-pci', NVME));
  for (let times = 0; times < 2; times++)
    await expect(run(bind('uio_pci_generic', NVME), { onWrite: kill })).rejects.toThrow(Killed);
  await run(bind('uio_pci_generic', NVME));
  await run(restore(NVME));
  expect(binding(NVME)).toEqual({ driver: 'nvme', override: null });
  expect(state.names()).toEqual([]);
});

test('a restore that is killed before its last step does not become the original', async () => {
  const { sys, state, run, binding } = setup();
  sys.writeFile(override(EDU), '\n');
  const first = binding(EDU);
  await run(bind('vfio-pci', EDU));
  const killAtLast = (write: { path: string; value: string }) => {
    if (write.path === override(EDU) && write.value === '\n') throw new Killed();
  };
  await expect(run(restore(EDU), { onWrite: killAtLast as never })).rejects.toThrow(Killed);
  expect(binding(EDU)).toEqual(bound);
  await run(bind('vfio-pci', EDU));
  await run(restore(EDU));
  expect(binding(EDU)).toEqual(first);
  expect(state.names()).toEqual([]);
});

test.each([
  ['nothing', null],
  ['another device', '{"id":"1b36:0010","driver":"nvme","override":null,"made":null}'],
  ['no JSON', 'x'],
  ['no record', '[]'],
  ['half a record', '{"id":"1234:11e8","driver":"nvme"}'],
  ['a name that leads out of sysfs', '{"id":"1234:11e8","driver":"../../x","override":null,"made":null}'],
])('with %s remembered the kernel chooses', async (_, text) => {
  const { sys, state } = setup();
  if (text !== null) state.write(EDU, text);
  const { plans, notes } = prepareBindings(sys, state, restore(EDU));
  expect(notes).toEqual([`${EDU}: no earlier binding is recorded: the kernel chooses the driver`]);
  expect(plans.flatMap(({ steps }) => steps.map(shellCommand))).toEqual([
    `echo ${EDU} > ${GENERIC}/unbind`,
    `echo > ${override(EDU)}`,
    `echo ${EDU} > /sys/bus/pci/drivers_probe`,
  ]);
});

test('with nothing remembered, and no driver that would take it, it stays as it is', async () => {
  const { run, binding } = setup();
  await run(bind('vfio-pci', EDU));
  await run(restore(EDU));
  const before = binding(EDU);
  await expect(run(restore(EDU))).rejects.toMatchObject({
    code: 'ENODRIVER',
    exit: 1,
    message: 'no loaded driver takes the device',
  });
  expect(binding(EDU)).toEqual(before);
});

test('what is forgotten may be left without a driver: the rule may have brought the only one', async () => {
  const { run, binding } = setup();
  await run(bind('vfio-pci', EDU));
  await run(restore(EDU));
  await run({ kind: 'restore', addresses: [EDU], isForgotten: true });
  expect(binding(EDU)).toEqual({ driver: null, override: null });
});

test('with nothing remembered, a driver that serves the kernel stays', () => {
  const { sys, state } = setup();
  expect(prepareBindings(sys, state, restore('0000:01:00.0'))).toEqual({
    plans: [{ address: '0000:01:00.0', from: { driver: 'nvme', override: null }, steps: [] }],
    notes: ['0000:01:00.0: no earlier binding is recorded: nvme stays'],
  });
});

describe('a step that fails is taken back, and nothing is remembered of it:', () => {
  test.each([
    ['an override', override(TESTDEV)],
    ['an unbind', `${GENERIC}/unbind`],
  ])('%s', async (_, path) => {
    const { run, binding, controls, sys, state } = setup();
    sys.writeFile(override(TESTDEV), 'other');
    controls.fail('writeFile', path, 'EIO', 1);
    const request = path.endsWith('unbind') ? unbind(TESTDEV, EDU) : bind('uio_pci_generic', EDU, TESTDEV);
    const error = await failure(run(request));
    expect({ exit: error.exit, code: error.code, subject: error.subject }).toEqual({
      exit: 1,
      code: 'EIO',
      subject: TESTDEV,
    });
    expect(error.hint).toContain('dmesg');
    expect(binding(EDU)).toEqual(bound);
    expect(binding(TESTDEV)).toEqual({ driver: 'uio_pci_generic', override: 'other' });
    expect([state.read(EDU), state.read(TESTDEV)]).toEqual([null, null]);
  });

  test('a bind, after the first device was done', async () => {
    const { run, binding, controls } = setup();
    await run(unbind(EDU, TESTDEV));
    controls.fail('writeFile', `${GENERIC}/bind`, 'EINVAL');
    const error = await failure(run(restore(EDU, TESTDEV)));
    expect(error.message).toBe('uio_pci_generic did not take the device');
    controls.clearFaults();
    expect(binding(EDU).driver).toBeNull();
    await run(restore(EDU, TESTDEV));
    expect([binding(EDU), binding(TESTDEV)]).toEqual([bound, bound]);
  });

  test('a bind that succeeds and comes to nothing', async () => {
    const { sys, state, binding } = setup();
    const deaf = new Proxy(sys, {
      get: (target, name: keyof Sys) =>
        name === 'writeFile'
          ? (path: string, data: string) => path !== '/sys/bus/pci/drivers/nvme/bind' && target.writeFile(path, data)
          : typeof target[name] === 'function'
            ? (target[name] as () => unknown).bind(target)
            : target[name],
    });
    const error = await failure(changeBindings(deaf, state, bind('nvme', EDU)));
    expect({ exit: error.exit, code: error.code, message: error.message }).toEqual({
      exit: 1,
      code: 'ENODRIVER',
      message: 'nvme did not take the device',
    });
    expect(binding(EDU)).toEqual(bound);
  });

  test('what cannot be taken back is said, and stays remembered', async () => {
    const { run, binding, controls, state } = setup();
    // unbind succeeds, the override fails, and then the way back is barred.
    controls.fail('writeFile', override(EDU), 'EIO');
    controls.fail('writeFile', `${GENERIC}/bind`, 'EIO');
    const error = await failure(run(bind('nvme', EDU)));
    expect(error.message).toMatch(
      /, and the binding could not be restored: 0000:00:04\.0 has no driver .* instead of the driver uio_pci_generic/,
    );
    controls.clearFaults();
    expect(state.read(EDU)).not.toBeNull();
    await run(restore(EDU));
    expect(binding(EDU)).toEqual(bound);
  });
});

describe('an interruption', () => {
  test.each([0, 1, 2])('before write %i leaves all as it was', async (count) => {
    const { sys, state, binding } = setup();
    sys.writeFile(override(TESTDEV), 'other');
    const controller = new AbortController();
    let writes = 0;
    if (count === 0) controller.abort();
    const onWrite = () => {
      if (++writes === count) controller.abort();
    };
    expect(await changeBindings(sys, state, unbind(EDU, TESTDEV), { signal: controller.signal, onWrite })).toBeNull();
    expect(binding(EDU)).toEqual(bound);
    expect(binding(TESTDEV)).toEqual({ driver: 'uio_pci_generic', override: 'other' });
    expect(state.read(EDU)).toBeNull();
  });
});

test('groups: every function but the bridges, once', () => {
  const { sys, state } = setup();
  const members = ['0000:02:01.0', '0000:02:02.0'];
  expect(withGroups(sys, ['0000:02:02.0', '0000:00:09.0'])).toEqual(members);
  expect(withGroups(sys, ['0000:00:09.0', EDU])).toEqual([EDU, ...members]);
  expect(withChanged(sys, state, ['0000:02:02.0'])).toEqual(['0000:02:02.0']);
  state.write('0000:02:01.0', '{"id":"1234:11e8","driver":null,"override":null,"made":"x"}');
  expect(withChanged(sys, state, ['0000:02:02.0'])).toEqual(['0000:02:02.0', '0000:02:01.0']);
  expect(() => withGroups(new TreeSys(), [EDU])).toThrow('not in an IOMMU group');
});

test('a group that stays without use is named, with what mends it', () => {
  const { sys, state } = setup();
  const notes = (request: BindRequest) => prepareBindings(sys, state, request).notes;
  expect(notes(bind('vfio-pci', '0000:02:01.0'))).toEqual([
    'group 7 is not viable yet: blocked by 0000:02:02.0 (virtio-pci); udrv bind 0000:02:01.0 vfio-pci --group',
  ]);
  expect(notes(bind('vfio-pci', '0000:02:01.0', '0000:02:02.0'))).toEqual([]);
  expect(notes(unbind('0000:02:02.0'))).toEqual([]);
  expect(notes(bind('uio_pci_generic', '0000:02:01.0'))).toEqual([]);
});

describe('advice for a group that is not viable', () => {
  const OTHER = '0000:31:00.0';
  const VF = '0000:31:01.1';
  const dir = (address: string) => `/sys/bus/pci/devices/${address}`;
  const group = '/sys/kernel/iommu_groups/63';
  const machine = (entries: Record<string, Content>) =>
    new TreeSys({
      '/proc/swaps': '',
      '/proc/self/mountinfo': '21 1 0:18 / / rw - tmpfs none rw\n',
      '/sys/bus/pci/drivers/vfio-pci/bind': '',
      [`${dir(VF)}/vendor`]: '0x8086\n',
      [`${dir(VF)}/class`]: '0x020000\n',
      [`${dir(VF)}/driver`]: { link: 'x/vfio-pci' },
      [`${dir(VF)}/iommu_group`]: { link: 'x/63' },
      [`${group}/devices/${VF}`]: { link: `x/${VF}` },
      ...entries,
    });
  const other = (entries: Record<string, Content>) =>
    machine({
      [`${dir(OTHER)}/class`]: '0x020000\n',
      [`${dir(OTHER)}/driver`]: { link: 'x/ice' },
      [`${dir(OTHER)}/iommu_group`]: { link: 'x/63' },
      [`${group}/devices/${OTHER}`]: { link: `x/${OTHER}` },
      ...entries,
    });
  const notes = (sys: Sys) => prepareBindings(sys, new MemoryState(), bind('vfio-pci', VF)).notes;

  test('is --group only where that is not refused', () => {
    const blocked = `group 63 is not viable yet: blocked by ${OTHER} (ice); `;
    expect(notes(other({}))).toEqual([`${blocked}udrv bind ${VF} vfio-pci --group`]);
    expect(notes(other({ [`${dir(OTHER)}/sriov_numvfs`]: '2\n' }))).toEqual([
      `${blocked}bind --group would be refused: ${OTHER}: it has 2 virtual functions, which would be removed with it`,
    ]);
    expect(notes(other({ [`${dir(OTHER)}/class`]: '0x060100\n' }))).toEqual([
      `${blocked}bind --group would be refused: ${OTHER}: it is a bridge`,
    ]);
  });

  test('is the unbind of its bus for a member that is no PCI function', () => {
    const home = `${group}/devices/fe200000.ethernet`;
    const platform = {
      [`${home}/driver`]: { link: '../../../bus/platform/drivers/macb' },
      [`${home}/subsystem`]: { link: '../../../bus/platform' },
    };
    expect(notes(machine(platform))).toEqual([
      'group 63 is not viable yet: blocked by fe200000.ethernet (macb); echo fe200000.ethernet | sudo tee /sys/bus/platform/drivers/macb/unbind',
    ]);
  });

  test('is neither umount nor --force for the root file system', () => {
    const disk = `${dir(OTHER)}/block/sda`;
    const sys = other({
      '/sys/class/block/sda': { link: `../../devices/pci0000:31/${OTHER}/block/sda` },
      [`/sys/devices/pci0000:31/${OTHER}/block/sda/dev`]: '8:0\n',
      [`${disk}/dev`]: '8:0\n',
      '/proc/self/mountinfo': '21 1 8:0 / / rw - ext4 /dev/sda rw\n',
    });
    expect(notes(sys)[0]).toMatch(/; bind --group would be refused: 0000:31:00\.0: sda is mounted on \/$/);
    expect(() => prepareBindings(sys, new MemoryState(), unbind(OTHER))).toThrow(
      expect.objectContaining({
        code: 'EINUSE',
        hint: 'the root file system is on it, which cannot be given away while the system runs from it',
      }),
    );
  });
});

test('the display of the console is given away with a remark', () => {
  const dir = `/sys/bus/pci/devices/${EDU}`;
  const entries = {
    [`${dir}/boot_vga`]: '1\n',
    [`${dir}/driver`]: { link: 'x/amdgpu' },
    [`${dir}/vendor`]: '0x1002\n',
  };
  const notes = (machine: Sys) => prepareBindings(machine, new MemoryState(), unbind(EDU)).notes;
  expect(notes(new TreeSys({ ...entries, '/proc/swaps': '' }))).toEqual([
    `${EDU}: it is the boot display: the console may go dark`,
  ]);
});

describe('names of drivers', () => {
  const { sys } = simulatedMachine();
  test.each([
    ['vfio-pci', 'vfio-pci'],
    ['vfio_pci', 'vfio-pci'],
    ['uio-pci-generic', 'uio_pci_generic'],
  ])('%s is %s', (given, name) => {
    expect(findDriver(sys, given)).toBe(name);
  });

  test.each([
    ['vfiopci', 'perhaps vfio-pci is meant'],
    ['vfio-pcy', 'perhaps vfio-pci is meant'],
    ['VFIO_PIC', 'perhaps vfio-pci is meant'],
    ['nvm', 'perhaps nvme is meant'],
    ['vfio', 'perhaps vfio-pci is meant'],
    ['uio', 'perhaps uio_pci_generic is meant'],
    ['igb_uio', 'load it: sudo modprobe igb_uio'],
  ])('%s is none: %s', async (given, hint) => {
    expect((await failure(Promise.resolve().then(() => findDriver(sys, given)))).hint).toBe(hint);
  });

  test('the one that is named, where it is not loaded', async () => {
    const tree = new TreeSys({ '/sys/bus/pci/drivers/nvme/bind': '' });
    expect((await failure(Promise.resolve().then(() => findDriver(tree, 'vfio-pci')))).hint).toBe(
      'load it: sudo modprobe vfio-pci',
    );
  });

  test.each([
    ['0000:00:03.0', 2],
    ['00:03.0', 2],
    ['..', 2],
    ['a/b', 2],
    ['a\nb', 2],
    ['', 2],
    ['vfio', 9],
  ])('%j is exit %i', async (given, exit) => {
    expect((await failure(Promise.resolve().then(() => findDriver(sys, given)))).exit).toBe(exit);
  });
});

describe('vfio-pci, for a function in no IOMMU group', () => {
  const dir = '/sys/devices/pci0000:00/0000:00:04.0';
  const machine = (noiommu: string, more: Record<string, Content> = {}) => {
    const sys = new TreeSys({
      [`${dir}/vendor`]: '0x1234\n',
      [`${dir}/device`]: '0x11e8\n',
      [`${dir}/class`]: '0x020000\n',
      [`/sys/bus/pci/devices/${EDU}`]: { link: `../../../..${dir}` },
      '/sys/bus/pci/drivers/vfio-pci/bind': '',
      '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': noiommu,
      ...more,
    });
    jest.spyOn(sys, 'access').mockReturnValue('rw');
    const writes = jest.spyOn(sys, 'writeFile').mockReturnValue();
    return { sys, writes };
  };

  test('is refused before anything is written, with --dry-run too', async () => {
    const { sys, writes } = machine('N\n');
    const refused = { exit: 9, message: 'belongs to no IOMMU group: the firmware describes no IOMMU' };
    expect(await failure(changeBindings(sys, new MemoryState(), bind('vfio-pci', EDU)))).toMatchObject(refused);
    expect(() => prepareBindings(sys, new MemoryState(), bind('vfio-pci', EDU))).toThrow(
      expect.objectContaining(refused),
    );
    expect(writes).not.toHaveBeenCalled();
  });

  // A device tree's IOMMU, before Linux 6.15: the group is made when a driver probes the function.
  test('is tried where there is an IOMMU, and put back where it comes into no group', async () => {
    const { sys, writes } = machine('N\n', { '/sys/class/iommu/smmu3.0x0000000009050000/devices/x': '' });
    const steps = [`echo vfio-pci > ${override(EDU)}`, `echo ${EDU} > /sys/bus/pci/drivers/vfio-pci/bind`];
    const { plans } = prepareBindings(sys, new MemoryState(), bind('vfio-pci', ...withGroups(sys, [EDU])));
    expect(plans.flatMap(({ steps }) => steps.map(shellCommand))).toEqual(steps);
    expect(await failure(changeBindings(sys, new MemoryState(), bind('vfio-pci', EDU)))).toMatchObject({
      exit: 9,
      message:
        'vfio-pci did not take the device: it belongs to no IOMMU group: the IOMMU of this machine does not cover it',
    });
    expect(writes.mock.lastCall).toEqual([override(EDU), '\n']);
  });

  test('is tried where VFIO does without', () => {
    const { sys } = machine('Y\n');
    const { plans } = prepareBindings(sys, new MemoryState(), bind('vfio-pci', EDU));
    expect(plans.flatMap(({ steps }) => steps.map(shellCommand))).toEqual([
      `echo vfio-pci > ${override(EDU)}`,
      `echo ${EDU} > /sys/bus/pci/drivers/vfio-pci/bind`,
    ]);
  });
});

test.each([
  ['EACCES', 4, /sudo/],
  ['EROFS', 4, /host/],
  ['ENOENT', 8, undefined],
])('who may not change it (%s) hears that before anything is kept', async (code, exit, hint) => {
  const { sys, controls, state, run, binding } = setup();
  jest.spyOn(sys, 'access').mockReturnValue('r');
  controls.fail('writeFile', override(EDU), code);
  const error = await failure(run(unbind(EDU)));
  expect({ exit: error.exit, code: error.code }).toEqual({ exit, code });
  if (hint === undefined) expect(error.hint).toBeUndefined();
  else expect(error.hint).toMatch(hint);
  expect(state.read(EDU)).toBeNull();
  expect(binding(EDU)).toEqual(bound);
});
