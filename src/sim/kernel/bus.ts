import { posix } from 'node:path';
import type { SavedFields, StateReader } from '../state/saved';
import { Errno } from './errno';
import type { Kernel } from './kernel';

/** A device on a bus. */
export interface SimBusDevice {
  /** Its name on the bus: `0000:00:04.0`. */
  readonly name: string;
  /** Its directory below /sys/devices, without links. */
  readonly path: string;
}

export interface Driver<D extends SimBusDevice> {
  readonly name: string;
  /** driver_managed_dma: it uses no DMA, or manages it itself, so that user space may have the IOMMU group. */
  readonly managesDma?: boolean;
  /** Returns whether it takes the device without a driver_override that names it. */
  matches(device: D): boolean;
  /**
   * Takes the device.
   *
   * @returns the function that gives it back
   */
  probe(device: D): () => void;
}

interface Bound<D extends SimBusDevice> {
  readonly driver: Driver<D>;
  readonly remove: () => void;
}

/** An override is less than a page. */
const MAX_NAME = 4095;

/** Drivers that are not modelled and that set driver_managed_dma. */
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
  /** The dma_configure() of the bus: throws where a driver that uses DMA must not have the device. */
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

  /** Returns whether a driver has the device, modelled or not. */
  hasDriver(device: D): boolean {
    return this.#kernel.exists(`${device.path}/driver`);
  }

  /** Returns whether the device has a driver that uses DMA: all do but those that say otherwise. */
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

  /** Adds a device that the base has. */
  addDevice(device: D): void {
    this.#devices.set(device.name, device);
    // Some buses have no driver_override.
    if (!this.#kernel.exists(`${device.path}/driver_override`)) return;
    const override = this.#kernel.text(`${device.path}/driver_override`).trim();
    if (override !== '(null)') this.#overrides.set(device, override);
    this.#kernel.attribute(`${device.path}/driver_override`, {
      show: () => this.#overrides.get(device) ?? '(null)',
      store: (text) => this.#override(device, text),
    });
  }

  /** Finds the driver that the base says has the device, if it is modelled. */
  bootDriver(device: D): Driver<D> | undefined {
    if (!this.hasDriver(device)) return undefined;
    const name = posix.basename(this.#kernel.tree.readLink(`${device.path}/driver`));
    return this.#drivers.find((driver) => driver.name === name);
  }

  /** Lets the driver that the base says has the device take it, as it did at boot. */
  boot(device: D): void {
    const driver = this.bootDriver(device);
    if (driver !== undefined) this.#attach(driver, device);
  }

  /** Lists a device and all devices behind it; those nearest to it come first. */
  withChildren(device: D): D[] {
    return [...this.#devices.values()]
      .filter(({ path }) => path === device.path || path.startsWith(`${device.path}/`))
      .sort((a, b) => a.path.length - b.path.length);
  }

  /** Removes a device and all devices behind it, their drivers first. */
  remove(device: D): void {
    for (const one of this.withChildren(device).reverse()) {
      this.release(one);
      this.#devices.delete(one.name);
      this.#kernel.notify('remove', one.path);
      this.#kernel.removeDevice(one.path);
    }
  }

  /** Names the driver of the device, modelled or not. */
  driverOf(device: D): string | null {
    return this.hasDriver(device) ? posix.basename(this.#kernel.tree.readLink(`${device.path}/driver`)) : null;
  }

  /** Looks for a driver. @returns whether the device has one then */
  probe(device: D): boolean {
    this.#probe(device);
    return this.hasDriver(device);
  }

  /** Binds a driver without a uevent, as usbfs does for a process that claims an interface. */
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

  /** Returns the driver and the override of a device. */
  save(device: D): SavedFields {
    return { driver: this.driverOf(device), override: this.#overrides.get(device) ?? null };
  }

  /**
   * Takes the first step of giving devices the drivers that were kept: sets the overrides, and takes away drivers that
   * are others now, or that `isStale` says have to start anew. {@link restoreDriver} is the second.
   */
  restoreOverride(device: D, state: StateReader, isStale: boolean): void {
    const override = state.at('override').orNull((name) => name.text(MAX_NAME));
    if (override === null) this.#overrides.delete(device);
    else this.#overrides.set(device, override);
    const driver = state.at('driver').orNull((name) => name.text(MAX_NAME));
    if (!isStale && driver === this.driverOf(device)) return;
    if (!this.release(device) && this.hasDriver(device)) state.fail(`cannot lose its driver, ${this.driverOf(device)}`);
  }

  restoreDriver(device: D, state: StateReader): void {
    const name = state.at('driver').orNull((driver) => driver.text(MAX_NAME));
    if (name === this.driverOf(device) || name === null) return;
    const driver = this.#drivers.find((one) => one.name === name);
    if (driver === undefined) state.fail(`cannot have the driver ${name}`);
    this.#attach(driver, device);
  }

  /** driver_match_device(): asks the driver, unless an override names one. */
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

  /** device_attach(): looks for a driver that wants the device; having found none is no error. */
  #probe(device: D): void {
    if (this.hasDriver(device)) return;
    const driver = this.#drivers.find((candidate) => this.#matches(candidate, device));
    if (driver === undefined) return;
    try {
      this.#attach(driver, device);
    } catch (error) {
      // A driver that fails counts as one that does not match: the write succeeds.
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

  /** driver_set_override(): takes the text up to a newline; an empty one clears the override. */
  #override(device: D, text: string): void {
    if (text.length >= 4095) throw new Errno('EINVAL');
    const name = text.split('\n', 1)[0] ?? '';
    if (name === '') this.#overrides.delete(device);
    else this.#overrides.set(device, name);
  }

  /** Finds a device by name as sysfs_streq() compares: a newline at the end does not count. */
  #find(text: string): D {
    const device = this.#devices.get(text.replace(/\n$/, ''));
    if (device === undefined) throw new Errno('ENODEV');
    return device;
  }

  /** dev_uevent(): puts the driver after the device's own lines and before those of its bus. */
  #setUevent(device: D, driver: string | null): void {
    const path = posix.join(device.path, 'uevent');
    const rest = this.#kernel.text(path).replace(/^DRIVER=.*\n/m, '');
    const head = /^(?:(?:MAJOR|MINOR|DEVNAME|DEVTYPE)=.*\n)*/.exec(rest)?.[0] ?? '';
    const own = driver === null ? '' : `DRIVER=${driver}\n`;
    this.#kernel.attribute(path, { show: () => `${head}${own}${rest.slice(head.length)}`.trimEnd() });
  }
}
