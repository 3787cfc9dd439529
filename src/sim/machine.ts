import { posix } from 'node:path';
import { E1000e } from './devices/e1000e';
import { Edu } from './devices/edu';
import { Nvme } from './devices/nvme';
import { PciTestDevice } from './devices/pci-testdev';
import { TimecodeCard } from './devices/timecode-card';
import { TimerBlock, timerDevice } from './devices/timer-block';
import { usbFunction } from './devices/usb-functions';
import type { PlatformDevice } from './hardware/platform-device';
import { SimIommu } from './iommu/iommu';
import { IommufdFile } from './iommufd/iommufd-file';
import { Bus } from './kernel/bus';
import type { Kernel } from './kernel/kernel';
import { KERN_NOTICE } from './kernel/kernel-log';
import { installInterrupts, installProcesses } from './kernel/procfs';
import { pciBus } from './pci/bus';
import type { PciFunction } from './pci/function';
import { nvmeDriver } from './pci/nvme-driver';
import { virtioPci } from './pci/virtio-driver';
import type { Saved, StateReader } from './state/saved';
import { uioAec } from './uio/aec-driver';
import { UioCore } from './uio/core';
import { uioPciGeneric } from './uio/pci-generic-driver';
import { uioPdrvGenirq } from './uio/pdrv-genirq-driver';
import { UsbBus } from './usb/bus';
import type { SimUsbDevice } from './usb/device';
import { UsbfsFile } from './usb/usbfs-file';
import { xhciHcd } from './usb/xhci-driver';
import { VfioCore } from './vfio/core';
import { StillInUse } from './vfio/device';
import { vfioPci } from './vfio/pci/driver';

/** The addresses of QEMU's edu devices, the same as in the lab. */
const EDUS = ['0000:00:03.0', '0000:00:04.0', '0000:02:01.0'];

/** The number of the timer's line, which sysfs does not tell. */
const TIMER_IRQ = 5;

/** Vendor and device of Intel's 82574L. */
const I82574L = 0x10d38086;

/** The parts of the machine in fixtures/sim.snapshot that are simulated: devices, buses and drivers, wired together. */
export class Machine {
  readonly kernel: Kernel;
  readonly pci: Bus<PciFunction>;
  readonly platform: Bus<PlatformDevice>;
  readonly uio: UioCore;
  readonly iommu: SimIommu;
  readonly usb: UsbBus;
  readonly #vfio: VfioCore;
  /** Devices with state of their own, by their names on their buses. */
  readonly #hardware: Readonly<Record<string, E1000e | Edu | Nvme | PciTestDevice | TimecodeCard | TimerBlock>>;
  readonly #edus = new Map<PciFunction, Edu>();
  /** Functions that raise a device's interrupt. */
  readonly #triggers = new Map<PciFunction | PlatformDevice, (value: number) => void>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.uio = new UioCore(kernel);
    const vfioPciDriver = vfioPci(
      kernel,
      () => this.pci,
      () => vfio,
    );
    this.pci = pciBus(kernel, [
      uioPciGeneric(kernel, this.uio),
      uioAec(this.uio),
      vfioPciDriver,
      nvmeDriver(kernel),
      virtioPci(),
      xhciHcd(() => this.usb),
    ]);
    this.iommu = new SimIommu(kernel, this.pci);
    const vfio = new VfioCore(kernel, this.iommu);
    this.#vfio = vfio;
    kernel.node('/dev/iommu', () => new IommufdFile(kernel, this.iommu));
    kernel.node('/dev/kmsg', () => kernel.messages.open());
    kernel.messages.print(KERN_NOTICE, kernel.text('/proc/version').trimEnd());
    this.platform = new Bus<PlatformDevice>(kernel, 'platform');
    this.platform.addDriver(uioPdrvGenirq(kernel, this.uio));
    for (const address of EDUS) {
      const fn = this.#function(address);
      const edu = new Edu(fn, kernel.timeline);
      this.#edus.set(fn, edu);
      this.#triggers.set(fn, (value) => edu.raise(value));
    }
    const edu = this.#function('0000:00:04.0');
    const testdev = this.#function('0000:00:0a.0');
    const card = this.#function('0000:00:0b.0');
    const timecode = new TimecodeCard(card);
    this.#triggers.set(card, () => timecode.raise());
    const timer = new TimerBlock(kernel.timeline);
    const timerBlock = timerDevice(timer);
    this.platform.addDevice(timerBlock);
    this.#triggers.set(timerBlock, () => timer.expire());
    this.#hardware = {
      ...Object.fromEntries([...this.#edus].map(([{ name }, one]) => [name, one])),
      '0000:00:0a.0': new PciTestDevice(testdev),
      '0000:01:00.0': new Nvme(this.#function('0000:01:00.0')),
      [card.name]: timecode,
      [timerBlock.name]: timer,
      ...Object.fromEntries(networkPorts(this.pci.devices)),
    };

    // The order makes them uio0 to uio3.
    this.pci.boot(edu);
    this.platform.boot(timerBlock);
    this.pci.boot(testdev);
    this.pci.boot(card);
    for (const address of ['0000:00:03.0', '0000:02:01.0', '0000:01:00.0', '0000:02:02.0'])
      this.pci.boot(this.#function(address));
    installProcesses(kernel);
    installInterrupts(kernel, () => [
      ...[...this.pci.devices].map(({ path, irq }) => ({ number: Number(kernel.text(`${path}/irq`)), line: irq })),
      { number: TIMER_IRQ, line: timerBlock.irq },
    ]);
    this.usb = new UsbBus(kernel, usbFunction, (bus, device, write) => new UsbfsFile(kernel, bus, device, write));
    this.pci.boot(this.#function('0000:00:07.0'));
    kernel.isUp = true;
  }

  /** Returns all that a process leaves behind: no file may be open any more. */
  save(): Saved {
    const functions = [...this.pci.devices].map((fn) => [fn.name, { ...fn.save(), ...this.pci.save(fn) }]);
    const platform = [...this.platform.devices].map((device) => [
      device.name,
      { irq: device.irq.save(), ...this.platform.save(device) },
    ]);
    const hardware = Object.entries(this.#hardware).map(([name, device]) => [name, device.save()]);
    return {
      now: this.kernel.timeline.now(),
      uevents: this.kernel.uevents.save(),
      files: this.kernel.files.save(),
      pci: Object.fromEntries(functions),
      platform: Object.fromEntries(platform),
      uio: this.uio.save(),
      vfio: this.#vfio.save(),
      hardware: Object.fromEntries(hardware),
      usb: this.usb.save(),
    };
  }

  /**
   * Makes the machine as it was, from whatever state it is in: drivers come and go first, without events, and registers
   * follow. No file but those for uevents may be open.
   *
   * @param elapsed the time in milliseconds that has gone by since
   * @throws InvalidState, and then the machine is of no use any more
   */
  restore(state: StateReader, elapsed: number): void {
    const { kernel, pci, platform } = this;
    kernel.isUp = false;
    const [functions, devices] = [[...pci.devices], [...platform.devices]];
    const ofPci = ({ name }: PciFunction) => state.at('pci').at(name);
    const ofPlatform = ({ name }: PlatformDevice) => state.at('platform').at(name);
    const hasOtherUio = this.uio.restoreNumbers(state.at('uio'));
    const hasOtherVfio = this.#vfio.restoreNumbers(state.at('vfio'));
    for (const fn of functions) pci.restoreOverride(fn, ofPci(fn), hasOtherUio(fn.path) || hasOtherVfio(fn.name));
    for (const one of devices) platform.restoreOverride(one, ofPlatform(one), hasOtherUio(one.path));
    for (const fn of functions) pci.restoreDriver(fn, ofPci(fn));
    for (const one of devices) platform.restoreDriver(one, ofPlatform(one));
    this.#vfio.restore(state.at('vfio'));
    this.usb.restore(state.at('usb'));
    for (const fn of functions) fn.restore(ofPci(fn));
    for (const one of devices) one.irq.restore(ofPlatform(one).at('irq'));
    // Last, so that what the drivers did to the devices meanwhile counts for nothing.
    this.uio.restore(state.at('uio'));
    kernel.timeline.restart(state.at('now').time() + elapsed);
    for (const [name, device] of Object.entries(this.#hardware)) device.restore(state.at('hardware').at(name));
    kernel.isUp = true;
    kernel.uevents.restore(state.at('uevents'));
    kernel.files.restore(state.at('files'));
  }

  /**
   * Pulls a device out. A process that has it open through VFIO keeps the kernel from removing it until it lets go.
   *
   * @param name on its bus, or its UIO name
   */
  unplug(name: string): void {
    const device = this.usb.find(name);
    if (device !== undefined) {
      this.usb.unplug(device);
      return;
    }
    const found = this.#find(name);
    this.usb.removeHost(found.device.path);
    found.unplug();
  }

  usbDevice(name: string): SimUsbDevice {
    const device = this.usb.find(name);
    if (device === undefined) throw new RangeError(`${name} is no USB device`);
    return device;
  }

  /** Takes the driver off a device. */
  unbind(name: string): void {
    if (!this.#find(name).release()) throw new RangeError(`${name} has no driver that is simulated`);
  }

  raise(name: string, value: number): void {
    const trigger = this.#triggers.get(this.#find(name).device);
    if (trigger === undefined) throw new RangeError(`${name} has no interrupt`);
    trigger(value);
  }

  edu(name: string): Edu {
    const edu = this.#edus.get(this.pciFunction(name));
    if (edu === undefined) throw new RangeError(`${name} is no edu`);
    return edu;
  }

  pciFunction(name: string): PciFunction {
    const fn = this.pci.find(this.#onBus(name));
    if (fn === undefined) throw new RangeError(`${name} is no PCI function`);
    return fn;
  }

  #find(name: string) {
    const onBus = this.#onBus(name);
    const fn = this.pci.find(onBus);
    if (fn !== undefined) return found(fn, this.pci);
    const device = this.platform.find(onBus);
    if (device !== undefined) return found(device, this.platform);
    throw new RangeError(`the simulated machine has no device ${name}`);
  }

  /** Returns the name on its bus of a UIO device: `0000:00:04.0` for `uio0`. Others are returned as they are. */
  #onBus(name: string): string {
    const device = this.uio.find(name);
    return device === undefined ? name : posix.basename(posix.resolve(device.path, '../..'));
  }

  #function(address: string): PciFunction {
    const fn = this.pci.find(address);
    if (fn === undefined) throw new RangeError(`fixtures/sim.snapshot has no ${address}`);
    return fn;
  }
}

/** Makes the network ports of the base, if it has some, with a cable from each to the next. */
function networkPorts(functions: Iterable<PciFunction>): [name: string, port: E1000e][] {
  const found = [...functions].filter(({ config }) => config.read(0, 4) === I82574L);
  // QEMU's addresses, in the order of the devices.
  const ports = found.map((fn, i) => new E1000e(fn, Buffer.from([0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + i])));
  for (const [i, port] of ports.entries()) {
    const next = ports[i + 1];
    if (i % 2 === 0 && next !== undefined) E1000e.connect(port, next);
  }
  return found.flatMap(({ name }, i) => {
    const port = ports[i];
    return port === undefined ? [] : [[name, port]];
  });
}

/** Returns the operations on a device that its bus makes. */
function found<D extends PciFunction | PlatformDevice>(device: D, bus: Bus<D>) {
  return {
    device,
    release: () => bus.release(device),
    unplug: () => {
      for (const one of bus.withChildren(device)) one.unplug();
      removeWhenReleased(() => bus.remove(device));
    },
  };
}

function removeWhenReleased(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!(error instanceof StillInUse)) throw error;
    error.whenReleased(() => removeWhenReleased(remove));
  }
}
