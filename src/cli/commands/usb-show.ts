import { describeUsb, type RawDescriptors, usbDocument } from '../../usb/describe';
import { splitDescriptors } from '../../usb/descriptors';
import type { Context } from '../context';
import { describeDescriptors } from '../output/descriptors';
import { findOf } from './show';

interface ShowOptions {
  raw?: boolean;
}

export function showUsb(context: Context, selector: string, { raw = false }: ShowOptions): undefined {
  const device = findOf(context, 'usb', selector);
  const description = describeUsb(context.sys, context.names, device);
  if (raw) printRaw(context, device.address, description.raw);
  else if (context.options.json) context.printJson(usbDocument(description));
  else context.stdout.write(describeDescriptors(description, context.style));
}

/** A descriptor in each line, as hex; what is fed back through `xxd -r -p` is the bytes, but for the headings. */
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
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function hexLines(bytes: Buffer): string[] {
  const { descriptors, rest } = splitDescriptors(bytes);
  return [...descriptors.map((found) => found.bytes), rest]
    .filter((piece) => piece.length > 0)
    .map((piece) => piece.toString('hex'));
}
