import { inspectPci, listPci } from '../devices/pci-functions';
import type { DeviceInfo, Framework, UsbDeviceInfo } from '../model/device';
import type { Names } from '../names/database';
import { isPciAddress } from '../pci/address';
import type { SysTree } from '../sys/sys';
import { inspectUio, listUio } from '../uio/inspect';
import { interfaceName, parseUsbAddress, parseUsbInterface } from '../usb/inspect/address';
import { inspectUsb, listUsb } from '../usb/inspect/inspect';
import type { DeviceAction, DeviceEvent, EventSubject } from './event';
import type { Uevent } from './uevent';

/** The part of the kernel that names a device: the UIO class, or its bus. */
type Origin = 'uio' | 'pci' | 'usb';

/** The facts that are remembered of a device. */
interface KnownDevice extends EventSubject {
  origin: Origin;
  /** The number that USB gives each device it finds: another at the same address is another device. */
  number: number | null;
}

/**
 * The devices as they were last seen. The kernel tells little of one that went, so that its facts have to be
 * remembered; and what it tells twice, or after it was found by looking, becomes one event.
 */
export class KnownDevices {
  readonly #sys: SysTree;
  readonly #names: Names;
  readonly #type: Framework | undefined;
  /** By address: no two of them share one. */
  readonly #devices = new Map<string, KnownDevice>();
  /** The drivers of USB interfaces, by the interface's name. */
  readonly #drivers = new Map<string, string>();

  /** @param type as for `listDevices`: `pci` is every PCI function */
  constructor(sys: SysTree, names: Names, type: Framework | undefined) {
    this.#sys = sys;
    this.#names = names;
    this.#type = type;
  }

  get size(): number {
    return this.#devices.size;
  }

  /** Looks, and returns the changes: devices that went, then those that came, then drivers and nodes. */
  look(): DeviceEvent[] {
    const now = new Map(this.#list().map((device) => [device.address, device]));
    const gone = [...this.#devices.values()].filter((known) => !isSame(known, now.get(known.address)));
    return this.#wanted([
      ...gone.map((known) => this.#removed(known)),
      ...[...now.values()].flatMap((device) => this.#seen(device)),
    ]);
  }

  /** Returns the events that a kernel message tells; none where it is about something else, or known already. */
  hear(uevent: Uevent): DeviceEvent[] {
    const origin = this.#originOf(uevent);
    if (origin !== null) return this.#wanted(this.#device(uevent, origin));
    if (isInterface(uevent) && this.#looksAt('usb')) return this.#wanted(this.#interface(uevent));
    return [];
  }

  /**
   * A new device as it is now: its node and what may be done with it come a moment after it.
   *
   * @returns false where it is gone again
   */
  refresh(event: DeviceEvent): boolean {
    const known = this.#devices.get(event.address);
    const device = known === undefined ? null : this.#inspect(known.origin, known.address);
    if (known === undefined || device === null) return false;
    const { node, access } = device;
    Object.assign(known, { node, access });
    Object.assign(event, { node, access });
    return true;
  }

  #list(): DeviceInfo[] {
    return [
      ...(this.#looksAt('uio') ? listUio(this.#sys) : []),
      ...(this.#looksAt('pci') ? listPci(this.#sys, this.#names) : []),
      ...(this.#looksAt('usb') ? listUsb(this.#sys, this.#names) : []),
    ];
  }

  #inspect(origin: Origin, address: string): DeviceInfo | null {
    if (origin === 'uio') return inspectUio(this.#sys, address);
    if (origin === 'pci') return inspectPci(this.#sys, this.#names, address);
    return inspectUsb(this.#sys, this.#names, address);
  }

  #looksAt(origin: Origin): boolean {
    return this.#type === undefined || this.#type === origin || (this.#type === 'vfio' && origin === 'pci');
  }

  #wanted(events: DeviceEvent[]): DeviceEvent[] {
    const type = this.#type;
    // `pci` is every PCI function, and only those are looked at.
    return type === 'vfio' ? events.filter(({ framework }) => framework === 'vfio') : events;
  }

  #originOf({ subsystem, name, properties }: Uevent): Origin | null {
    if (subsystem === 'uio' && /^uio\d+$/.test(name)) return this.#looksAt('uio') ? 'uio' : null;
    if (subsystem === 'pci' && isPciAddress(name)) return this.#looksAt('pci') ? 'pci' : null;
    const isUsb = subsystem === 'usb' && properties.get('DEVTYPE') === 'usb_device' && parseUsbAddress(name) !== null;
    return isUsb && this.#looksAt('usb') ? 'usb' : null;
  }

  /** A device that is there. */
  #seen(device: DeviceInfo): DeviceEvent[] {
    const known = this.#devices.get(device.address);
    const found = knownOf(device);
    this.#devices.set(device.address, found);
    const drivers = new Map(device.framework === 'usb' ? driversOf(device) : []);
    if (known === undefined) {
      for (const [name, driver] of drivers) this.#drivers.set(name, driver);
      return [event('add', found)];
    }
    const events = device.framework === 'usb' ? this.#usbDrivers(found, drivers) : pciDriver(known, found);
    const isMoved = known.node !== found.node || known.access !== found.access;
    // With another driver it has another node.
    return isMoved && events.length === 0 ? [event('change', found)] : events;
  }

  #device(uevent: Uevent, origin: Origin): DeviceEvent[] {
    const known = this.#devices.get(uevent.name);
    if (uevent.action === 'add') return this.#added(uevent, origin, known);
    // A message about an older device at that address: the present one was found by looking.
    if (known === undefined || known.number !== numberOf(uevent)) return [];
    switch (uevent.action) {
      case 'remove':
        return [this.#removed(known)];
      case 'bind':
        // The driver of a USB device is `usb`, for nearly all of them; those of its interfaces are what tells.
        return origin === 'pci' ? this.#bound(uevent, known) : [];
      case 'unbind':
        return origin === 'pci' ? this.#unbound(known) : [];
      case 'change':
        return this.#changed(known);
      default:
        return [];
    }
  }

  #added(uevent: Uevent, origin: Origin, known: KnownDevice | undefined): DeviceEvent[] {
    const found = this.#inspect(origin, uevent.name);
    const looked = found === null ? null : knownOf(found);
    const number = numberOf(uevent);
    if (known !== undefined && (known.number === number || known.number === looked?.number)) return [];
    const added = looked !== null && looked.number === number ? looked : fromMessage(uevent, origin);
    // sysfs may be ahead of the messages: that a driver took it is still to be heard.
    if (origin !== 'uio') forgetDriver(added);
    const events = known === undefined ? [] : [this.#removed(known)];
    this.#devices.set(added.address, added);
    return [...events, event('add', added)];
  }

  #removed(known: KnownDevice): DeviceEvent {
    this.#devices.delete(known.address);
    for (const name of this.#interfacesOf(known)) this.#drivers.delete(name);
    return event('remove', known);
  }

  #bound({ properties, name }: Uevent, known: KnownDevice): DeviceEvent[] {
    const driver = properties.get('DRIVER') ?? null;
    const found = inspectPci(this.#sys, this.#names, name);
    const now: KnownDevice = found?.driver === driver ? knownOf(found) : { ...known, driver };
    this.#devices.set(name, now);
    return pciDriver(known, now);
  }

  #unbound(known: KnownDevice): DeviceEvent[] {
    const now = { ...known };
    forgetDriver(now);
    this.#devices.set(known.address, now);
    return pciDriver(known, now);
  }

  #changed(known: KnownDevice): DeviceEvent[] {
    const found = this.#inspect(known.origin, known.address);
    if (found === null) return [];
    const { node, access } = found;
    if (!isSame(known, found) || (node === known.node && access === known.access)) return [];
    Object.assign(known, { node, access });
    return [event('change', known)];
  }

  #interface({ action, name, properties }: Uevent): DeviceEvent[] {
    const known = this.#devices.get(parseUsbInterface(name)?.device ?? '');
    if (known === undefined) return [];
    if (action === 'bind') return this.#usbDriver(known, name, properties.get('DRIVER'));
    return action === 'unbind' || action === 'remove' ? this.#usbDriver(known, name, undefined) : [];
  }

  /** The drivers of all interfaces of a device as they are now. */
  #usbDrivers(device: KnownDevice, now: ReadonlyMap<string, string>): DeviceEvent[] {
    const names = new Set([...this.#interfacesOf(device), ...now.keys()]);
    return [...names].flatMap((name) => this.#usbDriver(device, name, now.get(name)));
  }

  #usbDriver(device: KnownDevice, name: string, now: string | undefined): DeviceEvent[] {
    const before = this.#drivers.get(name);
    if (now === undefined) this.#drivers.delete(name);
    else this.#drivers.set(name, now);
    const drivers = new Set(this.#interfacesOf(device).map((one) => this.#drivers.get(one)));
    // The one driver that all bound interfaces have, as in a listing.
    device.driver = drivers.size === 1 ? ([...drivers][0] ?? null) : null;
    if (before === now) return [];
    return [
      ...(before === undefined ? [] : [event('unbind', device, { driver: before, interface: name })]),
      ...(now === undefined ? [] : [event('bind', device, { driver: now, interface: name })]),
    ];
  }

  /** The names of the interfaces of a device that have a driver. */
  #interfacesOf({ address }: KnownDevice): string[] {
    return [...this.#drivers.keys()].filter((name) => parseUsbInterface(name)?.device === address);
  }
}

function event(action: DeviceAction, known: KnownDevice, more: Partial<DeviceEvent> = {}): DeviceEvent {
  const { origin, number, ...subject } = known;
  return { time: new Date(), action, ...subject, interface: null, ...more };
}

function knownOf(device: DeviceInfo): KnownDevice {
  const { framework, address, vendorId, deviceId, driver, node, access, name } = device;
  const origin = framework === 'vfio' ? 'pci' : framework;
  const number = device.framework === 'usb' ? device.usb.device : null;
  return { framework, address, vendorId, deviceId, driver, node, access, name, origin, number };
}

/** A function without a driver is none of VFIO's, and has no node. */
function forgetDriver(known: KnownDevice): void {
  known.driver = null;
  if (known.origin === 'pci') Object.assign(known, { framework: 'pci', node: null, access: null });
}

/** Whether what is at its address is still the same device. Of those that have no number, only the ids tell. */
function isSame(known: KnownDevice, device: DeviceInfo | undefined): boolean {
  if (device === undefined) return false;
  const { vendorId, deviceId, number } = knownOf(device);
  return vendorId === known.vendorId && deviceId === known.deviceId && number === known.number;
}

/** Events of a PCI function that has another driver than before. A UIO device comes and goes with its driver. */
function pciDriver(before: KnownDevice, now: KnownDevice): DeviceEvent[] {
  if (before.driver === now.driver || now.origin === 'uio') return [];
  return [
    // The event shows the device as it was left: `vfio`, and its node.
    ...(before.driver === null ? [] : [event('unbind', before)]),
    ...(now.driver === null ? [] : [event('bind', now)]),
  ];
}

/** The interfaces of a USB device that have a driver, by name. */
function driversOf(device: UsbDeviceInfo): [name: string, driver: string][] {
  return device.usb.interfaces.flatMap(({ number, driver }): [string, string][] =>
    driver === null ? [] : [[interfaceName(device, number), driver]],
  );
}

function isInterface({ subsystem, properties }: Uevent): boolean {
  return subsystem === 'usb' && properties.get('DEVTYPE') === 'usb_interface';
}

function numberOf({ properties }: Uevent): number | null {
  const text = properties.get('DEVNUM');
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : null;
}

/** A device that is gone before it could be looked at: what the message says of it. */
function fromMessage(uevent: Uevent, origin: Origin): KnownDevice {
  const { name, properties } = uevent;
  const ids = properties.get(origin === 'usb' ? 'PRODUCT' : 'PCI_ID') ?? '';
  const [, vendor, device] = /^([0-9a-f]{1,4})[/:]([0-9a-f]{1,4})(?![0-9a-f])/i.exec(ids) ?? [];
  const node = properties.get('DEVNAME');
  return {
    origin,
    framework: origin,
    address: name,
    // PRODUCT has no leading zeros, PCI_ID has capitals.
    vendorId: vendor?.toLowerCase().padStart(4, '0') ?? null,
    deviceId: device?.toLowerCase().padStart(4, '0') ?? null,
    driver: null,
    node: node === undefined ? null : `/dev/${node}`,
    access: null,
    name,
    number: numberOf(uevent),
  };
}
