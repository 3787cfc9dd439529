import { hex } from '../text/hex';
import type { DecodedIoctl, IoctlDecoder } from './ioctl-decoder';
import {
  disconnectClaim,
  getDriver,
  setInterface,
  setupPacket,
  USBDEVFS_CAP_BULK_CONTINUATION,
  USBDEVFS_CAP_BULK_SCATTER_GATHER,
  USBDEVFS_CAP_CONNINFO_EX,
  USBDEVFS_CAP_DROP_PRIVILEGES,
  USBDEVFS_CAP_MMAP,
  USBDEVFS_CAP_NO_PACKET_SIZE_LIM,
  USBDEVFS_CAP_REAP_AFTER_DISCONNECT,
  USBDEVFS_CAP_SUSPEND,
  USBDEVFS_CAP_ZERO_PACKET,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_CONNECT,
  USBDEVFS_DISCARDURB,
  USBDEVFS_DISCONNECT,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_GETDRIVER,
  USBDEVFS_IOCTL,
  USBDEVFS_REAPURB,
  USBDEVFS_REAPURBNDELAY,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_SETCONFIGURATION,
  USBDEVFS_SETINTERFACE,
  USBDEVFS_SUBMITURB,
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_ISO,
  USBDEVFS_URB_ZERO_PACKET,
  urb,
  wrappedIoctl,
} from './usbdevfs';

const URB_TYPES = ['iso', 'interrupt', 'control', 'bulk'];

const URB_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [USBDEVFS_URB_SHORT_NOT_OK, 'short_not_ok'],
  [USBDEVFS_URB_ISO_ASAP, 'iso_asap'],
  [USBDEVFS_URB_BULK_CONTINUATION, 'continuation'],
  [USBDEVFS_URB_ZERO_PACKET, 'zero_packet'],
];

const CAPABILITIES: readonly (readonly [bit: number, name: string])[] = [
  [USBDEVFS_CAP_ZERO_PACKET, 'zero_packet'],
  [USBDEVFS_CAP_BULK_CONTINUATION, 'continuation'],
  [USBDEVFS_CAP_NO_PACKET_SIZE_LIM, 'no_packet_size_limit'],
  [USBDEVFS_CAP_BULK_SCATTER_GATHER, 'scatter_gather'],
  [USBDEVFS_CAP_REAP_AFTER_DISCONNECT, 'reap_after_disconnect'],
  [USBDEVFS_CAP_MMAP, 'mmap'],
  [USBDEVFS_CAP_DROP_PRIVILEGES, 'drop_privileges'],
  [USBDEVFS_CAP_CONNINFO_EX, 'conninfo_ex'],
  [USBDEVFS_CAP_SUSPEND, 'suspend'],
];

/** URBs that are shown as being in flight; a program that never reaps does not fill the memory. */
const MOST_URBS = 4096;

/** Puts the ioctls of usbfs into words. Remembers the URBs it saw, so that a reaped one can be told by its results. */
export function usbdevfsDecoder(): IoctlDecoder {
  const inFlight = new Map<string, Buffer>();
  return (request, argument, label) => {
    if (!label.startsWith('usb ')) return null;
    if (typeof argument === 'number') return plain(request, argument);
    switch (request) {
      case USBDEVFS_SUBMITURB:
        return submitted(argument, label, inFlight);
      case USBDEVFS_REAPURB:
      case USBDEVFS_REAPURBNDELAY:
        return {
          name: request === USBDEVFS_REAPURB ? 'USBDEVFS_REAPURB' : 'USBDEVFS_REAPURBNDELAY',
          in: '',
          out: () => {
            const address = argument.readBigUInt64LE();
            const key = `${label} ${address}`;
            const found = inFlight.get(key);
            inFlight.delete(key);
            return found === undefined ? hex(address) : `${hex(address)} ${results(found)}`;
          },
        };
      default:
        return withStruct(request, argument);
    }
  };
}

/** Reads an address, or nothing. */
function plain(request: number, argument: number): DecodedIoctl | null {
  if (request === USBDEVFS_DISCARDURB) return { name: 'USBDEVFS_DISCARDURB', in: hex(argument) };
  if (request === USBDEVFS_RESET) return { name: 'USBDEVFS_RESET', in: '' };
  return null;
}

function submitted(buffer: Buffer, label: string, inFlight: Map<string, Buffer>): DecodedIoctl {
  // Ours have their own address there.
  const address = buffer.readBigUInt64LE(urb.userContext);
  if (address !== 0n && inFlight.size < MOST_URBS) inFlight.set(`${label} ${address}`, buffer);
  const type = buffer.readUInt8(urb.type);
  const fields = [
    `type: ${URB_TYPES[type] ?? type}`,
    `endpoint: ${byte(buffer.readUInt8(urb.endpoint))}`,
    `length: ${buffer.readInt32LE(urb.bufferLength)}`,
  ];
  const flags = buffer.readUInt32LE(urb.flags);
  if (flags !== 0) fields.push(`flags: ${bits(flags, URB_FLAGS)}`);
  if (type === USBDEVFS_URB_TYPE_ISO) fields.push(`packets: ${buffer.readInt32LE(urb.numberOfPackets)}`);
  if (type === USBDEVFS_URB_TYPE_CONTROL) fields.push(...setupOf(buffer));
  return { name: 'USBDEVFS_SUBMITURB', in: `${hex(address)} {${fields.join(', ')}}` };
}

/** Reads the setup packet, which is not in the URB but behind a pointer: it is there if the data follows the URB, as ours does. */
function setupOf(buffer: Buffer): string[] {
  const distance = buffer.readBigUInt64LE(urb.buffer) - buffer.readBigUInt64LE(urb.userContext);
  const end = buffer.byteOffset + buffer.length;
  if (distance !== BigInt(buffer.length) || end + setupPacket.size > buffer.buffer.byteLength) return [];
  const setup = Buffer.from(buffer.buffer, end, setupPacket.size);
  const word = (at: number) => hex(setup.readUInt16LE(at), 4);
  return [
    `setup: ${byte(setup.readUInt8(setupPacket.bmRequestType))} ${byte(setup.readUInt8(setupPacket.bRequest))} ${word(setupPacket.wValue)} ${word(setupPacket.wIndex)} ${setup.readUInt16LE(setupPacket.wLength)}`,
  ];
}

function results(buffer: Buffer): string {
  const errors = buffer.readInt32LE(urb.errorCount);
  return `{endpoint: ${byte(buffer.readUInt8(urb.endpoint))}, status: ${buffer.readInt32LE(urb.status)}, actual: ${buffer.readInt32LE(urb.actualLength)}${errors === 0 ? '' : `, errors: ${errors}`}}`;
}

const OF_INTERFACE: Readonly<Record<number, string>> = {
  [USBDEVFS_CLAIMINTERFACE]: 'USBDEVFS_CLAIMINTERFACE',
  [USBDEVFS_RELEASEINTERFACE]: 'USBDEVFS_RELEASEINTERFACE',
};

function withStruct(request: number, argument: Buffer): DecodedIoctl | null {
  const ofInterface = OF_INTERFACE[request];
  if (ofInterface !== undefined) return { name: ofInterface, in: `{interface: ${argument.readUInt32LE()}}` };
  switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
      return { name: 'USBDEVFS_GET_CAPABILITIES', in: '', out: () => bits(argument.readUInt32LE(), CAPABILITIES) };
    case USBDEVFS_SETCONFIGURATION:
      return { name: 'USBDEVFS_SETCONFIGURATION', in: `{value: ${argument.readInt32LE()}}` };
    case USBDEVFS_CLEAR_HALT:
      return { name: 'USBDEVFS_CLEAR_HALT', in: `{endpoint: ${byte(argument.readUInt32LE())}}` };
    case USBDEVFS_SETINTERFACE:
      return {
        name: 'USBDEVFS_SETINTERFACE',
        in: `{interface: ${argument.readUInt32LE(setInterface.interface)}, alt: ${argument.readUInt32LE(setInterface.alternateSetting)}}`,
      };
    case USBDEVFS_GETDRIVER:
      return {
        name: 'USBDEVFS_GETDRIVER',
        in: `{interface: ${argument.readUInt32LE(getDriver.interface)}}`,
        out: () => text(argument.subarray(getDriver.driver)),
      };
    case USBDEVFS_DISCONNECT_CLAIM: {
      const how =
        argument.readUInt32LE(disconnectClaim.flags) === USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER ? 'except' : 'if';
      return {
        name: 'USBDEVFS_DISCONNECT_CLAIM',
        in: `{interface: ${argument.readUInt32LE(disconnectClaim.interface)}, ${how}: ${text(argument.subarray(disconnectClaim.driver))}}`,
      };
    }
    case USBDEVFS_IOCTL: {
      const code = argument.readInt32LE(wrappedIoctl.request);
      const names = { [USBDEVFS_CONNECT]: 'USBDEVFS_CONNECT', [USBDEVFS_DISCONNECT]: 'USBDEVFS_DISCONNECT' };
      return {
        name: 'USBDEVFS_IOCTL',
        in: `{interface: ${argument.readInt32LE(wrappedIoctl.interface)}, ${names[code] ?? hex(code)}}`,
      };
    }
    default:
      return null;
  }
}

function bits(value: number, names: readonly (readonly [bit: number, name: string])[]): string {
  const known = names.filter(([bit]) => value & bit).map(([, name]) => name);
  const rest = names.reduce((left, [bit]) => left & ~bit, value);
  return [...known, ...(rest === 0 && known.length > 0 ? [] : [hex(rest)])].join('|');
}

const byte = (value: number) => hex(value, 2);

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return `"${bytes.toString('latin1', 0, end < 0 ? bytes.length : end)}"`;
}
