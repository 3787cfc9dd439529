import { posix } from 'node:path';
import { Bus, type Driver } from '../kernel/bus';
import { Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { Saved, StateReader } from '../state/saved';
import { SimUsbDevice, type SimUsbInterface } from './device';
import type { UsbFunction } from './function';
import { readIdentity, type UsbIdentity } from './identity';
import { interfaceDriver } from './interface-driver';
import { Status } from './pipes';
import { installEndpoints, installUsbDevice, installUsbInterface, nodeOf } from './sysfs';
import { UsbfsMemory } from './usbfs-memory';

const DEVICES = '/sys/bus/usb/devices';
/** Devices on a bus: USB 2.0, 8.3.2.1. */
const MAX_NUMBER = 127;
const MEMORY_LIMIT = '/sys/module/usbcore/parameters/usbfs_memory_mb';

/** A device as the base has it: the facts that decide which function it gets. */
export interface BaseDevice {
  readonly identity: UsbIdentity;
  /** An attribute of the device itself, without the newline. */
  attribute(name: string): string;
  /** The first attribute of that name in its directory or below. */
  attributeBelow(name: string): string | undefined;
  /** The speed of the device in a port of this hub, in Mbit/s; null where the port is empty. */
  speedInPort(port: number): number | null;
}

/** drivers/usb/core: the devices of the base with their configurations, drivers and nodes; plugging in and out. */
export class UsbBus {
  readonly interfaces: Bus<SimUsbInterface>;
  /** Shared by all who have nodes open. */
  readonly memory: UsbfsMemory;
  readonly #kernel: Kernel;
  /** All devices of the base by name, unplugged ones too. */
  readonly #devices = new Map<string, SimUsbDevice>();
  /** Functions that put the directories of unplugged devices back. */
  readonly #unplugged = new Map<SimUsbDevice, () => void>();
  /** Devices that were pulled out; other unplugged ones lost the hub that they are plugged in to. */
  readonly #pulled = new Set<SimUsbDevice>();
  /** Interfaces that no driver can drive. */
  readonly #failing = new Set<string>();
  /** The highest device number that was given, by bus. */
  readonly #numbers = new Map<number, number>();

  readonly #makeFunction: (device: BaseDevice) => UsbFunction;
  readonly #openNode: (device: SimUsbDevice, write: boolean) => OpenFile;

  /**
   * @param makeFunction makes the far end of the cable of a device that the base has
   * @param openNode opens the node of a device
   */
  constructor(
    kernel: Kernel,
    makeFunction: (device: BaseDevice) => UsbFunction,
    openNode: (bus: UsbBus, device: SimUsbDevice, write: boolean) => OpenFile,
  ) {
    this.#kernel = kernel;
    this.#makeFunction = makeFunction;
    this.#openNode = (device, write) => openNode(this, device, write);
    this.interfaces = new Bus<SimUsbInterface>(kernel, 'usb');
    this.memory = new UsbfsMemory(() => Number(kernel.text(MEMORY_LIMIT)) * 1024 * 1024);
    const isStorage = ({ setting }: SimUsbInterface) => setting.class === 8 && setting.subclass === 6;
    this.interfaces.addDriver(this.#hubDriver());
    this.interfaces.addDriver(interfaceDriver(kernel, 'usb-storage', isStorage));
    this.interfaces.addDriver(interfaceDriver(kernel, 'usbhid', ({ setting }) => setting.class === 3));
    // In the order of their numbers, in which they are connected again with their host controller.
    const number = (name: string) => Number(kernel.text(`${DEVICES}/${name}/devnum`));
    const names = kernel.tree.readDir(DEVICES).filter((name) => !name.includes(':'));
    for (const name of names.sort((a, b) => number(a) - number(b))) this.#add(name);
    // A driver may look for devices that hang on its own: all have to be there first.
    for (const device of this.#devices.values()) {
      for (const intf of device.interfaces) this.interfaces.addDevice(intf);
      for (const intf of device.interfaces) this.interfaces.boot(intf);
    }
  }

  /** Finds a device that is plugged in. */
  find(name: string): SimUsbDevice | undefined {
    const device = this.#devices.get(name);
    return device?.isConnected ? device : undefined;
  }

  /** Makes drivers fail that look at an interface. */
  failProbe(name: string, fails: boolean): void {
    if (fails) this.#failing.add(name);
    else this.#failing.delete(name);
    // usbfs claims what no driver can drive.
    this.interfaces.onProbe = (driver, intf) => {
      if (driver.name !== 'usbfs' && this.#failing.has(intf.name)) throw new Errno('EIO');
    };
  }

  /** Pulls a device out, with all that hangs on it. */
  unplug(device: SimUsbDevice): void {
    this.#pulled.add(device);
    this.#disconnect(device);
  }

  /** Removes the buses of a host controller. @param path of its device */
  removeHost(path: string): void {
    for (const root of this.#rootHubs(path)) if (root.isConnected) this.unplug(root);
  }

  /** Brings the buses of a host controller back; their devices are numbered anew. */
  addHost(path: string): void {
    for (const root of this.#rootHubs(path)) {
      if (root.isConnected) continue;
      this.#pulled.delete(root);
      this.#numbers.delete(root.bus);
      this.#connect(root);
    }
  }

  #rootHubs(path: string): SimUsbDevice[] {
    return [...this.#devices.values()].filter(
      (device) => device.ports.length === 0 && device.path.startsWith(`${path}/`),
    );
  }

  /** Plugs a device in again: the kernel takes it for a new one, and its drivers bind. */
  plug(name: string): void {
    const device = this.#devices.get(name);
    if (device === undefined || device.isConnected) throw new RangeError(`${name} is not unplugged`);
    this.#pulled.delete(device);
    // A device behind a hub that is gone is plugged in and not known.
    if (this.#hubOf(device)?.isConnected) this.#connect(device);
  }

  save(): Saved {
    return {
      numbers: Object.fromEntries(this.#numbers),
      devices: Object.fromEntries([...this.#devices].map(([name, device]) => [name, this.#saveDevice(device)])),
    };
  }

  #saveDevice(device: SimUsbDevice): Saved {
    return {
      number: device.number,
      isConnected: device.isConnected,
      isPulled: this.#pulled.has(device),
      configuration: device.configuration?.value ?? 0,
      interfaces: device.interfaces.map((intf) => ({ alt: intf.alt, ...this.interfaces.save(intf) })),
      function: device.fn.save(),
    };
  }

  /** Plugs devices in and out, and gives them the numbers, configurations and drivers that they had. */
  restore(state: StateReader): void {
    const devices = [...this.#devices.values()].map((device) => [device, state.at('devices').at(device.name)] as const);
    // A device is behind its hub in this order.
    for (const [device, saved] of devices) {
      const isSame = saved.at('isConnected').flag() && saved.at('number').integer(MAX_NUMBER) === device.number;
      if (device.isConnected && !isSame) this.#disconnect(device);
    }
    // The driver of a hub would connect the others, with numbers of its own choice.
    for (const [device] of devices) if (!device.isConnected) this.#pulled.add(device);
    for (const [device, saved] of devices) {
      if (saved.at('isConnected').flag() && !device.isConnected) {
        if (device.ports.length > 0 && this.#hubOf(device)?.isConnected !== true) saved.fail('is behind no hub');
        this.#pulled.delete(device);
        this.#numbers.set(device.bus, saved.at('number').integer(MAX_NUMBER, 1) - 1);
        this.#connect(device);
      }
      if (device.isConnected) this.#restoreDevice(device, saved);
    }
    this.#pulled.clear();
    for (const [device, saved] of devices) {
      if (saved.at('isPulled').flag()) this.#pulled.add(device);
      // A node of the same number may have gone with another device.
      if (device.isConnected) this.#install(device);
      device.fn.restore(saved.at('function'));
    }
    this.#numbers.clear();
    for (const [bus, number] of state.at('numbers').entries(this.#devices.size))
      this.#numbers.set(Number(bus), number.integer(MAX_NUMBER));
  }

  #restoreDevice(device: SimUsbDevice, state: StateReader): void {
    const configuration = state.at('configuration').integer(0xff);
    if ((device.configuration?.value ?? 0) !== configuration) this.configure(device, configuration);
    const interfaces = state.at('interfaces').list(0xff);
    if (interfaces.length !== device.interfaces.length) state.fail('has other interfaces');
    for (const [i, saved] of interfaces.entries()) {
      const intf = device.interfaces[i] ?? saved.fail('is no interface');
      this.interfaces.restoreOverride(intf, saved, false);
      const alt = saved.at('alt').integer(0xff);
      if (!intf.settings.some((setting) => setting.alt === alt)) saved.fail(`has no alternate setting ${alt}`);
      if (intf.alt !== alt) this.#chosen(intf, alt);
      this.interfaces.restoreDriver(intf, saved);
    }
  }

  /** usb_disconnect(): removes a device and all that hangs on it. */
  #disconnect(device: SimUsbDevice): void {
    for (const child of this.#childrenOf(device)) this.#disconnect(child);
    device.isConnected = false;
    device.pipes.flush(Status.gone);
    this.#dropInterfaces(device);
    this.#kernel.notify('unbind', device.path);
    this.#kernel.notify('remove', device.path);
    this.#setPort(device, false);
    this.#unplugged.set(device, this.#kernel.removeDevice(device.path));
    for (const file of device.files) file.disconnected();
    device.files.clear();
    this.#kernel.wake();
  }

  /** hub_port_connect() */
  #connect(device: SimUsbDevice): void {
    const number = (this.#numbers.get(device.bus) ?? 0) + 1;
    this.#numbers.set(device.bus, number);
    this.#unplugged.get(device)?.();
    this.#unplugged.delete(device);
    this.#kernel.tree.delete(`/dev/${nodeOf(device)}`);
    device.number = number;
    device.isConnected = true;
    device.fn.reset();
    this.#setPort(device, true);
    this.#install(device);
    this.#kernel.notify('add', device.path);
    const [configuration] = device.fn.identity.descriptors.configurations;
    if (configuration !== undefined) this.configure(device, configuration.value);
    this.#kernel.notify('bind', device.path);
    this.#kernel.wake();
  }

  /** usb_set_configuration() */
  configure(device: SimUsbDevice, value: number): void {
    const wanted = value === -1 ? 0 : value;
    const configuration = device.fn.identity.descriptors.configurations.find((one) => one.value === wanted);
    if (configuration === undefined && wanted !== 0) throw new Errno('EINVAL');
    device.pipes.flush(Status.gone, (endpoint) => endpoint !== 0);
    this.#dropInterfaces(device);
    device.selectConfiguration(wanted);
    if (configuration === undefined) return;
    device.makeInterfaces(configuration);
    for (const intf of device.interfaces) {
      installUsbInterface(this.#kernel, intf);
      this.interfaces.addDevice(intf);
    }
    for (const intf of device.interfaces) {
      this.#kernel.notify('add', intf.path);
      this.interfaces.probe(intf);
    }
  }

  /** usb_reset_configuration() */
  resetConfiguration(device: SimUsbDevice): void {
    device.pipes.flush(Status.gone, (endpoint) => endpoint !== 0);
    device.selectConfiguration(device.configuration?.value ?? 0);
    for (const intf of device.interfaces) this.#chosen(intf, 0);
  }

  /** usb_set_interface() */
  select(intf: SimUsbInterface, alt: number): void {
    if (!intf.settings.some((setting) => setting.alt === alt)) throw new Errno('EINVAL');
    const own = new Set(intf.settings.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)));
    intf.device.pipes.flush(Status.gone, (endpoint) => own.has(endpoint));
    if (!intf.device.selectSetting(intf.number, alt)) throw new Errno('EPIPE');
    this.#chosen(intf, alt);
  }

  /** usb_reset_device(): drivers without support for resets lose their interfaces, which are probed anew. */
  reset(device: SimUsbDevice): void {
    device.pipes.flush(Status.gone);
    const lost = device.interfaces.filter((intf) => this.interfaces.driverOf(intf) === 'usbfs');
    for (const intf of lost) this.interfaces.release(intf);
    const { configuration } = device;
    device.fn.reset();
    if (configuration !== null) device.selectConfiguration(configuration.value);
    for (const intf of device.interfaces) if (intf.alt !== 0) device.selectSetting(intf.number, intf.alt);
    for (const intf of lost) this.interfaces.probe(intf);
  }

  #chosen(intf: SimUsbInterface, alt: number): void {
    intf.alt = alt;
    installEndpoints(this.#kernel, intf);
  }

  /** usb_disable_device(): removes the interfaces, with their drivers and claims. */
  #dropInterfaces(device: SimUsbDevice): void {
    for (const intf of device.interfaces) this.interfaces.remove(intf);
    device.interfaces = [];
    device.configuration = null;
  }

  #add(name: string): void {
    const path = posix.resolve(DEVICES, this.#kernel.tree.readLink(`${DEVICES}/${name}`));
    const text = (attribute: string) => this.#kernel.text(`${path}/${attribute}`).trim();
    const bus = Number(text('busnum'));
    const ports = text('devpath') === '0' ? [] : text('devpath').split('.').map(Number);
    const place = { bus, ports, number: Number(text('devnum')), speed: Number(text('speed')) };
    const identity = readIdentity(this.#kernel, path, place.speed);
    const fn = this.#makeFunction({
      identity,
      attribute: text,
      attributeBelow: (attribute) => this.#find(path, attribute),
      speedInPort: (port) => this.#inPort(name, port)?.speed ?? null,
    });
    const device = new SimUsbDevice(name, path, place, fn, this.#kernel.timeline);
    this.#devices.set(name, device);
    this.#numbers.set(bus, Math.max(this.#numbers.get(bus) ?? 0, place.number));
    const value = Number(text('bConfigurationValue'));
    const configuration = identity.descriptors.configurations.find((one) => one.value === value);
    if (configuration !== undefined) {
      device.selectConfiguration(value);
      device.makeInterfaces(configuration);
      for (const intf of device.interfaces) installUsbInterface(this.#kernel, intf);
    }
    this.#install(device);
  }

  #install(device: SimUsbDevice): void {
    installUsbDevice(this.#kernel, device, (value) => this.configure(device, value));
    this.#kernel.node(`/dev/${nodeOf(device)}`, (flags) => {
      if (!device.isConnected) throw new Errno('ENODEV');
      return this.#openNode(device, flags.write);
    });
  }

  /** Makes the driver of hubs: devices behind a hub are known while it has the hub. */
  #hubDriver(): Driver<SimUsbInterface> {
    const driver = interfaceDriver(this.#kernel, 'hub', ({ setting }) => setting.class === 9);
    return {
      ...driver,
      probe: (intf) => {
        const remove = driver.probe(intf);
        for (const device of this.#devices.values())
          if (!device.isConnected && !this.#pulled.has(device) && this.#hubOf(device) === intf.device)
            this.#connect(device);
        return () => {
          for (const child of this.#childrenOf(intf.device)) this.#disconnect(child);
          remove();
        };
      },
    };
  }

  /** Lists the devices that are plugged in to a hub. */
  #childrenOf(hub: SimUsbDevice): SimUsbDevice[] {
    return [...this.#devices.values()].filter((device) => device.isConnected && this.#hubOf(device) === hub);
  }

  #hubOf({ bus, ports }: SimUsbDevice): SimUsbDevice | undefined {
    if (ports.length === 0) return undefined;
    const above = ports.slice(0, -1);
    return this.#devices.get(above.length === 0 ? `usb${bus}` : `${bus}-${above.join('.')}`);
  }

  #inPort(hub: string, port: number): SimUsbDevice | undefined {
    const all = [...this.#devices.values()];
    return all.find((one) => one.isConnected && one.ports.at(-1) === port && this.#hubOf(one)?.name === hub);
  }

  /** Sets the attributes of the hub's port. */
  #setPort(device: SimUsbDevice, isThere: boolean): void {
    const hub = this.#hubOf(device);
    const port = `${hub?.interfaces[0]?.path}/${hub?.name}-port${device.ports.at(-1)}`;
    if (!this.#kernel.exists(port)) return;
    if (isThere) this.#kernel.link(`${port}/device`, device.path);
    else this.#kernel.tree.delete(`${port}/device`);
    this.#kernel.attribute(`${port}/state`, { show: () => (isThere ? 'configured' : 'not attached') });
  }

  /** Reads the first attribute of a name anywhere below. */
  #find(path: string, name: string): string | undefined {
    for (const entry of this.#kernel.tree.readDir(path)) {
      if (entry === name) return this.#kernel.text(`${path}/${entry}`);
      const found = this.#kernel.isDirectory(`${path}/${entry}`) ? this.#find(`${path}/${entry}`, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
