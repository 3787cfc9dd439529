import { simulatedMachine } from '../../../src/sim';
import { usbdevfsDecoder } from '../../../src/uapi/decode-usbdevfs';
import type { IoctlDecoder } from '../../../src/uapi/ioctl-decoder';
import * as usb from '../../../src/uapi/usbdevfs';
import { Urb } from '../../../src/usb/transfer/urb';

const { sys } = simulatedMachine();
const LABEL = 'usb 001/002';

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) buffer.writeUInt32LE(value >>> 0, 4 * i);
  return buffer;
}

/** A structure with a name behind its numbers. */
const named = (numbers: Buffer, name: string) => Buffer.concat([numbers, Buffer.from(`${name}\0`), Buffer.alloc(16)]);

const seen = (decode: IoctlDecoder, request: number, argument: Buffer | number) => {
  const decoded = decode(request, argument, LABEL);
  return decoded === null ? null : `${decoded.name} ${decoded.in} ${decoded.out?.(0) ?? ''}`.trim();
};

test.each<[request: number, argument: Buffer | number, text: string]>([
  [usb.USBDEVFS_CLAIMINTERFACE, words(1), 'USBDEVFS_CLAIMINTERFACE {interface: 1}'],
  [usb.USBDEVFS_RELEASEINTERFACE, words(1), 'USBDEVFS_RELEASEINTERFACE {interface: 1}'],
  [usb.USBDEVFS_SETCONFIGURATION, words(2), 'USBDEVFS_SETCONFIGURATION {value: 2}'],
  [usb.USBDEVFS_SETINTERFACE, words(1, 3), 'USBDEVFS_SETINTERFACE {interface: 1, alt: 3}'],
  [usb.USBDEVFS_CLEAR_HALT, words(0x81), 'USBDEVFS_CLEAR_HALT {endpoint: 0x81}'],
  [usb.USBDEVFS_GETDRIVER, named(words(0), 'usb-storage'), 'USBDEVFS_GETDRIVER {interface: 0} "usb-storage"'],
  [usb.USBDEVFS_GET_CAPABILITIES, words(0x49), 'USBDEVFS_GET_CAPABILITIES  zero_packet|scatter_gather|drop_privileges'],
  [usb.USBDEVFS_GET_CAPABILITIES, words(0x1001), 'USBDEVFS_GET_CAPABILITIES  zero_packet|0x1000'],
  [usb.USBDEVFS_GET_CAPABILITIES, words(0), 'USBDEVFS_GET_CAPABILITIES  0x0'],
  [
    usb.USBDEVFS_DISCONNECT_CLAIM,
    named(words(0, usb.USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER), 'usbfs'),
    'USBDEVFS_DISCONNECT_CLAIM {interface: 0, except: "usbfs"}',
  ],
  [usb.USBDEVFS_IOCTL, words(1, usb.USBDEVFS_CONNECT, 0, 0), 'USBDEVFS_IOCTL {interface: 1, USBDEVFS_CONNECT}'],
  [usb.USBDEVFS_IOCTL, words(1, 0x5599, 0, 0), 'USBDEVFS_IOCTL {interface: 1, 0x5599}'],
  [usb.USBDEVFS_DISCARDURB, 0x7f0012345000, 'USBDEVFS_DISCARDURB 0x7f0012345000'],
  [usb.USBDEVFS_RESET, 0, 'USBDEVFS_RESET'],
])('%# %s', (request, argument, text) => {
  expect(seen(usbdevfsDecoder(), request, argument)).toBe(text);
});

test('an URB, and how it ended', () => {
  const decode = usbdevfsDecoder();
  const urb = new Urb(sys, 64, 2);
  const at = `0x${urb.address.toString(16)}`;
  urb.prepareControl({ bmRequestType: 0x80, bRequest: 6, wValue: 0x0100, wIndex: 0 }, 18);
  expect(seen(decode, usb.USBDEVFS_SUBMITURB, urb.header)).toBe(
    `USBDEVFS_SUBMITURB ${at} {type: control, endpoint: 0x80, length: 26, setup: 0x80 0x06 0x0100 0x0000 18}`,
  );
  const pointer = Buffer.alloc(8);
  pointer.writeBigUInt64LE(BigInt(urb.address));
  urb.header.writeInt32LE(-32, usb.urb.status);
  urb.header.writeInt32LE(7, usb.urb.actualLength);
  expect(seen(decode, usb.USBDEVFS_REAPURBNDELAY, pointer)).toBe(
    `USBDEVFS_REAPURBNDELAY  ${at} {endpoint: 0x80, status: -32, actual: 7}`,
  );
  // Not the second time: it is not in flight any more.
  expect(seen(decode, usb.USBDEVFS_REAPURBNDELAY, pointer)).toBe(`USBDEVFS_REAPURBNDELAY  ${at}`);
  urb.prepare(3, 0x81, 64, usb.USBDEVFS_URB_SHORT_NOT_OK | usb.USBDEVFS_URB_BULK_CONTINUATION);
  expect(seen(decode, usb.USBDEVFS_SUBMITURB, urb.header)).toBe(
    `USBDEVFS_SUBMITURB ${at} {type: bulk, endpoint: 0x81, length: 64, flags: short_not_ok|continuation}`,
  );
  urb.prepareIso(0x82, [16, 16]);
  expect(seen(decode, usb.USBDEVFS_SUBMITURB, urb.header)).toBe(
    `USBDEVFS_SUBMITURB ${at} {type: iso, endpoint: 0x82, length: 32, flags: iso_asap, packets: 2}`,
  );
  urb.close();
});

test('what it does not know, and other nodes', () => {
  const decode = usbdevfsDecoder();
  expect(seen(decode, 0x5577, 0)).toBeNull();
  expect(seen(decode, 0x5577, words(0))).toBeNull();
  expect(decode(usb.USBDEVFS_CLAIMINTERFACE, words(0), 'uio0')).toBeNull();
});
