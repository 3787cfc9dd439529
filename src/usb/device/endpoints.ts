import { Exit, UdrvError } from '../../errors';
import type { TransferType, UsbDeviceInfo, UsbEndpoint, UsbInterface } from '../../model/device';
import type { SysTree } from '../../sys/sys';
import { hex } from '../../text/hex';
import { parseDescriptors } from '../inspect/descriptors';
import { USB_DEVICES } from '../inspect/inspect';

/** An endpoint of the active configuration, and the alternate setting it belongs to. */
export interface FoundEndpoint {
  endpoint: UsbEndpoint;
  /** bEndpointAddress. */
  address: number;
  setting: UsbInterface;
}

export interface EndpointRequest {
  /** What the caller wants to do with it. */
  direction?: UsbEndpoint['direction'] | undefined;
  types?: readonly TransferType[];
  /** The alternate setting that will be selected; without it, the endpoint has to be in the current one. */
  alt?: number | undefined;
}

export const endpointName = (address: number): string => hex(address, 2);

/** @throws exit 3 where the device has no such endpoint now, naming those it has; 2 where it is of another kind */
export function findEndpoint(device: UsbDeviceInfo, address: number, request: EndpointRequest = {}): FoundEndpoint {
  const { direction, types, alt } = request;
  const name = endpointName(address);
  const subject = `${device.address} ${name}`;
  const all = device.usb.interfaces.flatMap((setting) => setting.endpoints.map((endpoint) => ({ endpoint, setting })));
  const named = all.filter(({ endpoint }) => endpoint.address === name);
  const found = named.find(({ setting }) => (alt === undefined ? setting.active : setting.alt === alt));
  if (found === undefined) throw noSuchEndpoint(device, subject, all, named, alt);
  const { type } = found.endpoint;
  if (direction !== undefined && found.endpoint.direction !== direction)
    throw wrongKind(
      subject,
      device.address,
      direction === 'in' ? 'is an OUT endpoint: it takes data' : `is an IN endpoint: it gives data, and takes none`,
      direction === 'in' ? 'give the data: --data HEX|@FILE|-' : 'say how much: --length N',
    );
  if (types !== undefined && !types.includes(type))
    throw wrongKind(subject, device.address, `is of type ${type}, not ${types.join(' or ')}`, COMMAND_OF_TYPE[type]);
  return { ...found, address };
}

const COMMAND_OF_TYPE: Readonly<Record<TransferType, string>> = {
  control: 'udrv usb ctrl',
  isochronous: 'udrv usb iso',
  bulk: 'udrv usb bulk',
  interrupt: 'udrv usb int',
};

function wrongKind(subject: string, device: string, message: string, hint: string): UdrvError {
  return new UdrvError(message, { code: 'EUSAGE', exit: Exit.usage, subject, hint, device });
}

interface Candidate {
  endpoint: UsbEndpoint;
  setting: UsbInterface;
}

function noSuchEndpoint(
  device: UsbDeviceInfo,
  subject: string,
  all: readonly Candidate[],
  named: readonly Candidate[],
  alt: number | undefined,
): UdrvError {
  const details = { code: 'ENOENT', exit: Exit.notFound, subject, device: device.address };
  if (device.usb.configuration === null)
    return new UdrvError('the device is not configured: it has no endpoints but the control endpoint', {
      ...details,
      hint: `udrv usb config ${device.address} 1`,
    });
  const [elsewhere] = named;
  if (elsewhere !== undefined) {
    const { number, alt: has } = elsewhere.setting;
    const current = device.usb.interfaces.find((i) => i.number === number && i.active)?.alt ?? 0;
    return new UdrvError(
      `belongs to alternate setting ${has} of interface ${number}; ${alt === undefined ? `the current one is ${current}` : `not to ${alt}`}`,
      { ...details, hint: `--alt ${has}` },
    );
  }
  const settings = new Set(all.filter(({ setting }) => setting.active).map(({ endpoint }) => endpoint.address));
  return new UdrvError(`no such endpoint in configuration ${device.usb.configuration}`, {
    ...details,
    hint: settings.size === 0 ? `udrv usb show ${device.address}` : `it has ${[...settings].sort().join(', ')}`,
  });
}

const SS_ENDPOINT_COMPANION = 0x30;
const SSP_ISO_ENDPOINT_COMPANION = 0x31;
/** The kernel takes no larger one: drivers/usb/core/devio.c. */
const MAX_ISO_PACKET = 98_304;

/**
 * What an isochronous endpoint moves in one interval at most, in bytes: packets times transactions (USB 2.0, table 9-13), or what
 * the SuperSpeed companion says (USB 3.2, 9.6.7, 9.6.8).
 */
export function isoPacketSize(
  sys: SysTree,
  device: UsbDeviceInfo,
  { address, endpoint, setting }: FoundEndpoint,
): number {
  const { configurations } = parseDescriptors(sys.readFile(`${USB_DEVICES}/${device.address}/descriptors`));
  const descriptor = configurations
    .find(({ bConfigurationValue }) => bConfigurationValue === device.usb.configuration)
    ?.interfaces.find((i) => i.bInterfaceNumber === setting.number && i.bAlternateSetting === setting.alt)
    ?.endpoints.find((e) => e.bEndpointAddress === address);
  if (descriptor === undefined) return endpoint.maxPacketSize;
  let size = endpoint.maxPacketSize * (1 + ((descriptor.wMaxPacketSize >> 11) & 3));
  for (const { bDescriptorType, bytes } of descriptor.extra) {
    if (bDescriptorType === SS_ENDPOINT_COMPANION && bytes.length >= 6) size = bytes.readUInt16LE(4) || size;
    if (bDescriptorType === SSP_ISO_ENDPOINT_COMPANION && bytes.length >= 8) size = bytes.readUInt32LE(4) || size;
  }
  return Math.min(size, MAX_ISO_PACKET);
}
