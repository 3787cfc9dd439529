import type { TransferType, UsbEndpoint, UsbInterface } from '../../model/device';
import type { AttributeReader } from '../../sys/readers/attributes';
import { hex, hexDigits } from '../../text/hex';
import type { UsbInterfaceAddress } from './address';
import { usbClassName } from './class-names';
import { type EndpointDescriptor, type InterfaceDescriptor, parseDescriptors } from './descriptors';

/** USB 2.0, table 9-13: bits 0 and 1 of bmAttributes. */
const TRANSFER_TYPES: readonly TransferType[] = ['control', 'isochronous', 'bulk', 'interrupt'];

/** What drivers/usb/core/endpoint.c calls them. */
const TYPES_IN_SYSFS: Readonly<Record<string, TransferType>> = {
  Control: 'control',
  Isoc: 'isochronous',
  Bulk: 'bulk',
  Interrupt: 'interrupt',
};

/** wMaxPacketSize: the bytes of one packet. */
const PACKET_SIZE = 0x7ff;

/** What the directory of an interface says of it, beyond its descriptors. */
interface State {
  alt: number;
  driver: string | null;
}

/** An interface that the kernel has not registered is as the device was configured: in setting 0, without a driver. */
const INITIAL: State = { alt: 0, driver: null };

/**
 * The interfaces of the active configuration, an entry for each alternate setting, by number. sysfs has a directory
 * for each interface that knows the current setting alone; the others are in `descriptors`. Where that is missing or
 * cut short, the directories have to do.
 *
 * @param devices the directory that holds the interfaces'
 * @param dir the device's own
 * @param registered the interfaces that have a directory
 */
export function inspectInterfaces(
  reader: AttributeReader,
  devices: string,
  dir: string,
  configuration: number,
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
  for (const descriptor of describedInterfaces(reader.bytes(`${dir}/descriptors`), configuration)) {
    const setting = fromDescriptor(descriptor, states.get(descriptor.bInterfaceNumber) ?? INITIAL);
    const key = `${setting.number}.${setting.alt}`;
    // As the kernel: of two that are the same, the first.
    if (!settings.has(key)) settings.set(key, setting);
  }
  for (const { name, number } of present) {
    const state = states.get(number) ?? INITIAL;
    const key = `${number}.${state.alt}`;
    if (!settings.has(key)) settings.set(key, fromDirectory(reader, `${devices}/${name}`, number, state));
  }
  return [...settings.values()].sort((a, b) => a.number - b.number || a.alt - b.alt);
}

function describedInterfaces(descriptors: Buffer | null, configuration: number): InterfaceDescriptor[] {
  if (descriptors === null) return [];
  const { configurations } = parseDescriptors(descriptors);
  return configurations.find(({ bConfigurationValue }) => bConfigurationValue === configuration)?.interfaces ?? [];
}

function fromDescriptor(descriptor: InterfaceDescriptor, { alt, driver }: State): UsbInterface {
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
    endpoints: descriptor.endpoints.map(endpointFromDescriptor),
  };
}

function endpointFromDescriptor(descriptor: EndpointDescriptor): UsbEndpoint {
  const { bEndpointAddress } = descriptor;
  return {
    address: hex(bEndpointAddress, 2),
    direction: directionOf(bEndpointAddress),
    type: TRANSFER_TYPES[descriptor.bmAttributes & 3] ?? 'control',
    maxPacketSize: descriptor.wMaxPacketSize & PACKET_SIZE,
    interval: descriptor.bInterval,
  };
}

/** The current setting, from the attributes of the interface's directory. */
function fromDirectory(reader: AttributeReader, dir: string, number: number, { alt, driver }: State): UsbInterface {
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
      .map((name) => endpointFromDirectory(reader, `${dir}/${name}`, name.slice(3)))
      .filter((endpoint) => endpoint !== null),
  };
}

/** Null for one that is too broken to say its type. */
function endpointFromDirectory(reader: AttributeReader, dir: string, address: string): UsbEndpoint | null {
  const type = TYPES_IN_SYSFS[reader.text(`${dir}/type`) ?? ''];
  if (type === undefined) return null;
  return {
    address: `0x${address}`,
    direction: directionOf(Number.parseInt(address, 16)),
    type,
    maxPacketSize: Number.parseInt(reader.hex(`${dir}/wMaxPacketSize`, 4) ?? '0', 16) & PACKET_SIZE,
    interval: Number.parseInt(reader.hex(`${dir}/bInterval`, 2) ?? '0', 16),
  };
}

function directionOf(bEndpointAddress: number): UsbEndpoint['direction'] {
  return bEndpointAddress & 0x80 ? 'in' : 'out';
}

function byte(value: number | null): number {
  return value !== null && value >= 0 && value <= 0xff ? value : 0;
}
