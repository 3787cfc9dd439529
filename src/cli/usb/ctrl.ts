import { usageError } from '../../errors';
import { parseCount, parseWord } from '../../model/notation';
import { hex } from '../../text/hex';
import { interfaceOfRequest, type UsbDevice } from '../../usb/device/device';
import { transferError } from '../../usb/transfer/failure';
import type { ControlSetup } from '../../usb/transfer/urb';
import { findOf } from '../devices/find';
import { Output } from '../output/file';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, missingArgument, option } from '../program/options';
import { type DataOptions, givenData, readData } from '../transfers/data';
import { claimedSteps, mustBeIdle, type TakeOptions, withUsb } from '../transfers/open';
import { dataOptions, takeOptions } from '../transfers/options';
import { checkOutput, document, receiver } from '../transfers/result';
import { namedRequest, REQUESTS_HELP } from '../transfers/standard-request';
import { DATA } from '../transfers/transfer';

export const command: VerbSpec = {
  description: 'one control request, as numbers or by the name of a standard request',
  usage: `[options] <device> <bmRequestType> <bRequest> <wValue>
                     <wIndex> [wLength]
       udrv usb ctrl [options] <device> <request> [word...]`,
  arguments: [
    argument('<device>'),
    argument('<bmRequestType>', `0x80 in, 0x00 out; 0xc0 and 0x40 of the vendor\n${REQUESTS_HELP}`),
    argument('[bRequest]', 'a number; behind the name of a request, its words'),
    argument('[wValue]'),
    argument('[wIndex]'),
    argument('[wLength]', 'how many bytes to ask for; 0 where there is no data'),
  ],
  options: [
    option('--length <n>', 'how many bytes to ask for, in the place of wLength', parseCount),
    ...dataOptions(),
    ...takeOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: ['usb ctrl 1-2 GET_DESCRIPTOR device', 'usb ctrl 1-2 0x40 0x5b 0 0 --data 01020304'],
  run: ctrl,
};

interface CtrlOptions extends TakeOptions, DataOptions {
  length?: number;
  output?: string;
}

/** The arguments behind the device. */
type Words = [
  type: string,
  request: string | undefined,
  value: string | undefined,
  index: string | undefined,
  length: string | undefined,
];

interface Request {
  setup: ControlSetup;
  wLength: number | undefined;
}

/** The time that a device has for any request: USB 2.0, 9.2.6.1. */
const DEFAULT_TIMEOUT_MS = 5000;

async function ctrl(
  context: Context,
  selector: string,
  ...[type, request, value, index, lengthText, options]: [...Words, options: CtrlOptions]
): Promise<number | undefined> {
  const words = [type, request, value, index, lengthText].filter((word) => word !== undefined);
  const { setup, wLength } = requestOf(words, options);
  const text = givenData(options);
  const receives = (setup.bmRequestType & 0x80) !== 0;
  checkOptions(setup, receives, wLength, text, options);
  checkOutput(context, options.output);
  const info = findOf(context, 'usb', selector);
  const data = text === undefined ? null : await readData(text, 0xffff, context.options.timeout);
  const length = data?.length ?? wLength ?? 0;
  const intf = interfaceOfRequest(info, setup);
  if (context.options.dryRun) {
    const work = [`${info.address}: control ${describe(setup)}, ${length} bytes ${receives ? 'in' : 'out'}`];
    context.printSteps(intf === null ? work : claimedSteps(info, intf, options.detach ?? false, work));
    return undefined;
  }
  remark(context, info.address, setup);
  const timeoutMs = context.options.timeout ?? DEFAULT_TIMEOUT_MS;
  if (options.detach && intf !== null) mustBeIdle(context, info, intf, options.force);
  using output = new Output(context, options.output);
  const exit = await withUsb(context, info, (device, signal) =>
    control(context, device, setup, data ?? length, output, { ...options, timeoutMs, signal }),
  );
  return output.end(exit);
}

interface ControlOptions extends CtrlOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

/** @param data the bytes to send; for IN, the number of bytes to ask for */
async function control(
  context: Context,
  device: UsbDevice,
  setup: ControlSetup,
  data: Buffer | number,
  output: Output,
  { detach, timeoutMs, signal, ...options }: ControlOptions,
): Promise<void> {
  const wait = { timeoutMs, signal, detach };
  const receives = (setup.bmRequestType & 0x80) !== 0;
  const size = typeof data === 'number' ? data : data.length;
  const result = receives
    ? await device.controlIn(setup, size, wait)
    : await device.controlOut(setup, typeof data === 'number' ? Buffer.alloc(0) : data, wait);
  if (receives) {
    const out = receiver(context, output, options.output !== undefined, size);
    out.take(result.data);
    out.end(result);
  } else if (context.options.json) context.printJson(document(result));
  const { address } = device.info;
  const error = transferError(result, {
    subject: `${address} control`,
    device: address,
    timeoutMs,
    hints: { stall: 'the device does not know this request, or not these values' },
  });
  if (error !== null) throw error;
}

/** Parses a request, given as numbers or by its name. @throws usage */
function requestOf(words: readonly string[], { length, data, text }: CtrlOptions): Request {
  const named = namedRequest(words);
  if (named !== null) {
    const hasNone = named.length === null && data === undefined && text === undefined;
    return { setup: named.setup, wLength: length ?? named.length ?? (hasNone ? 0 : undefined) };
  }
  const fields = ['bmRequestType', 'bRequest', 'wValue', 'wIndex'];
  const [type = '', request = '', value = '', index = '', lengthText] = words;
  const missing = fields[words.length];
  if (missing !== undefined) throw missingArgument(missing);
  if (lengthText !== undefined && length !== undefined)
    throw usageError('wLength and --length', 'are the same: give one');
  const setup: ControlSetup = {
    bmRequestType: field('bmRequestType', type, 0xff),
    bRequest: field('bRequest', request, 0xff),
    wValue: field('wValue', value, 0xffff),
    wIndex: field('wIndex', index, 0xffff),
  };
  return { setup, wLength: lengthText === undefined ? length : field('wLength', lengthText, 0xffff) };
}

function checkOptions(
  { bmRequestType }: ControlSetup,
  receives: boolean,
  wLength: number | undefined,
  data: string | undefined,
  { output }: CtrlOptions,
): void {
  const type = `bmRequestType ${hex(bmRequestType, 2)}`;
  if (wLength !== undefined && data !== undefined)
    throw usageError('wLength and --data', 'give one: the data has its length');
  if (receives && data !== undefined)
    throw usageError('--data', `${type} is IN: the data comes from the device`, 'give wLength; for OUT, clear bit 7');
  if (wLength === undefined && data === undefined)
    throw usageError(
      'wLength',
      receives ? 'say how much to ask for' : 'give the data: --data HEX|@FILE|-, or 0 for none',
    );
  if (!receives && (wLength ?? 0) > 0) throw usageError('wLength', `${type} is OUT: it needs the data itself`, DATA);
  if (!receives && output !== undefined) throw usageError('-o', 'an OUT request brings no data');
}

function field(name: string, text: string, most: number): number {
  const value = parseWord(text, name);
  if (value > most) throw usageError(text, `is not ${name}: at most ${hex(most)}`);
  return Number(value);
}

/** Remarks that a request goes past the kernel, which keeps on believing what it did before. */
function remark(context: Context, address: string, { bmRequestType, bRequest, wValue, wIndex }: ControlSetup): void {
  const request = (bmRequestType << 8) | bRequest;
  if (request === 0x0009)
    context.note(
      `${address}: the kernel does not learn of it; udrv usb config ${address} ${wValue} does it through the kernel`,
    );
  if (request === 0x010b)
    context.note(
      `${address}: the kernel does not learn of it; --alt ${wValue} of bulk, int and iso does it through the kernel (interface ${wIndex})`,
    );
  if (request === 0x0005)
    context.note(`${address}: the kernel does not learn the new address, and cannot reach the device any more`);
}

function describe({ bmRequestType, bRequest, wValue, wIndex }: ControlSetup): string {
  return [hex(bmRequestType, 2), hex(bRequest, 2), hex(wValue, 4), hex(wIndex, 4)].join(' ');
}
