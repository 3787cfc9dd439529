import { Exit, SysError, UdrvError } from '../../errors';
import { askDevice, type ControlIn } from '../../usb/inspect/ask';
import {
  describeUsb,
  type RawDescriptors,
  type UsbDescription,
  usbDocument,
  withAnswers,
} from '../../usb/inspect/describe';
import { splitDescriptors } from '../../usb/split-descriptors';
import { usbFactsInShort } from '../devices/describe';
import { findOf } from '../devices/find';
import { describeDescriptors } from '../output/descriptors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { withUsb } from '../transfers/open';

export const command: VerbSpec = {
  description: 'the descriptors of one USB device, decoded, from sysfs alone',
  arguments: [argument('<device>')],
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

function show(
  context: Context,
  selector: string,
  { raw = false, open = false }: ShowOptions,
): undefined | Promise<number | undefined> {
  const device = findOf(context, 'usb', selector);
  const description = describeUsb(context.sys, context.names, device);
  if (!open) {
    print(context, description, raw);
    return;
  }
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
      print(context, withAnswers(description, await askDevice(control, description)), raw);
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

function print(context: Context, description: UsbDescription, raw: boolean): void {
  const { device } = description;
  if (raw) printRaw(context, device.address, description.raw);
  else if (context.options.json) context.printJson(usbDocument(description));
  else {
    const { style, width, options } = context;
    const look = { style, width, verbose: options.verbose === true };
    context.page(describeDescriptors(description, usbFactsInShort(device), look));
  }
}

/** Prints a descriptor a line, as hex: without the headings, `xxd -r -p` makes the bytes of it again. */
function printRaw(context: Context, address: string, { descriptors, bos, reports }: RawDescriptors): void {
  if (context.options.json) {
    const hex = (bytes: Buffer) => bytes.toString('hex');
    context.printJson({
      schema: 'udrv.usb.raw/1',
      address,
      descriptors: hex(descriptors),
      bos: bos === null ? null : hex(bos),
      reports: reports.map(({ interface: name, bytes }) => ({ interface: name, bytes: hex(bytes) })),
    });
    return;
  }
  const lines = ['# descriptors', ...hexLines(descriptors)];
  if (bos !== null) lines.push('# bos_descriptors', ...hexLines(bos));
  for (const { interface: name, bytes } of reports) lines.push(`# ${name} report_descriptor`, bytes.toString('hex'));
  context.page(lines.map((line) => `${line}\n`).join(''));
}

function hexLines(bytes: Buffer): string[] {
  const { descriptors, rest } = splitDescriptors(bytes);
  return [...descriptors.map((found) => found.bytes), rest]
    .filter((piece) => piece.length > 0)
    .map((piece) => piece.toString('hex'));
}
