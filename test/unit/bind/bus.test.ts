import { changeBindings, prepareBindings } from '../../../src/bind/bind';
import { busOf, findOnBus, listOnBuses } from '../../../src/bind/bus';
import { findDriver } from '../../../src/bind/driver';
import { shellCommand } from '../../../src/bind/plan';
import { readBinding } from '../../../src/bind/read';
import { remembered } from '../../../src/bind/remember';
import { prepareSaving } from '../../../src/bind/saved/changes';
import { SysError } from '../../../src/errors';
import { MemoryState } from '../../../src/sys/state';
import { TreeSys } from '../../support/tree-sys';

const DMA = 'ff500000.dma';
const MC = 'dpni.1';
const PLATFORM = '/sys/bus/platform';

/** A machine with two buses whose devices can be reserved, one whose can not, and a driver that refuses what it gets. */
class Machine extends TreeSys {
  readonly writes: string[] = [];
  readonly #overrides = new Map<string, string>();

  constructor() {
    super({
      '/sys/bus/usb/devices/1-4/product': 'x\n',
      '/sys/bus/mdev/devices/abc/mdev_type': 'x\n',
      '/sys/bus/dfl/devices/dfl_dev.0/type': '0\n',
      '/sys/bus/pci/drivers/vfio-pci/bind': '',
    });
    this.#device('platform', DMA, 'of:NdmaT(null)Cvendor,dma');
    this.#device('fsl-mc', MC, 'fsl-mc:v1957ddpni');
    for (const driver of ['platform/drivers/dw-dma', 'platform/drivers/uio_pdrv_genirq', 'fsl-mc/drivers/vfio-fsl-mc'])
      this.add({ [`/sys/bus/${driver}/bind`]: '' });
    this.#bind('platform', DMA, 'dw-dma');
  }

  #device(bus: string, name: string, modalias: string): void {
    this.add({
      [`/sys/bus/${bus}/devices/${name}/modalias`]: `${modalias}\n`,
      [`/sys/bus/${bus}/devices/${name}/driver_override`]: () => `${this.#overrides.get(name) ?? '(null)'}\n`,
    });
  }

  #bind(bus: string, name: string, driver: string): void {
    this.add({ [`/sys/bus/${bus}/devices/${name}/driver`]: { link: `../../../bus/${bus}/drivers/${driver}` } });
  }

  override access(path: string) {
    return path.endsWith('/driver_override') && super.access(path) !== null ? 'rw' : super.access(path);
  }

  override writeFile(path: string, value: string): void {
    this.writes.push(shellCommand({ path, value }));
    const [, bus = '', what, middle = '', last] =
      /^\/sys\/bus\/([^/]+)\/(devices|drivers)\/([^/]+)\/(.*)$/.exec(path) ?? [];
    if (what === 'devices') this.#overrides.set(middle, value.trim());
    else if (last === 'unbind') this.tree.delete(`/sys/bus/${bus}/devices/${value}/driver`);
    else if (last === 'bind' && middle === 'vfio-fsl-mc') throw new SysError('write', 'EINVAL', path);
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
  const bound = changeBindings(machine, new MemoryState(), { kind: 'bind', addresses: [MC], driver: 'vfio-fsl-mc' });
  await expect(bound).rejects.toMatchObject({ message: 'vfio-fsl-mc did not take the device', device: MC });
  expect(readBinding(machine, MC)).toEqual({ driver: null, override: null });
});

test('the name of a driver is one of the bus', () => {
  const machine = new Machine();
  const platform = busOf(machine, DMA);
  expect(findDriver(machine, 'uio_pdrv_genirq', platform)).toBe('uio_pdrv_genirq');
  expect(() => findDriver(machine, 'vfio-pci', platform)).toThrow(
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
  ['abc', /^a device of the bus mdev, which has no driver_override/],
  ['dfl_dev.0', /^a device of the bus dfl, which has no driver_override/],
])('%s cannot be reserved for a driver', (name, message) => {
  expect(() => findOnBus(new Machine(), name)).toThrow(
    expect.objectContaining({ exit: 9, message: expect.stringMatching(message) }),
  );
});

test.each(['nothing', '1-4', '..', '.', '', '../devices/x', 'a b', '-x'])('%j names none', (name) => {
  expect(findOnBus(new Machine(), name)).toBeNull();
});

test('only PCI functions are saved', () => {
  expect(() => prepareSaving(new Machine(), [DMA], 'uio_pdrv_genirq')).toThrow('it is no PCI function');
});

test('the list has the devices that can be reserved', () => {
  expect(listOnBuses(new Machine())).toEqual([
    expect.objectContaining({ address: MC, bus: 'fsl-mc', driver: null, driverOverride: null }),
    {
      address: DMA,
      framework: 'platform',
      bus: 'platform',
      driver: 'dw-dma',
      driverOverride: null,
      modalias: 'of:NdmaT(null)Cvendor,dma',
      iommuGroup: null,
    },
  ]);
});
