import { Exit, SysError, UdrvError } from '../../errors';
import { askDevice, type ControlIn } from '../../usb/inspect/ask';
import { describeUsb, type UsbDescription, usbDocument, withAnswers } from '../../usb/inspect/describe';
import { splitDescriptors } from '../../usb/split-descriptors';
import { usbFactsInShort } from '../devices/describe';
import { findOf } from '../devices/find';
import type { UsbRaw } from '../documents/devices';
import { describeDescriptors } from '../output/descriptors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { withUsb } from '../transfers/open';

export const command: VerbSpec = {
  description: 'the descriptors of USB devices, decoded, from sysfs alone',
  arguments: [argument('<device...>')],
  options: [
    option('--raw', 'the bytes of the descriptors, as hex'),
    option(
      '--open',
      'open the device and ask it for what sysfs has not: strings, ports of a hub, Microsoft OS, WebUSB',
    ),
  ],
  examples: ['usb show 1-2', 'usb show 1-3 --open'],
  run: show,
};

interface ShowOptions {
  raw?: boolean;
  open?: boolean;
}

/** The time that a device has for one answer without `--timeout`: a sick one must not hold up the rest. */
const ANSWER_MS = 1000;

async function show(
  context: Context,
  selectors: string[],
  { raw = false, open = false }: ShowOptions,
): Promise<number | undefined> {
  const devices = selectors.map((selector) => findOf(context, 'usb', selector));
  const descriptions: UsbDescription[] = [];
  for (const device of devices) {
    const description = describeUsb(context.sys, context.names, device);
    const interrupted = open ? await ask(context, description, (asked) => descriptions.push(asked)) : undefined;
    if (interrupted !== undefined) return interrupted;
    if (!open) descriptions.push(description);
  }
  print(context, descriptions, raw);
  return undefined;
}

/**
 * Opens a device and asks it for what sysfs has not.
 *
 * @param onAnswers gets the description with the answers
 * @returns the exit code where a signal ended it
 */
function ask(
  context: Context,
  description: UsbDescription,
  onAnswers: (asked: UsbDescription) => void,
): Promise<number | undefined> {
  const { device } = description;
  return withUsb(context, device, async (opened, signal) => {
    const timeoutMs = context.options.timeout ?? ANSWER_MS;
    const control: ControlIn = async (setup, length) => {
      const { status, errno, data } = await opened.controlIn(setup, length, { timeoutMs, signal });
      // A request without an answer is noted; a device that is gone, or a Ctrl-C, ends the questions.
      if (status === 'gone' || status === 'cancelled') throw new Ended(status);
      // A request that was given up has the errno of how it was ended.
      if (status === 'timeout') throw new SysError('control', 'ETIMEDOUT', device.address);
      if (status !== 'ok') throw new SysError('control', errno ?? 'EIO', device.address);
      return data;
    };
    try {
      onAnswers(withAnswers(description, await askDevice(control, description)));
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      if (error.status === 'gone')
        throw new UdrvError('the device went away', {
          code: 'ENODEV',
          exit: Exit.gone,
          subject: device.address,
          device: device.address,
        });
    }
  });
}

class Ended extends Error {
  readonly status: 'gone' | 'cancelled';

  constructor(status: 'gone' | 'cancelled') {
    super(status);
    this.status = status;
  }
}

/** Prints descriptions: the document of a single one, or a list of them. */
function print(context: Context, descriptions: readonly UsbDescription[], raw: boolean): void {
  if (context.options.json) {
    context.printJson(
      raw
        ? oneOrAll('udrv.usb.raw/1', descriptions.map(rawDocument))
        : oneOrAll('udrv.usb.descriptors/1', descriptions.map(usbDocument)),
    );
    return;
  }
  const { style, width, options } = context;
  const look = { style, width, verbose: options.verbose === true };
  const text = raw ? rawText : (one: UsbDescription) => describeDescriptors(one, usbFactsInShort(one.device), look);
  const headed = (one: UsbDescription) =>
    (raw && descriptions.length > 1 ? `# ${one.device.address}\n` : '') + text(one);
  context.page(descriptions.map(headed).join('\n'));
}

function oneOrAll<S extends string, D extends { schema: S }>(
  schema: S,
  devices: readonly D[],
): D | { schema: S; devices: readonly D[] } {
  const [only] = devices;
  return only !== undefined && devices.length === 1 ? only : { schema, devices };
}

function rawDocument({ device, raw: { descriptors, bos, reports } }: UsbDescription): UsbRaw {
  const hex = (bytes: Buffer) => bytes.toString('hex');
  return {
    schema: 'udrv.usb.raw/1',
    address: device.address,
    descriptors: hex(descriptors),
    bos: bos === null ? null : hex(bos),
    reports: reports.map(({ interface: name, bytes }) => ({ interface: name, bytes: hex(bytes) })),
  };
}

/** Writes a descriptor a line, as hex: without the headings, `xxd -r -p` makes the bytes of it again. */
function rawText({ raw: { descriptors, bos, reports } }: UsbDescription): string {
  const lines = ['# descriptors', ...hexLines(descriptors)];
  if (bos !== null) lines.push('# bos_descriptors', ...hexLines(bos));
  for (const { interface: name, bytes } of reports) lines.push(`# ${name} report_descriptor`, bytes.toString('hex'));
  return lines.map((line) => `${line}\n`).join('');
}

function hexLines(bytes: Buffer): string[] {
  const { descriptors, rest } = splitDescriptors(bytes);
  return [...descriptors.map((found) => found.bytes), rest]
    .filter((piece) => piece.length > 0)
    .map((piece) => piece.toString('hex'));
}
