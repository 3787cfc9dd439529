import { changeBindings, prepareBindings } from '../../../src/bind/bind';
import { busOf, findOnBus, listOnBuses } from '../../../src/bind/bus';
import { findDriver } from '../../../src/bind/driver';
import { shellCommand } from '../../../src/bind/plan';
import { readBinding } from '../../../src/bind/read';
import { remembered } from '../../../src/bind/remember';
import { prepareForgetting, prepareSaving } from '../../../src/bind/saved/changes';
import { listSaved } from '../../../src/bind/saved/list';
import { formatRule, parseRule, ruleTarget } from '../../../src/bind/saved/rule';
import { SysError, UdrvError } from '../../../src/errors';
import { MemoryState } from '../../../src/sys/state';
import { TreeSys } from '../../support/tree-sys';

const DMA = 'ff500000.dma';
const MC = 'dpni.1';
const KMSG = 77;
const DMA_DIR = `/sys/devices/platform/${DMA}`;
const PLATFORM = '/sys/bus/platform';

const dirOf = (name: string) => (name === DMA ? DMA_DIR : `/sys/devices/dprc.1/dprc.2/${name}`);

/** A machine with two buses whose devices can be reserved, one whose can not, and a driver that refuses what it gets. */
class Machine extends TreeSys {
  readonly writes: string[] = [];
  readonly #overrides = new Map<string, string>();
  #log: string[] = [];

  /** The group of the DMA controller. */
  group: 'with vfio-platform' | 'never' | 'refused' = 'never';
  refuses: string | null = null;
  /** A message of the driver in the kernel's log, behind which the driver core adds its own. */
  message: string | null = null;

  constructor({ iommu = true } = {}) {
    super({
      ...(iommu && { '/sys/class/iommu/smmu3.0x09050000/devices/x': '' }),
      '/sys/bus/usb/devices/1-4/product': 'x\n',
      '/sys/bus/mdev/devices/abc/mdev_type': 'x\n',
      '/sys/bus/dfl/devices/dfl_dev.0/type': '0\n',
      '/sys/bus/pci/drivers/vfio-pci/bind': '',
    });
    this.#device('platform', DMA, 'of:NdmaT(null)Cvendor,dma');
    this.#device('fsl-mc', MC, 'fsl-mc:v1957ddpni');
    const drivers = ['dw-dma', 'uio_pdrv_genirq', 'uio_dmem_genirq', 'vfio-platform'].map(
      (name) => `platform/drivers/${name}`,
    );
    for (const driver of [...drivers, 'fsl-mc/drivers/vfio-fsl-mc'])
      this.add({ [`/sys/bus/${driver}/bind`]: '', [`/sys/bus/${driver}/unbind`]: '' });
    this.#bind('platform', DMA, 'dw-dma');
  }

  #device(bus: string, name: string, modalias: string): void {
    const dir = dirOf(name);
    this.add({
      [`/sys/bus/${bus}/devices/${name}`]: { link: `../../../..${dir}` },
      [`${dir}/modalias`]: `${modalias}\n`,
      [`${dir}/driver_override`]: () => `${this.#overrides.get(name) ?? '(null)'}\n`,
    });
  }

  #bind(bus: string, name: string, driver: string): void {
    this.add({ [`${dirOf(name)}/driver`]: { link: `../../../bus/${bus}/drivers/${driver}` } });
    if (driver === 'vfio-platform' && this.group === 'with vfio-platform')
      this.add({ [`${DMA_DIR}/iommu_group`]: { link: '../../../kernel/iommu_groups/3' } });
  }

  override access(path: string) {
    return path.endsWith('/driver_override') && super.access(path) !== null ? 'rw' : super.access(path);
  }

  override open(path: string): number {
    if (path === '/dev/kmsg') {
      const { message } = this;
      const [about] = message?.split(': ') ?? [];
      this.#log = message === null ? [] : [message, `${about}: probe with driver x failed with error -22`];
      return KMSG;
    }
    throw new SysError('open', 'ENOENT', path);
  }

  override read(_fd: number, buffer: Buffer): number {
    const next = this.#log.shift();
    if (next === undefined) throw new SysError('read', 'EAGAIN', '/dev/kmsg');
    return buffer.write(`6,1,${process.hrtime.bigint() / 1000n},-;${next}\n`);
  }

  override close(): void {}

  override writeFile(path: string, value: string): void {
    this.writes.push(shellCommand({ path, value }));
    const [, bus = '', what, middle = '', last] =
      /^\/sys\/bus\/([^/]+)\/(devices|drivers)\/([^/]+)\/(.*)$/.exec(path) ?? [];
    if (what === 'devices') this.#overrides.set(middle, value.trim());
    else if (last === 'unbind') this.tree.delete(`${dirOf(value)}/driver`);
    else if (last === 'bind' && middle === 'vfio-fsl-mc') throw new SysError('write', 'EINVAL', path);
    else if (last === 'bind' && (middle === this.refuses || (middle === 'vfio-platform' && this.group === 'refused')))
      throw new SysError('write', 'ENODEV', path);
    else if (last === 'bind') this.#bind(bus, value, middle);
    else if (path === `${PLATFORM}/drivers_probe`) this.#bind('platform', value, 'dw-dma');
    if (value.trim() === '') this.#overrides.delete(middle);
  }
}

test('a platform device goes to UIO and back, by the writes of its bus', async () => {
  const machine = new Machine();
  const state = new MemoryState();
  await changeBindings(machine, state, { kind: 'bind', addresses: [DMA], driver: 'uio-pdrv-genirq' });
  expect(machine.writes).toEqual([
    `echo ${DMA} > ${PLATFORM}/drivers/dw-dma/unbind`,
    `echo uio_pdrv_genirq > ${PLATFORM}/devices/${DMA}/driver_override`,
    `echo ${DMA} > ${PLATFORM}/drivers/uio_pdrv_genirq/bind`,
  ]);
  expect(readBinding(machine, DMA)).toEqual({ driver: 'uio_pdrv_genirq', override: 'uio_pdrv_genirq' });
  expect(remembered(machine, state)).toEqual([DMA]);
  await changeBindings(machine, state, { kind: 'restore', addresses: [DMA] });
  expect(readBinding(machine, DMA)).toEqual({ driver: 'dw-dma', override: null });
  expect(remembered(machine, state)).toEqual([]);
});

test('unbind leaves it without, and restore knows its driver', async () => {
  const machine = new Machine();
  const state = new MemoryState();
  await changeBindings(machine, state, { kind: 'unbind', addresses: [DMA] });
  expect(readBinding(machine, DMA).driver).toBeNull();
  await changeBindings(machine, state, { kind: 'restore', addresses: [DMA] });
  expect(readBinding(machine, DMA).driver).toBe('dw-dma');
});

test('without a record the kernel chooses, on the bus of the device', () => {
  const machine = new Machine();
  machine.writeFile(`${PLATFORM}/drivers/dw-dma/unbind`, DMA);
  const { plans } = prepareBindings(machine, new MemoryState(), { kind: 'restore', addresses: [DMA] });
  expect(plans[0]?.steps.map(shellCommand)).toEqual([`echo ${DMA} > ${PLATFORM}/drivers_probe`]);
});

test('a driver that refuses the device is told, and all is as before', async () => {
  const machine = new Machine();
  machine.add({ [`${dirOf(MC)}/iommu_group`]: { link: '../../../../kernel/iommu_groups/7' } });
  const bound = changeBindings(machine, new MemoryState(), { kind: 'bind', addresses: [MC], driver: 'vfio-fsl-mc' });
  await expect(bound).rejects.toMatchObject({
    message: 'vfio-fsl-mc did not take the device: it is an object in a container',
    hint: 'VFIO takes a container with all that is in it: udrv bind dprc.2 vfio-fsl-mc',
    device: MC,
    exit: 1,
  });
  expect(readBinding(machine, MC)).toEqual({ driver: null, override: null });
});

describe('VFIO', () => {
  const bind = (machine: Machine, driver = 'vfio-platform') =>
    changeBindings(machine, new MemoryState(), { kind: 'bind', addresses: [DMA], driver });

  test('a device without a group on a machine without IOMMU keeps its driver', async () => {
    const machine = new Machine({ iommu: false });
    await expect(bind(machine)).rejects.toMatchObject({
      message: expect.stringMatching(/^belongs to no IOMMU group: /),
      exit: 9,
    });
    expect(machine.writes).toEqual([]);
  });

  test('with an IOMMU it is tried: the group may come with the driver', async () => {
    const machine = new Machine();
    machine.group = 'with vfio-platform';
    await bind(machine);
    expect(readBinding(machine, DMA).driver).toBe('vfio-platform');
  });

  test('a group that does not come: all is put back', async () => {
    const machine = new Machine();
    machine.group = 'never';
    await expect(bind(machine)).rejects.toMatchObject({
      message:
        'vfio-platform did not take the device: it belongs to no IOMMU group: the IOMMU of this machine does not cover it',
      exit: 9,
    });
    expect(readBinding(machine, DMA)).toEqual({ driver: 'dw-dma', override: null });
    expect(machine.writes).toContain(`echo ${DMA} > ${PLATFORM}/drivers/vfio-platform/bind`);
  });

  const REQUIRED = { '/sys/module/vfio_platform/parameters/reset_required': 'Y\n' };
  const LOAD = / risk that .*: sudo modprobe -r vfio-platform && sudo modprobe vfio-platform reset_required=0$/;
  test.each<[string, (machine: Machine) => void, RegExp]>([
    ['its parameter', (machine) => machine.add({ ...REQUIRED, '/sys/module/vfio_platform/initstate': 'live\n' }), LOAD],
    [
      'its parameter, where no module can be unloaded',
      (machine) => machine.add(REQUIRED),
      / risk that .*: boot with vfio_platform\.reset_required=0$/,
    ],
    [
      'its message',
      (machine) => {
        machine.message = `vfio-platform ${DMA}: No reset function found for device ${DMA}`;
      },
      LOAD,
    ],
  ])('the reset function that is missing, by %s', async (_, prepare, hint) => {
    const machine = new Machine();
    machine.group = 'refused';
    machine.add({ [`${DMA_DIR}/iommu_group`]: { link: '../../../kernel/iommu_groups/3' } });
    prepare(machine);
    await expect(bind(machine)).rejects.toMatchObject({
      message: 'vfio-platform did not take the device: it has no reset function',
      hint: expect.stringMatching(hint),
      exit: 1,
    });
    expect(readBinding(machine, DMA).driver).toBe('dw-dma');
  });
});

describe('UIO', () => {
  const prepare = (more: Record<string, string | { link: string }>, driver: string, force = false) =>
    prepareBindings(new Machine().add(more), new MemoryState(), { kind: 'bind', addresses: [DMA], driver }, force);
  const node = (...properties: string[]) => ({
    [`${DMA_DIR}/of_node`]: { link: '../../../firmware/devicetree/base/dma' },
    ...Object.fromEntries(properties.map((name) => [`/sys/firmware/devicetree/base/dma/${name}`, 'x'])),
  });

  test.each([
    [['compatible', 'reg', 'interrupts'], []],
    [['compatible', 'reg', 'interrupts-extended'], []],
    [['compatible', 'reg'], [`${DMA}: no interrupt in the device tree: its node answers EIO to a wait for one`]],
    [
      ['compatible', 'interrupts', 'reg-names'],
      [`${DMA}: no registers (reg) in the device tree: there is nothing to map`],
    ],
    [[], []],
  ])('a node with %j', (properties, notes) => {
    expect(prepare(node(...properties), 'uio_pdrv_genirq').notes).toEqual(notes);
  });

  test.each<[string, (machine: Machine) => void, string]>([
    ['that no firmware describes', () => {}, 'the firmware describes it nowhere'],
    [
      'of ACPI, on an older kernel',
      (machine) => {
        machine.add({ [`${DMA_DIR}/firmware_node`]: { link: '../../LNXSYSTM:00/LNXSYBUS:00/PNP0103:00' } });
        machine.message = `uio_pdrv_genirq ${DMA}: missing platform_data`;
      },
      'this kernel wants a node of a device tree',
    ],
  ])('a device %s: refused by the driver, and told', async (_, prepare, because) => {
    const machine = new Machine();
    prepare(machine);
    machine.refuses = 'uio_pdrv_genirq';
    const state = new MemoryState();
    await expect(
      changeBindings(machine, state, { kind: 'bind', addresses: [DMA], driver: 'uio_pdrv_genirq' }),
    ).rejects.toMatchObject({
      message: `uio_pdrv_genirq did not take the device: ${because}`,
      exit: 9,
    });
    expect(readBinding(machine, DMA)).toEqual({ driver: 'dw-dma', override: null });
    expect(remembered(machine, state)).toEqual([]);
  });

  test('a driver that would crash the kernel', () => {
    const { message, hint } = caught(() => prepare(node('compatible'), 'uio_dmem_genirq'));
    expect({ message, hint }).toEqual({
      message: 'refused: uio_dmem_genirq wants platform data, and the kernel crashes on a device of a device tree',
      hint: `udrv bind ${DMA} uio_pdrv_genirq`,
    });
    expect(prepare(node('compatible'), 'uio_dmem_genirq', true).plans).toHaveLength(1);
    expect(prepare({}, 'uio_dmem_genirq').plans).toHaveLength(1);
  });

  test('a driver that does not let its devices go, one that takes none by hand', () => {
    const fixed = (driver: string) => ({ [`${PLATFORM}/drivers/${driver}/uevent`]: '' });
    const machine = new Machine().add(fixed('dw-dma'));
    machine.tree.delete(`${PLATFORM}/drivers/dw-dma/unbind`);
    const unbind = () => prepareBindings(machine, new MemoryState(), { kind: 'unbind', addresses: [DMA] });
    expect(unbind).toThrow(
      expect.objectContaining({ message: 'its driver, dw-dma, does not let it go', exit: 9, device: DMA }),
    );
    expect(() => prepare(fixed('gpio-clock'), 'gpio-clock')).toThrow('gpio-clock takes no device by hand');
  });
});

function caught(body: () => unknown): UdrvError {
  try {
    body();
  } catch (error) {
    if (error instanceof UdrvError) return error;
  }
  throw new Error('no UdrvError');
}

test('the name of a driver is one of the bus', () => {
  const machine = new Machine();
  const platform = busOf(machine, DMA);
  machine.tree.delete(`${PLATFORM}/drivers/vfio-platform`);
  expect(findDriver(machine, 'uio_pdrv_genirq', platform)).toBe('uio_pdrv_genirq');
  expect(() => findDriver(machine, 'vfio_pci', platform)).toThrow(
    expect.objectContaining({
      subject: 'vfio-pci',
      message: 'is a driver of PCI functions, and this is a platform device',
      hint: 'a platform device can have uio_pdrv_genirq or vfio-platform; udrv list --type pci shows the functions for it',
    }),
  );
  expect(() => findDriver(machine, 'gpio-leds', platform)).toThrow(
    'no driver of the bus platform of this name is loaded',
  );
  expect(() => findDriver(machine, 'vfio-platfrom', platform)).toThrow(
    expect.objectContaining({ exit: 9, hint: 'perhaps vfio-platform is meant; load it: sudo modprobe vfio-platform' }),
  );
  expect(() => findDriver(machine, 'uio_pdrv_genirq')).toThrow(
    'is a driver of platform devices, and this is a PCI function',
  );
});

test.each([
  ['abc', {}, 'kernels before 5.16 give all of them to vfio_mdev: sudo modprobe vfio_mdev'],
  [
    'abc',
    { '/sys/bus/mdev/devices/abc/driver': { link: 'x/i915_mdev' } },
    'it belongs to VFIO since it was made (driver: i915_mdev); to end that: echo 1 | sudo tee /sys/bus/mdev/devices/abc/remove',
  ],
  ['dfl_dev.0', {}, 'uio_dfl takes it if it knows its feature_id: sudo modprobe uio_dfl'],
  [
    'dfl_dev.0',
    {
      '/sys/bus/dfl/devices/dfl_dev.0/driver': { link: 'x/dfl-emif' },
      '/sys/bus/dfl/drivers/uio_dfl/bind': '',
    },
    'uio_dfl takes it if it knows its feature_id: echo dfl_dev.0 | sudo tee /sys/bus/dfl/drivers/dfl-emif/unbind && echo dfl_dev.0 | sudo tee /sys/bus/dfl/drivers/uio_dfl/bind',
  ],
  [
    'dfl_dev.0',
    { '/sys/bus/dfl/devices/dfl_dev.0/driver': { link: 'x/uio_dfl' } },
    'uio_dfl has it: udrv list --type uio',
  ],
])('%s, which no override reserves', (name, more, hint) => {
  const bus = name === 'abc' ? 'mdev' : 'dfl';
  expect(() => findOnBus(new Machine().add(more), name)).toThrow(
    expect.objectContaining({
      exit: 9,
      message: `the bus ${bus} does not let a driver be chosen: it has no driver_override`,
      hint,
    }),
  );
});

test.each(['nothing', '1-4', '..', '.', '', '../devices/x', 'a b', '-x'])('%j names none', (name) => {
  expect(findOnBus(new Machine(), name)).toBeNull();
});

test('a display that goes dark is said, a console is refused', () => {
  const unbind = (more: Record<string, string | { link: string }>) =>
    prepareBindings(new Machine().add(more), new MemoryState(), { kind: 'unbind', addresses: [DMA] });
  expect(unbind({ '/sys/class/graphics/fb0': { link: `../../devices/platform/${DMA}/graphics/fb0` } }).notes).toEqual([
    `${DMA}: it has a display: the console may go dark`,
  ]);
  expect(() =>
    unbind({
      '/sys/class/tty/ttyS0': { link: `../../devices/platform/${DMA}/tty/ttyS0` },
      '/sys/class/tty/console/active': 'ttyS0\n',
    }),
  ).toThrow('refused: ttyS0 is a console of the kernel');
});

describe('a binding that lasts', () => {
  const path = `/etc/udev/rules.d/71-udrv-bind-platform-${DMA}.rules`;
  const rules = { '/etc/udev/rules.d/README': '' };
  const rule = { bus: 'platform', address: DMA, id: null, driver: 'uio_pdrv_genirq', module: 'uio_pdrv_genirq' };
  const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('ACTION'));

  test('is a rule that names the device', () => {
    const module = { [`${PLATFORM}/drivers/dw-dma/module`]: { link: '../../../../module/dw_dmac' } };
    const loaded = { ...module, '/sys/module/dw_dmac/initstate': 'live\n' };
    const machine = new Machine().add({ ...rules, ...loaded });
    const { changes, notes } = prepareSaving(machine, [DMA], 'uio_pdrv_genirq');
    expect(notes).toEqual([`${DMA}: bound to uio_pdrv_genirq at each boot: ${path}`]);
    expect(changes).toEqual([{ path, before: null, after: formatRule(rule) }]);
    expect(lines(formatRule(rule))).toEqual([
      `ACTION=="add", SUBSYSTEM=="platform", KERNEL=="${DMA}", ATTR{driver_override}="uio_pdrv_genirq", RUN{builtin}+="kmod load uio_pdrv_genirq"`,
      `ACTION=="add", SUBSYSTEM=="platform", KERNEL=="${DMA}", ATTR{[subsystem/platform]drivers_probe}="$kernel"`,
    ]);
  });

  test('of a device that a built-in driver has needs more than a rule', () => {
    const { notes } = prepareSaving(new Machine().add(rules), [DMA], 'uio_pdrv_genirq');
    expect(notes[1]).toMatch(/dw-dma may be built into the kernel, .* sudo udrv bind ff500000.dma uio_pdrv_genirq has/);
  });

  test.each(['platform', 'fsl-mc', 'amba'])('on the bus %s is read back as it was', (bus) => {
    const saved = { ...rule, bus };
    expect(parseRule(formatRule(saved))).toEqual(saved);
    expect(ruleTarget(`71-udrv-bind-${bus}-${DMA}.rules`)).toEqual({ bus, address: DMA, id: null });
  });

  test.each(['a"b', 'a$b', 'a b', 'a/b', '', '..', '0000:01:00.0', '1b36:0010'])('is not made for %j', (address) => {
    expect(() => formatRule({ ...rule, address })).toThrow(RangeError);
  });

  test('is listed, kept apart from others, and forgotten', () => {
    const driverctl = { [`/etc/driverctl.d/platform-${DMA}`]: 'vfio-platform\n' };
    const machine = new Machine().add({ ...rules, [path]: formatRule(rule) });
    expect(listSaved(machine).saved).toEqual([
      { bus: 'platform', address: DMA, id: null, driver: 'uio_pdrv_genirq', writer: 'udrv', path },
    ]);
    expect(prepareForgetting(machine, [DMA]).changes).toEqual([{ path, before: formatRule(rule), after: null }]);
    const taken = new Machine().add({ ...rules, ...driverctl });
    expect(caught(() => prepareSaving(taken, [DMA], 'uio_pdrv_genirq'))).toMatchObject({
      code: 'EEXIST',
      hint: `to end that: sudo driverctl -b platform unset-override ${DMA}`,
    });
    expect(() => prepareForgetting(taken, [DMA])).toThrow('driverctl binds ff500000.dma to vfio-platform');
  });

  test('is by name alone, and not for every name', () => {
    const machine = new Machine().add(rules);
    expect(() => prepareSaving(machine, [DMA], 'uio_pdrv_genirq', { byId: true })).toThrow(
      'only PCI functions have the ids that --by-id goes by',
    );
  });
});

test('the list has the devices that can be reserved', () => {
  const common = { framework: 'platform', vendorId: null, deviceId: null, node: null, access: null, errors: [] };
  expect(listOnBuses(new Machine())).toEqual([
    {
      ...common,
      address: MC,
      name: MC,
      driver: null,
      platform: { bus: 'fsl-mc', driverOverride: null, modalias: 'fsl-mc:v1957ddpni', iommuGroup: null },
    },
    {
      ...common,
      address: DMA,
      name: 'dma',
      driver: 'dw-dma',
      platform: { bus: 'platform', driverOverride: null, modalias: 'of:NdmaT(null)Cvendor,dma', iommuGroup: null },
    },
  ]);
});
