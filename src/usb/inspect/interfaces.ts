import type { TransferType, UsbEndpoint, UsbInterface } from '../../model/device';
import type { AttributeReader } from '../../sys/readers/attributes';
import { hexDigits } from '../../text/hex';
import { usbClassName } from '../class-names';
import { endpointName, type UsbInterfaceAddress } from './address';
import { bandwidthOf } from './bandwidth';
import { type EndpointDescriptor, readSettings, type SettingDescriptor } from './settings';

/** Bits 0 and 1 of bmAttributes: USB 2.0, table 9-13. */
const TRANSFER_TYPES: readonly TransferType[] = ['control', 'isochronous', 'bulk', 'interrupt'];

/** Transfer types in sysfs, in the order of bmAttributes: drivers/usb/core/endpoint.c. */
const TYPES_IN_SYSFS: readonly (string | null)[] = ['Control', 'Isoc', 'Bulk', 'Interrupt'];

/** State of an interface that its directory has, and no descriptor. */
interface State {
  alt: number;
  driver: string | null;
}

/** State of an interface that the kernel has not registered: as the device was configured, without a driver. */
const INITIAL: State = { alt: 0, driver: null };

/**
 * Reads the interfaces of the active configuration: an entry for each alternate setting, by number. An interface's
 * directory in sysfs shows the current setting only; the others are in `descriptors`. Where that file is missing or cut
 * short, the entries come from the directories alone.
 *
 * @param devices the directory of all devices and interfaces
 * @param dir the device's own directory
 * @param speedMbps the device's speed
 * @param registered the interfaces that have a directory
 */
export function inspectInterfaces(
  reader: AttributeReader,
  devices: string,
  dir: string,
  configuration: number,
  speedMbps: number | null,
  registered: readonly UsbInterfaceAddress[],
): UsbInterface[] {
  const settings = new Map<string, UsbInterface>();
  const states = new Map<number, State>();
  const present = registered.filter((address) => address.configuration === configuration);
  for (const { name, number } of present) {
    states.set(number, {
      alt: byte(reader.number(`${devices}/${name}/bAlternateSetting`)),
      driver: reader.linkName(`${devices}/${name}/driver`),
    });
  }
  const descriptors = reader.bytes(`${dir}/descriptors`);
  for (const descriptor of descriptors === null ? [] : readSettings(descriptors, configuration)) {
    const setting = fromDescriptor(descriptor, speedMbps, states.get(descriptor.bInterfaceNumber) ?? INITIAL);
    const key = `${setting.number}.${setting.alt}`;
    // The kernel uses the first of two that are the same.
    if (!settings.has(key)) settings.set(key, setting);
  }
  for (const { name, number } of present) {
    const state = states.get(number) ?? INITIAL;
    const key = `${number}.${state.alt}`;
    if (!settings.has(key)) settings.set(key, fromDirectory(reader, `${devices}/${name}`, speedMbps, number, state));
  }
  return [...settings.values()].sort((a, b) => a.number - b.number || a.alt - b.alt);
}

function fromDescriptor(descriptor: SettingDescriptor, speedMbps: number | null, { alt, driver }: State): UsbInterface {
  const [base, subclass, protocol] = [
    hexDigits(descriptor.bInterfaceClass, 2),
    hexDigits(descriptor.bInterfaceSubClass, 2),
    hexDigits(descriptor.bInterfaceProtocol, 2),
  ];
  return {
    number: descriptor.bInterfaceNumber,
    alt: descriptor.bAlternateSetting,
    active: descriptor.bAlternateSetting === alt,
    class: base,
    subclass,
    protocol,
    className: usbClassName(base, subclass, protocol),
    driver,
    endpoints: descriptor.endpoints.map((endpoint) => endpointFromDescriptor(endpoint, speedMbps)),
  };
}

function endpointFromDescriptor(descriptor: EndpointDescriptor, speedMbps: number | null): UsbEndpoint {
  const { bEndpointAddress, bmAttributes } = descriptor;
  const type = TRANSFER_TYPES[bmAttributes & 3] ?? 'control';
  return {
    address: endpointName(bEndpointAddress),
    direction: bEndpointAddress & 0x80 ? 'in' : 'out',
    type,
    ...bandwidthOf(descriptor, type, speedMbps),
  };
}

/** Reads the current setting from the attributes of the interface's directory. */
function fromDirectory(
  reader: AttributeReader,
  dir: string,
  speedMbps: number | null,
  number: number,
  { alt, driver }: State,
): UsbInterface {
  const base = reader.hex(`${dir}/bInterfaceClass`, 2) ?? '00';
  const subclass = reader.hex(`${dir}/bInterfaceSubClass`, 2) ?? '00';
  const protocol = reader.hex(`${dir}/bInterfaceProtocol`, 2) ?? '00';
  return {
    number,
    alt,
    active: true,
    class: base,
    subclass,
    protocol,
    className: usbClassName(base, subclass, protocol),
    driver,
    endpoints: reader
      .names(dir)
      .filter((name) => /^ep_[0-9a-f]{2}$/.test(name))
      .sort()
      .map((name) => endpointFromDirectory(reader, `${dir}/${name}`, speedMbps, Number.parseInt(name.slice(3), 16)))
      .filter((endpoint) => endpoint !== null),
  };
}

/** Reads an endpoint's directory. @returns null where it has no type */
function endpointFromDirectory(
  reader: AttributeReader,
  dir: string,
  speedMbps: number | null,
  bEndpointAddress: number,
): UsbEndpoint | null {
  const bmAttributes = TYPES_IN_SYSFS.indexOf(reader.text(`${dir}/type`));
  if (bmAttributes < 0) return null;
  const wMaxPacketSize = Number.parseInt(reader.hex(`${dir}/wMaxPacketSize`, 4) ?? '0', 16);
  const bInterval = Number.parseInt(reader.hex(`${dir}/bInterval`, 2) ?? '0', 16);
  // A companion has no attributes.
  const none = { companion: null, dwBytesPerInterval: null };
  return endpointFromDescriptor({ bEndpointAddress, bmAttributes, wMaxPacketSize, bInterval, ...none }, speedMbps);
}

function byte(value: number | null): number {
  return value !== null && value >= 0 && value <= 0xff ? value : 0;
}
