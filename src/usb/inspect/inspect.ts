import type { UsbAttributes, UsbDeviceInfo, UsbInterface } from '../../model/device';
import type { Names } from '../../names/database';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { usbClassName } from '../class-names';
import {
  compareUsbAddresses,
  parseUsbAddress,
  parseUsbInterface,
  threeDigits,
  type UsbAddress,
  type UsbInterfaceAddress,
} from './address';
import { inspectInterfaces } from './interfaces';

export const USB_DEVICES = '/sys/bus/usb/devices';

/** Text that older kernels put in place of the strings of a device that is not authorized: usb_deauthorize_device(). */
const UNAUTHORIZED = 'n/a (unauthorized)';

/**
 * Lists the USB devices of the machine, root hubs too, by bus and port. Opens no node.
 *
 * @param errors takes what could not be read
 */
export function listUsb(sys: SysTree, names: Names, errors: ReadError[] = []): UsbDeviceInfo[] {
  const { addresses, interfaces } = readDirectory(sys, errors);
  return [...addresses]
    .sort((a, b) => compareUsbAddresses(a[1], b[1]))
    .map(([name, address]) => inspectDevice(sys, names, name, address, interfaces.get(name) ?? []))
    .filter((device) => device !== null);
}

/**
 * Inspects one USB device from sysfs alone.
 *
 * @param name `1-2.3`, or `usb1` for a root hub
 * @returns null if there is none
 */
export function inspectUsb(sys: SysTree, names: Names, name: string): UsbDeviceInfo | null {
  const { addresses, interfaces } = readDirectory(sys);
  const address = addresses.get(name);
  return address === undefined ? null : inspectDevice(sys, names, name, address, interfaces.get(name) ?? []);
}

/** Lists devices and interfaces, which sysfs has side by side: no device's directory need be listed. */
function readDirectory(sys: SysTree, errors: ReadError[] = []) {
  const addresses = new Map<string, UsbAddress>();
  const interfaces = new Map<string, UsbInterfaceAddress[]>();
  for (const name of new AttributeReader(sys, errors).names(USB_DEVICES)) {
    const address = parseUsbAddress(name);
    if (address !== null) addresses.set(name, address);
    const intf = address === null ? parseUsbInterface(name) : null;
    if (intf === null) continue;
    const siblings = interfaces.get(intf.device);
    if (siblings === undefined) interfaces.set(intf.device, [intf]);
    else siblings.push(intf);
  }
  return { addresses, interfaces };
}

function inspectDevice(
  sys: SysTree,
  names: Names,
  address: string,
  { bus: rootHub, ports }: UsbAddress,
  registered: readonly UsbInterfaceAddress[],
): UsbDeviceInfo | null {
  const reader = new AttributeReader(sys);
  const dir = `${USB_DEVICES}/${address}`;
  const configuration = activeConfiguration(reader, dir, registered);
  const bus = positive(reader.number(`${dir}/busnum`)) ?? rootHub;
  const speedMbps = speed(reader.text(`${dir}/speed`));
  // The kernel configures none that is not authorized: usb_set_configuration().
  const authorized = configuration !== null || flag(reader.number(`${dir}/authorized`));
  const string = (name: string) => {
    const text = reader.text(`${dir}/${name}`);
    return authorized === false && text === UNAUTHORIZED ? null : text;
  };
  const facts = {
    ports,
    speedMbps,
    usbVersion: reader.text(`${dir}/version`),
    class: reader.hex(`${dir}/bDeviceClass`, 2),
    manufacturer: string('manufacturer'),
    product: string('product'),
    serial: string('serial'),
    authorized,
    configuration,
    interfaces:
      configuration === null ? [] : inspectInterfaces(reader, USB_DEVICES, dir, configuration, speedMbps, registered),
  };
  const vendorId = reader.hex(`${dir}/idVendor`, 4);
  const deviceId = reader.hex(`${dir}/idProduct`, 4);
  // Every device has it, and it is read last: where it is there, the device was there to the end.
  const device = positive(reader.number(`${dir}/devnum`));
  if (device === null && sys.access(dir) === null) return null;
  // Address 0 is that of a device that has none yet.
  const usb: UsbAttributes = { bus, device: device ?? 0, ...facts };
  const drivers = driversOf(usb.interfaces);
  const node = device === null ? null : `/dev/bus/usb/${threeDigits(bus)}/${threeDigits(device)}`;
  return {
    address,
    framework: 'usb',
    vendorId,
    deviceId,
    name: nameOf(names, vendorId, deviceId, usb, () => className(reader, dir, usb.class)),
    driver: drivers.length === 1 ? (drivers[0] ?? null) : null,
    drivers,
    node,
    access: node === null ? null : sys.access(node),
    errors: reader.errors,
    usb,
  };
}

/** Reads bConfigurationValue of the active configuration. The attribute of an unconfigured device is there but empty. */
function activeConfiguration(
  reader: AttributeReader,
  dir: string,
  registered: readonly UsbInterfaceAddress[],
): number | null {
  const text = reader.bytes(`${dir}/bConfigurationValue`)?.toString('latin1').trim();
  if (text === '') return null;
  if (text !== undefined && /^\d{1,3}$/.test(text)) return Number(text);
  // Only a configured device has interfaces, and their names tell of which configuration.
  return registered[0]?.configuration ?? null;
}

/** Parses a speed in Mbit/s; null for `unknown`. */
function speed(text: string | null): number | null {
  return text !== null && /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) || null : null;
}

/** Lists the drivers of interfaces, each once. The device itself is always driven by `usb`, which tells nothing. */
function driversOf(interfaces: readonly UsbInterface[]): string[] {
  return [...new Set(interfaces.map(({ driver }) => driver).filter((driver) => driver !== null))];
}

/**
 * Names a device: as it calls itself, else as usb.ids calls it, else by its class.
 *
 * @param ownClass names the class of the device itself
 */
function nameOf(
  names: Names,
  vendorId: string | null,
  deviceId: string | null,
  usb: UsbAttributes,
  ownClass: () => string,
): string {
  const { manufacturer, product } = usb;
  // The manufacturer of a root hub is the kernel's version.
  if (product !== null && usb.ports.length === 0) return product;
  if (product !== null && manufacturer !== null) return join(manufacturer, product);
  const known = names.usbName(vendorId, deviceId);
  const maker = manufacturer ?? known.vendor;
  if (product !== null) return maker === null ? product : join(maker, product, firstWord(maker));
  if (known.device !== null) return join(maker, known.device);
  const kind = isTelling(usb.class) ? ownClass() : (usb.interfaces[0]?.className ?? 'USB device');
  if (maker !== null) return join(maker, kind);
  return vendorId === null || deviceId === null ? kind : `${kind} [${vendorId}:${deviceId}]`;
}

/** Classes of a device that leave it to its interfaces to say what it is. */
const UNTELLING_CLASSES = new Set(['00', 'ef', 'ff']);

function isTelling(baseClass: string | null): boolean {
  return baseClass !== null && !UNTELLING_CLASSES.has(baseClass);
}

/** Names the class of a device. Only a device without a better name is asked for its subclass and protocol. */
function className(reader: AttributeReader, dir: string, baseClass: string | null): string {
  const subclass = reader.hex(`${dir}/bDeviceSubClass`, 2) ?? '';
  const protocol = reader.hex(`${dir}/bDeviceProtocol`, 2) ?? '';
  return usbClassName(baseClass ?? '', subclass, protocol);
}

/** Joins maker and product, once where the product begins with the maker. @param known the maker as products have it */
function join(maker: string | null, product: string, known: string | null = maker): string {
  return maker === null || product.toLowerCase().startsWith((known ?? maker).toLowerCase())
    ? product
    : `${maker} ${product}`;
}

/** The name in a vendor's full name: `Logitech` in `Logitech, Inc.`. */
function firstWord(vendor: string): string {
  return /^[^\s,]+/.exec(vendor)?.[0] ?? vendor;
}

/** Reads 0 and 1. @returns null for anything else */
function flag(value: number | null): boolean | null {
  return value === 0 ? false : value === 1 ? true : null;
}

function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}
