import type { Option } from 'commander';
import { usageError } from '../../errors';
import { parseCount, parseDuration, parseSize } from '../../model/notation';
import { option } from '../program/options';
import { parseText } from './text';

export const ENDPOINT_HELP = '0x81 in, 0x01 out';
export const INTERFACE_HELP = '1-2:1.0, or DEVICE:INTERFACE';

/** Makes the options of every command that claims an interface. */
export function takeOptions(): Option[] {
  return [
    option('--detach', 'take the interface from its kernel driver, and give it back afterwards'),
    option(
      '--force',
      'take an interface also from a driver that is at work: a mounted disk, a network interface that is up',
    ),
  ];
}

/** Makes the option of commands that take a device or an interface from its driver in any case. */
export function forceOption(): Option {
  return option('--force', 'do it also where it takes the device from a driver that is at work');
}

/** Makes the options for the data that a transfer sends, and for what it receives. */
export function dataOptions(): Option[] {
  return [
    option('--data <data>', 'what to send: hex digits, @FILE, or - for standard input'),
    option('--text <string>', 'what to send, as UTF-8 text; \\n, \\r, \\t, \\0, \\xNN and \\\\ as in C', parseText),
    option('-o, --output <file>', 'write what arrives to FILE as raw bytes; - is standard output'),
  ];
}

export function altOption(): Option {
  return option('--alt <n>', 'select this alternate setting of the interface for the call', (text) =>
    parseSize(text, 'an alternate setting'),
  );
}

/** The most URBs in flight: each has memory of its own. */
const MOST_IN_FLIGHT = 1024;

/** Parses a number of URBs in flight. */
export function parseQueue(text: string): number {
  const value = parseCount(text);
  if (value > MOST_IN_FLIGHT) throw usageError(text, `is too many: ${MOST_IN_FLIGHT} at most`);
  return value;
}

/** Parses numbers of URBs in flight, `1,4,16`, that are measured one after another. */
export function parseQueues(text: string): number[] {
  return text.split(',').map(parseQueue);
}

/** Parses the time of a measurement. @returns seconds */
export function parseSeconds(text: string): number {
  const seconds = parseDuration(text) / 1000;
  if (seconds === 0) throw usageError(text, 'is too short a time to measure anything');
  return seconds;
}

/** The most bytes of one URB: drivers/usb/core/devio.c takes less than USBFS_XFER_MAX. */
const MOST_IN_TRANSFER = Math.floor(0xffffffff / 2) - 1_000_000 - 1;

/** Parses the length of one URB in bytes. */
export function parseTransferSize(text: string): number {
  const value = parseCount(text);
  if (value > MOST_IN_TRANSFER)
    throw usageError(text, `is too much for one transfer: ${MOST_IN_TRANSFER} bytes at most`);
  return value;
}
