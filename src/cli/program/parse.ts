import { usageError } from '../../errors';
import type { Action } from '../../model/action';
import type { Location } from '../../model/location';
import { parseSize, parseValue, parseWidth } from '../../model/notation';
import type { Width } from '../../sys/sys';
import type { Vectors } from '../../vfio/device/irq-eventfds';

/** Text of a command line, to values. Each function is pure, and throws a usage error that names the text. */

/** Parses `REGION:OFFSET[/WIDTH]`. @returns null where the text is something else */
export function parseLocation(text: string, width: Width): Location | null {
  const match = /^(.+):([^/:]+)(?:\/([^/:]*))?$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return {
    region: match[1],
    offset: parseSize(match[2], 'an offset'),
    width: match[3] === undefined ? width : parseWidth(match[3]),
  };
}

/** Finds the location that a word names, by a map; null: it cannot be a name. */
export type NamedLocation = (word: string) => Location | null;

/**
 * Parses `REGION:OFFSET[/WIDTH]=VALUE`. VALUE is a number, or a location, whose width is the target's unless given.
 *
 * @param named finds locations by the names that maps give them
 */
export function parseAction(text: string, named: NamedLocation = () => null): Action {
  const cut = text.indexOf('=');
  const word = text.slice(0, Math.max(0, cut));
  const target = parseLocation(word, 4) ?? named(word);
  if (target === null)
    throw usageError(text, 'is not an action', 'write REGION:OFFSET=VALUE, as in map0:0x64=map0:0x24 or map0:0x10/2=1');
  const value = text.slice(cut + 1);
  const isNumber = /^-?\d/.test(value);
  return {
    target,
    value: parseLocation(value, target.width) ?? (isNumber ? null : named(value)) ?? parseValue(value, target.width),
  };
}

/** Parses `N` or `A-B`, B being one of them. */
export function parseVectors(text: string): Vectors {
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last < first)
    throw usageError(text, 'is neither a vector nor a range of vectors', 'write 3, or 0-3');
  return { first, last };
}

export interface UsbIds {
  /** Four hex digits, lower case; undefined for any. */
  vendor: string | undefined;
  product: string | undefined;
}

/** Parses `VID:PID`, `VID:` or `:PID`, in hex, as lsusb does. */
export function parseUsbIds(text: string): UsbIds {
  const match = /^(?:0x)?([0-9a-f]{1,4})?:(?:0x)?([0-9a-f]{1,4})?$/i.exec(text);
  const digits = (part: string | undefined) => part?.toLowerCase().padStart(4, '0');
  const [vendor, product] = [digits(match?.[1]), digits(match?.[2])];
  if (vendor === undefined && product === undefined)
    throw usageError(
      text,
      'is not a vendor and product id',
      'write VID:PID in hex, as in 1d6b:0002; either may be left out',
    );
  return { vendor, product };
}

export interface BusDevice {
  /** Undefined for any. */
  bus: number | undefined;
  device: number | undefined;
}

/** Parses `BUS:DEV`, `BUS:`, `:DEV` or `DEV`, decimal, as lsusb does. */
export function parseBusDevice(text: string): BusDevice {
  const match = /^(?:(\d{1,3})?:)?(\d{1,3})?$/.exec(text);
  const [bus, device] = [match?.[1], match?.[2]].map((part) => (part === undefined ? undefined : Number(part)));
  if (bus === undefined && device === undefined)
    throw usageError(text, 'is not a bus and device number', 'write BUS:DEV, BUS: or DEV, decimal, as in 1:2');
  return { bus, device };
}
