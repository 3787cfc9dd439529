/**
 * Descriptors of a simulated device, as far as its kernel and the device itself work with them: USB 2.0, section 9.6.
 *
 * Not the parser of `src/usb`: the simulated kernel would then agree with every mistake of the code that it tests.
 */

export type EndpointType = 'control' | 'isochronous' | 'bulk' | 'interrupt';

export interface SimEndpoint {
  /** Its number, with its direction in bit 7. */
  readonly address: number;
  readonly type: EndpointType;
  /** The size of one packet in bytes. */
  readonly packetSize: number;
  /** bInterval. */
  readonly interval: number;
  readonly bytes: Buffer;
}

/** One alternate setting of an interface. */
export interface SimSetting {
  readonly number: number;
  readonly alt: number;
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
  /** The index of its string. */
  readonly index: number;
  readonly endpoints: readonly SimEndpoint[];
}

export interface SimConfiguration {
  /** bConfigurationValue */
  readonly value: number;
  readonly bytes: Buffer;
  /** The index of its string. */
  readonly index: number;
  readonly attributes: number;
  /** bMaxPower */
  readonly maxPower: number;
  readonly settings: readonly SimSetting[];
}

export interface SimDescriptors {
  /** 18 bytes. */
  readonly device: Buffer;
  readonly configurations: readonly SimConfiguration[];
}

export const DT_DEVICE = 1;
export const DT_CONFIGURATION = 2;
export const DT_STRING = 3;
export const DT_INTERFACE = 4;
export const DT_ENDPOINT = 5;
export const DT_QUALIFIER = 6;
export const DT_BOS = 15;
export const DEVICE_SIZE = 18;

const TYPES: readonly EndpointType[] = ['control', 'isochronous', 'bulk', 'interrupt'];

/** Parses the descriptors of a sound device. @param bytes as in sysfs: the device's, then each whole configuration */
export function parseDescriptors(bytes: Buffer): SimDescriptors {
  const configurations: SimConfiguration[] = [];
  for (let at = DEVICE_SIZE; at < bytes.length; ) {
    const length = bytes.readUInt16LE(at + 2);
    configurations.push(parseConfiguration(bytes.subarray(at, at + length)));
    at += length;
  }
  return { device: bytes.subarray(0, DEVICE_SIZE), configurations };
}

function parseConfiguration(bytes: Buffer): SimConfiguration {
  const settings: (SimSetting & { endpoints: SimEndpoint[] })[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt8(at)) {
    const one = bytes.subarray(at, at + bytes.readUInt8(at));
    if (one[1] === DT_INTERFACE) settings.push(parseSetting(one));
    else if (one[1] === DT_ENDPOINT) settings.at(-1)?.endpoints.push(parseEndpoint(one));
  }
  return {
    value: bytes.readUInt8(5),
    bytes,
    index: bytes.readUInt8(6),
    attributes: bytes.readUInt8(7),
    maxPower: bytes.readUInt8(8),
    settings,
  };
}

function parseSetting(bytes: Buffer): SimSetting & { endpoints: SimEndpoint[] } {
  return {
    number: bytes.readUInt8(2),
    alt: bytes.readUInt8(3),
    class: bytes.readUInt8(5),
    subclass: bytes.readUInt8(6),
    protocol: bytes.readUInt8(7),
    index: bytes.readUInt8(8),
    endpoints: [],
  };
}

function parseEndpoint(bytes: Buffer): SimEndpoint {
  return {
    address: bytes.readUInt8(2),
    type: TYPES[bytes.readUInt8(3) & 3] ?? 'control',
    packetSize: bytes.readUInt16LE(4) & 0x7ff,
    interval: bytes.readUInt8(6),
    bytes,
  };
}
