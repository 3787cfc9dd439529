import { posix } from 'node:path';
import type { PollEvent } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { IrqLine } from '../hardware/irq-line';
import type { SimRegion } from '../hardware/region';
import { Errno } from '../kernel/errno';
import type { OpenFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { Saved, StateReader } from '../state/saved';

/** include/linux/uio_driver.h: MAX_UIO_MAPS. */
const MAX_MAPS = 5;
/** The size of the word that read and write take: an s32 in the CPU's byte order. */
const WORD = 4;
/** More than the machine has; include/linux/uio_driver.h allows 2^20. */
const MAX_DEVICES = 64;
const MAX_PATH = 4096;
/** Dynamic on a real machine. */
const MAJOR = 247;

/** A memory region: struct uio_mem of memtype UIO_MEM_PHYS. */
export interface UioMap {
  readonly name: string;
  /** The address of its first page. */
  readonly address: number;
  /** The device's offset in that page. */
  readonly offset: number;
  /** In whole pages: as much as can be mapped. */
  readonly size: number;
  /** Addressed from the first page. */
  readonly region: SimRegion;
}

/** A port region: struct uio_port. It is reported and never mapped. */
export interface UioPort {
  readonly name: string;
  readonly start: number;
  readonly size: number;
  readonly type: 'none' | 'x86' | 'gpio' | 'other';
}

/** A device as its driver registers it: struct uio_info. */
export interface SimUioInfo {
  readonly name: string;
  readonly version: string;
  /** Null: UIO_IRQ_NONE. */
  readonly irq: IrqLine | null;
  readonly maps: readonly UioMap[];
  readonly ports: readonly UioPort[];
  /** Returns whether it was this device's interrupt, which counts as an event. */
  handler(): boolean;
  irqControl?(on: boolean): void;
  /** The driver's own memory of whether it has its interrupt enabled. */
  readonly irqState?: { enabled: boolean };
  open?(): void;
  release?(): void;
}

/** drivers/uio/uio.c: numbers, nodes and attributes of UIO devices. Read from 6.12, checked by running it. */
export class UioCore {
  readonly #kernel: Kernel;
  readonly #devices = new Map<number, SimUioDevice>();
  /** The numbers that parents get while a kept state is restored. */
  #numbers: ReadonlyMap<string, number> = new Map();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /**
   * Registers a device under the lowest free number, or the one that it had.
   *
   * @param parent below /sys/devices, without links
   */
  register(parent: string, info: SimUioInfo): SimUioDevice {
    let minor = this.#numbers.get(parent) ?? 0;
    while (this.#devices.has(minor)) minor++;
    const device = new SimUioDevice(this.#kernel, `uio${minor}`, `${parent}/uio/uio${minor}`, info);
    this.#devices.set(minor, device);
    install(this.#kernel, device, parent, minor, info);
    device.start();
    this.#kernel.notify('add', device.path);
    return device;
  }

  /** Removes a device. Files of it that are open answer with errors from then on. */
  unregister(device: SimUioDevice): void {
    device.stop();
    for (const [minor, known] of this.#devices) if (known === device) this.#devices.delete(minor);
    this.#kernel.notify('remove', device.path);
    // The directory above it was made for it, and goes too.
    this.#kernel.removeDevice(posix.dirname(device.path));
    this.#kernel.wake();
  }

  /** Returns the devices by number. */
  save(): Saved {
    return Object.fromEntries(
      [...this.#devices].map(([minor, { path, event, info }]) => [
        minor,
        { parent: parentOf(path), event, irqEnabled: info?.irqState?.enabled ?? true },
      ]),
    );
  }

  /**
   * Gives devices that are registered from now on the numbers that they had.
   *
   * @returns whether the device of this parent has another number now
   */
  restoreNumbers(state: StateReader): (parent: string) => boolean {
    const parents = state.entries(MAX_DEVICES).map(([minor, device]) => [device.at('parent').text(MAX_PATH), minor]);
    this.#numbers = new Map(parents.map(([parent = '', minor]) => [parent, Number(minor)]));
    const now = new Map([...this.#devices].map(([minor, { path }]) => [parentOf(path), minor]));
    return (parent) => now.has(parent) && now.get(parent) !== this.#numbers.get(parent);
  }

  /** Sets counts and interrupts of the devices as they were; all are registered again by now. */
  restore(state: StateReader): void {
    this.#numbers = new Map();
    for (const [minor, saved] of state.entries(MAX_DEVICES)) {
      const device = this.#devices.get(Number(minor)) ?? saved.fail('has no UIO driver');
      if (parentOf(device.path) !== saved.at('parent').text(MAX_PATH)) saved.fail('is another device');
      device.event = saved.at('event').integer(0x7fffffff, -0x80000000);
      const irqState = device.info?.irqState;
      if (irqState !== undefined) irqState.enabled = saved.at('irqEnabled').flag();
    }
  }

  find(name: string): SimUioDevice | undefined {
    return [...this.#devices.values()].find((device) => device.name === name);
  }
}

/** struct uio_device */
export class SimUioDevice {
  readonly name: string;
  readonly path: string;
  readonly #kernel: Kernel;
  /** Null once it is unregistered. */
  #info: SimUioInfo | null;
  /** Interrupts so far; an s32 that wraps. */
  #event = 0;

  constructor(kernel: Kernel, name: string, path: string, info: SimUioInfo) {
    this.#kernel = kernel;
    this.name = name;
    this.path = path;
    this.#info = info;
  }

  get info(): SimUioInfo | null {
    return this.#info;
  }

  get event(): number {
    return this.#event;
  }

  set event(count: number) {
    this.#event = count | 0;
    this.#kernel.wake();
  }

  /** uio_interrupt_handler(), uio_interrupt_thread() */
  start(): void {
    this.#info?.irq?.request(() => {
      if (this.#info?.handler() !== true) return false;
      this.event++;
      return true;
    });
  }

  stop(): void {
    this.#info?.irq?.free();
    this.#info = null;
  }
}

/**
 * An open node: struct uio_listener. Each counts the events it has seen for itself, so that each opener gets every
 * event.
 */
class UioFile implements OpenFile {
  readonly #kernel: Kernel;
  readonly #device: SimUioDevice;
  #seen: number;

  constructor(kernel: Kernel, device: SimUioDevice) {
    this.#kernel = kernel;
    this.#device = device;
    this.#seen = device.event;
    device.info?.open?.();
  }

  /** uio_read(): checks the size first, then whether there is an interrupt. */
  read(buffer: Buffer): number {
    if (buffer.length !== WORD) throw new Errno('EINVAL');
    const { info, event } = this.#device;
    if (info === null || info.irq === null) throw new Errno('EIO');
    if (event === this.#seen) throw new Errno('EAGAIN');
    Buffer.from(Int32Array.of(event).buffer).copy(buffer);
    this.#seen = event;
    return WORD;
  }

  /** uio_read() ignores the position. */
  pread(buffer: Buffer): number {
    return this.read(buffer);
  }

  write(data: Buffer): number {
    if (data.length !== WORD) throw new Errno('EINVAL');
    const { info } = this.#device;
    if (info === null) throw new Errno('EINVAL');
    if (info.irq === null) throw new Errno('EIO');
    if (info.irqControl === undefined) throw new Errno('ENOSYS');
    info.irqControl(new Int32Array(Uint8Array.from(data).buffer)[0] !== 0);
    return WORD;
  }

  pwrite(data: Buffer): number {
    return this.write(data);
  }

  /** uio_mmap(): the page offset is the number of the map, and the length at most the map's pages. */
  mmap(length: number, _writable: boolean, offset: number): SimRegion {
    const number = offset / this.#kernel.pageSize;
    const map = number < MAX_MAPS ? this.#device.info?.maps[number] : undefined;
    if (map === undefined || length > map.size) throw new Errno('EINVAL');
    return map.region;
  }

  /** uio_poll() answers an error where there is nothing to wait for, and an error is readiness. */
  ready(wanted: PollEvent): boolean {
    const { info, event } = this.#device;
    return info === null || info.irq === null || (wanted === 'readable' && event !== this.#seen);
  }

  close(): void {
    this.#device.info?.release?.();
  }
}

/** Makes the node and the attributes: uio_dev_add_attributes() and the class. */
function install(kernel: Kernel, device: SimUioDevice, parent: string, minor: number, info: SimUioInfo): void {
  const { name, path } = device;
  const fixed = (attribute: string, text: string) => kernel.attribute(`${path}/${attribute}`, { show: () => text });
  fixed('name', info.name);
  fixed('version', info.version);
  fixed('dev', `${MAJOR}:${minor}`);
  fixed('uevent', `MAJOR=${MAJOR}\nMINOR=${minor}\nDEVNAME=${name}`);
  kernel.attribute(`${path}/event`, { show: () => String(device.event >>> 0) });
  kernel.link(`${path}/device`, parent);
  kernel.link(`${path}/subsystem`, '/sys/class/uio');
  for (const [index, map] of info.maps.entries()) {
    fixed(`maps/map${index}/name`, map.name);
    fixed(`maps/map${index}/addr`, pointer(map.address));
    fixed(`maps/map${index}/size`, pointer(map.size));
    fixed(`maps/map${index}/offset`, hex(map.offset));
  }
  for (const [index, port] of info.ports.entries()) {
    fixed(`portio/port${index}/name`, port.name);
    fixed(`portio/port${index}/start`, hex(port.start));
    fixed(`portio/port${index}/size`, hex(port.size));
    fixed(`portio/port${index}/porttype`, `port_${port.type}`);
  }
  kernel.link(`/sys/class/uio/${name}`, path);
  kernel.node(`/dev/${name}`, () => new UioFile(kernel, device));
}

/** Returns the directory of the device that a UIO device belongs to. */
function parentOf(path: string): string {
  return posix.resolve(path, '../..');
}

/** printf's %pa: as wide as an address. */
function pointer(value: number): string {
  return hex(value, 16);
}
