import { posix } from 'node:path';
import { Errno } from './errno';
import type { Kernel } from './kernel';

/** What a bus has on it. */
export interface SimBusDevice {
  /** On its bus: `0000:00:04.0`. */
  readonly name: string;
  /** Below /sys/devices, without links. */
  readonly path: string;
}

export interface Driver<D extends SimBusDevice> {
  readonly name: string;
  /** driver_managed_dma: it has nothing to do with DMA, or sees to it itself, so that user space may have the group. */
  readonly managesDma?: boolean;
  /** Whether it takes the device without being asked for by driver_override. */
  matches(device: D): boolean;
  /**
   * Takes the device.
   *
   * @returns what gives it back
   */
  probe(device: D): () => void;
}

interface Bound<D extends SimBusDevice> {
  readonly driver: Driver<D>;
  readonly remove: () => void;
}

/** Of the drivers that are not modelled, those that set driver_managed_dma. */
const DMA_MANAGED = new Set(['pci-stub', 'pcieport']);

/**
 * A bus with its devices and the drivers that are modelled: binding by name as in drivers/base/bus.c, dd.c and
 * driver.c. Drivers that only the base knows keep their devices; their `bind` and `unbind` answer EACCES.
 */
export class Bus<D extends SimBusDevice> {
  readonly #kernel: Kernel;
  readonly #path: string;
  readonly #devices = new Map<string, D>();
  readonly #drivers: Driver<D>[] = [];
  readonly #overrides = new Map<D, string>();
  readonly #bound = new Map<D, Bound<D>>();
  /** The bus's dma_configure(): throws where a driver that uses DMA must not have the device. */
  onProbe: (driver: Driver<D>, device: D) => void = () => {};

  constructor(kernel: Kernel, name: string) {
    this.#kernel = kernel;
    this.#path = `/sys/bus/${name}`;
    kernel.attribute(`${this.#path}/drivers_probe`, { store: (text) => this.#probe(this.#find(text)) });
  }

  find(name: string): D | undefined {
    return this.#devices.get(name);
  }

  get devices(): Iterable<D> {
    return this.#devices.values();
  }

  has(device: D): boolean {
    return this.#devices.get(device.name) === device;
  }

  /** Whether a driver has it, modelled or not. */
  hasDriver(device: D): boolean {
    return this.#kernel.exists(`${device.path}/driver`);
  }

  /** Whether a driver has it that uses DMA: all do but those that say otherwise. */
  usesDma(device: D): boolean {
    if (!this.hasDriver(device)) return false;
    const name = posix.basename(this.#kernel.tree.readLink(`${device.path}/driver`));
    return !(this.#drivers.find((driver) => driver.name === name)?.managesDma ?? DMA_MANAGED.has(name));
  }

  addDriver(driver: Driver<D>): void {
    this.#drivers.push(driver);
    const path = `${this.#path}/drivers/${driver.name}`;
    this.#kernel.attribute(`${path}/bind`, { store: (text) => this.#bind(driver, text) });
    this.#kernel.attribute(`${path}/unbind`, { store: (text) => this.#unbind(driver, text) });
  }

  /** A device that is there at boot, with what the base says of it. */
  addDevice(device: D): void {
    this.#devices.set(device.name, device);
    // Not on every bus.
    if (!this.#kernel.exists(`${device.path}/driver_override`)) return;
    const override = this.#kernel.text(`${device.path}/driver_override`).trim();
    if (override !== '(null)') this.#overrides.set(device, override);
    this.#kernel.attribute(`${device.path}/driver_override`, {
      show: () => this.#overrides.get(device) ?? '(null)',
      store: (text) => this.#override(device, text),
    });
  }

  /** The driver that the base says has the device, if it is modelled. */
  bootDriver(device: D): Driver<D> | undefined {
    if (!this.hasDriver(device)) return undefined;
    const name = posix.basename(this.#kernel.tree.readLink(`${device.path}/driver`));
    return this.#drivers.find((driver) => driver.name === name);
  }

  /** What happened at boot: that driver takes the device. */
  boot(device: D): void {
    const driver = this.bootDriver(device);
    if (driver !== undefined) this.#attach(driver, device);
  }

  /** A device and what is behind it: a bridge takes its bus along. The nearest to the bridge come first. */
  withChildren(device: D): D[] {
    return [...this.#devices.values()]
      .filter(({ path }) => path === device.path || path.startsWith(`${device.path}/`))
      .sort((a, b) => a.path.length - b.path.length);
  }

  /** Takes a device and what is behind it off the bus, their drivers first. */
  remove(device: D): void {
    for (const one of this.withChildren(device).reverse()) {
      this.release(one);
      this.#devices.delete(one.name);
      this.#kernel.notify('remove', one.path);
      this.#kernel.removeDevice(one.path);
    }
  }

  /** The driver that has it, modelled or not. */
  driverOf(device: D): string | null {
    return this.hasDriver(device) ? posix.basename(this.#kernel.tree.readLink(`${device.path}/driver`)) : null;
  }

  /** device_attach(): looks for a driver. @returns whether one took it */
  probe(device: D): boolean {
    this.#probe(device);
    return this.hasDriver(device);
  }

  /** A driver takes a device by itself, without a word to anybody, as usbfs does for a process. */
  claim(driver: Driver<D>, device: D): void {
    if (this.hasDriver(device)) throw new Errno('EBUSY');
    this.#attach(driver, device, { quiet: true });
  }

  /**
   * Takes the driver off a device.
   *
   * @param quiet without a uevent
   * @returns false where none that is modelled has it
   */
  release(device: D, { quiet = false } = {}): boolean {
    const bound = this.#bound.get(device);
    if (bound === undefined) return false;
    bound.remove();
    this.#bound.delete(device);
    this.#kernel.tree.delete(`${device.path}/driver`);
    this.#kernel.tree.delete(`${this.#path}/drivers/${bound.driver.name}/${device.name}`);
    this.#setUevent(device, null);
    if (!quiet) this.#kernel.notify('unbind', device.path);
    return true;
  }

  /** driver_match_device(): with an override only that driver, else what the driver says. */
  #matches(driver: Driver<D>, device: D): boolean {
    const override = this.#overrides.get(device);
    return override === undefined ? driver.matches(device) : override === driver.name;
  }

  #bind(driver: Driver<D>, text: string): void {
    const device = this.#find(text);
    if (!this.#matches(driver, device)) throw new Errno('ENODEV');
    if (this.hasDriver(device)) throw new Errno('EBUSY');
    this.#attach(driver, device);
  }

  #unbind(driver: Driver<D>, text: string): void {
    const device = this.#find(text);
    if (this.#bound.get(device)?.driver !== driver) throw new Errno('ENODEV');
    this.release(device);
  }

  /** None that wants it: nothing happens, and that is a success. */
  #probe(device: D): void {
    if (this.hasDriver(device)) return;
    const driver = this.#drivers.find((candidate) => this.#matches(candidate, device));
    if (driver === undefined) return;
    try {
      this.#attach(driver, device);
    } catch (error) {
      // A driver that fails is one that does not match: the write succeeds.
      if (!(error instanceof Errno)) throw error;
    }
  }

  #attach(driver: Driver<D>, device: D, { quiet = false } = {}): void {
    this.onProbe(driver, device);
    this.#bound.set(device, { driver, remove: driver.probe(device) });
    this.#kernel.link(`${device.path}/driver`, `${this.#path}/drivers/${driver.name}`);
    this.#kernel.link(`${this.#path}/drivers/${driver.name}/${device.name}`, device.path);
    this.#setUevent(device, driver.name);
    if (!quiet) this.#kernel.notify('bind', device.path);
  }

  /** driver_set_override(): up to a newline; nothing, or a newline alone, clears it. */
  #override(device: D, text: string): void {
    if (text.length >= 4095) throw new Errno('EINVAL');
    const name = text.split('\n', 1)[0] ?? '';
    if (name === '') this.#overrides.delete(device);
    else this.#overrides.set(device, name);
  }

  /** Names are compared as sysfs_streq() does: a newline at the end does not count. */
  #find(text: string): D {
    const device = this.#devices.get(text.replace(/\n$/, ''));
    if (device === undefined) throw new Errno('ENODEV');
    return device;
  }

  /** dev_uevent(): the driver comes behind what the device is, and before what its bus says of it. */
  #setUevent(device: D, driver: string | null): void {
    const path = posix.join(device.path, 'uevent');
    const rest = this.#kernel.text(path).replace(/^DRIVER=.*\n/m, '');
    const head = /^(?:(?:MAJOR|MINOR|DEVNAME|DEVTYPE)=.*\n)*/.exec(rest)?.[0] ?? '';
    const own = driver === null ? '' : `DRIVER=${driver}\n`;
    this.#kernel.attribute(path, { show: () => `${head}${own}${rest.slice(head.length)}`.trimEnd() });
  }
}
