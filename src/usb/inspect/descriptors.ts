/**
 * Decodes USB descriptors as the bus carries them (USB 2.0 specification, chapter 9.6; USB 3.2, chapter 9.6):
 * little-endian, each with its length and type in front. Fields keep the specification's names.
 *
 * Devices lie, and sysfs may give them in pieces: nothing here trusts a length, and what is not understood is kept as
 * bytes in the place where it stood.
 */

/** bDescriptorType: USB 3.2, table 9-6. */
export const DescriptorType = {
  device: 0x01,
  configuration: 0x02,
  interface: 0x04,
  endpoint: 0x05,
} as const;

/** Of which a descriptor has at least so many bytes, in its bLength; anything shorter is kept undecoded. */
const DEVICE_LENGTH = 18;
const CONFIGURATION_LENGTH = 9;
const INTERFACE_LENGTH = 9;
const ENDPOINT_LENGTH = 7;

/** Any descriptor: its type, and all bLength bytes of it. */
export interface RawDescriptor {
  bDescriptorType: number;
  bytes: Buffer;
}

export interface DeviceDescriptor extends RawDescriptor {
  /** Binary coded decimal: 0x0210 is 2.10. */
  bcdUSB: number;
  bDeviceClass: number;
  bDeviceSubClass: number;
  bDeviceProtocol: number;
  /** In bytes; from 3.0 on the exponent of 2. */
  bMaxPacketSize0: number;
  idVendor: number;
  idProduct: number;
  bcdDevice: number;
  /** Indices of strings, 0 for none. */
  iManufacturer: number;
  iProduct: number;
  iSerialNumber: number;
  bNumConfigurations: number;
}

export interface EndpointDescriptor extends RawDescriptor {
  /** Bits 0 to 3 the number, bit 7 the direction: in when set. */
  bEndpointAddress: number;
  /** Bits 0 and 1 the transfer type. */
  bmAttributes: number;
  /** Bits 0 to 10 in bytes; 11 and 12, at high speed, the additional transactions in a microframe. */
  wMaxPacketSize: number;
  bInterval: number;
  /** What follows the endpoint: SuperSpeed companions, class-specific descriptors. */
  extra: RawDescriptor[];
}

/** One alternate setting of an interface. */
export interface InterfaceDescriptor extends RawDescriptor {
  bInterfaceNumber: number;
  bAlternateSetting: number;
  bNumEndpoints: number;
  bInterfaceClass: number;
  bInterfaceSubClass: number;
  bInterfaceProtocol: number;
  iInterface: number;
  /** As many as there are: bNumEndpoints may differ. */
  endpoints: EndpointDescriptor[];
  /** What follows the interface before its first endpoint: class-specific descriptors. */
  extra: RawDescriptor[];
}

export interface ConfigurationDescriptor extends RawDescriptor {
  /** What the device claims; the descriptors that are there may be fewer or more. */
  wTotalLength: number;
  bNumInterfaces: number;
  bConfigurationValue: number;
  iConfiguration: number;
  bmAttributes: number;
  /** In units of 2 mA, at SuperSpeed 8 mA. */
  bMaxPower: number;
  /** Each alternate setting, in the device's order. */
  interfaces: InterfaceDescriptor[];
  /** What stands before the first interface: interface associations, OTG. */
  extra: RawDescriptor[];
}

export interface DescriptorSet {
  /** Null where the bytes do not begin with one. */
  device: DeviceDescriptor | null;
  configurations: ConfigurationDescriptor[];
  /** What belongs to no configuration. */
  extra: RawDescriptor[];
  /** The bytes from the first descriptor on that cannot be: with a length below 2, or reaching past the end. */
  rest: Buffer;
}

/**
 * Cuts bytes into descriptors by their bLength.
 *
 * @returns the descriptors, and what is left from the first one that cannot be
 */
export function splitDescriptors(bytes: Buffer): { descriptors: RawDescriptor[]; rest: Buffer } {
  const descriptors: RawDescriptor[] = [];
  let offset = 0;
  while (offset + 2 <= bytes.length) {
    const bLength = bytes.readUInt8(offset);
    if (bLength < 2 || offset + bLength > bytes.length) break;
    descriptors.push({ bDescriptorType: bytes.readUInt8(offset + 1), bytes: bytes.subarray(offset, offset + bLength) });
    offset += bLength;
  }
  return { descriptors, rest: bytes.subarray(offset) };
}

/**
 * Decodes a device descriptor and the configurations that follow it, as sysfs has them in `descriptors`. A configuration
 * lasts until the next one begins: the kernel cuts them to what it could use, without mending their wTotalLength.
 */
export function parseDescriptors(bytes: Buffer): DescriptorSet {
  const { descriptors, rest } = splitDescriptors(bytes);
  const set: DescriptorSet = { device: null, configurations: [], extra: [], rest };
  let configuration: ConfigurationDescriptor | undefined;
  let setting: InterfaceDescriptor | undefined;
  let endpoint: EndpointDescriptor | undefined;
  for (const [index, raw] of descriptors.entries()) {
    const { bDescriptorType: type, bytes } = raw;
    if (index === 0 && type === DescriptorType.device && bytes.length >= DEVICE_LENGTH) {
      set.device = deviceDescriptor(raw);
    } else if (type === DescriptorType.configuration && bytes.length >= CONFIGURATION_LENGTH) {
      configuration = configurationDescriptor(raw);
      setting = undefined;
      endpoint = undefined;
      set.configurations.push(configuration);
    } else if (type === DescriptorType.interface && bytes.length >= INTERFACE_LENGTH && configuration !== undefined) {
      setting = interfaceDescriptor(raw);
      endpoint = undefined;
      configuration.interfaces.push(setting);
    } else if (type === DescriptorType.endpoint && bytes.length >= ENDPOINT_LENGTH && setting !== undefined) {
      endpoint = endpointDescriptor(raw);
      setting.endpoints.push(endpoint);
    } else {
      (endpoint ?? setting ?? configuration ?? set).extra.push(raw);
    }
  }
  return set;
}

function deviceDescriptor({ bDescriptorType, bytes }: RawDescriptor): DeviceDescriptor {
  return {
    bDescriptorType,
    bytes,
    bcdUSB: bytes.readUInt16LE(2),
    bDeviceClass: bytes.readUInt8(4),
    bDeviceSubClass: bytes.readUInt8(5),
    bDeviceProtocol: bytes.readUInt8(6),
    bMaxPacketSize0: bytes.readUInt8(7),
    idVendor: bytes.readUInt16LE(8),
    idProduct: bytes.readUInt16LE(10),
    bcdDevice: bytes.readUInt16LE(12),
    iManufacturer: bytes.readUInt8(14),
    iProduct: bytes.readUInt8(15),
    iSerialNumber: bytes.readUInt8(16),
    bNumConfigurations: bytes.readUInt8(17),
  };
}

function configurationDescriptor({ bDescriptorType, bytes }: RawDescriptor): ConfigurationDescriptor {
  return {
    bDescriptorType,
    bytes,
    wTotalLength: bytes.readUInt16LE(2),
    bNumInterfaces: bytes.readUInt8(4),
    bConfigurationValue: bytes.readUInt8(5),
    iConfiguration: bytes.readUInt8(6),
    bmAttributes: bytes.readUInt8(7),
    bMaxPower: bytes.readUInt8(8),
    interfaces: [],
    extra: [],
  };
}

function interfaceDescriptor({ bDescriptorType, bytes }: RawDescriptor): InterfaceDescriptor {
  return {
    bDescriptorType,
    bytes,
    bInterfaceNumber: bytes.readUInt8(2),
    bAlternateSetting: bytes.readUInt8(3),
    bNumEndpoints: bytes.readUInt8(4),
    bInterfaceClass: bytes.readUInt8(5),
    bInterfaceSubClass: bytes.readUInt8(6),
    bInterfaceProtocol: bytes.readUInt8(7),
    iInterface: bytes.readUInt8(8),
    endpoints: [],
    extra: [],
  };
}

function endpointDescriptor({ bDescriptorType, bytes }: RawDescriptor): EndpointDescriptor {
  return {
    bDescriptorType,
    bytes,
    bEndpointAddress: bytes.readUInt8(2),
    bmAttributes: bytes.readUInt8(3),
    wMaxPacketSize: bytes.readUInt16LE(4),
    bInterval: bytes.readUInt8(6),
    extra: [],
  };
}
