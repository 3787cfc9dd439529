import type { TransferType, UsbDeviceInfo, UsbEndpoint, UsbInterface } from '../../model/device';
import { noSuchEndpoint, wrongDirection, wrongType } from '../errors';
import { endpointName } from '../inspect/address';

/** An endpoint of the active configuration, and the alternate setting it belongs to. */
export interface FoundEndpoint {
  endpoint: UsbEndpoint;
  /** bEndpointAddress. */
  address: number;
  setting: UsbInterface;
}

export interface EndpointRequest {
  /** Direction that the caller needs. */
  direction?: UsbEndpoint['direction'] | undefined;
  types?: readonly TransferType[];
  /** The alternate setting that will be selected; without it, the endpoint has to be in the current one. */
  alt?: number | undefined;
}

/**
 * Finds an endpoint of the active configuration.
 *
 * @throws exit 3 where the device has no such endpoint now, naming those it has; 2 where it is of another kind
 */
export function findEndpoint(device: UsbDeviceInfo, address: number, request: EndpointRequest = {}): FoundEndpoint {
  const { direction, types, alt } = request;
  const name = endpointName(address);
  const candidates = device.usb.interfaces.flatMap((setting) =>
    setting.endpoints.filter((endpoint) => endpoint.address === name).map((endpoint) => ({ endpoint, setting })),
  );
  const found = candidates.find(({ setting }) => (alt === undefined ? setting.active : setting.alt === alt));
  if (found === undefined) throw noSuchEndpoint(device, address, alt);
  const { type } = found.endpoint;
  if (direction !== undefined && found.endpoint.direction !== direction)
    throw wrongDirection(device, address, direction);
  if (types !== undefined && !types.includes(type)) throw wrongType(device, address, type, types);
  return { ...found, address };
}

/** The kernel's limit of one packet: drivers/usb/core/devio.c. */
const MAX_ISO_PACKET = 98_304;

/** Computes the longest packet that an URB of an isochronous endpoint can have: all that moves in one interval, in bytes. */
export function isoPacketSize({ endpoint }: FoundEndpoint): number {
  return Math.min(endpoint.bytesPerInterval ?? endpoint.maxPacketSize, MAX_ISO_PACKET);
}
