import { usageError } from '../../errors';
import { hex } from '../../text/hex';
import { interfaceOfRequest, type UsbDevice } from '../../usb/device/device';
import type { ControlSetup } from '../../usb/transfer/urb';
import type { Context } from '../context';
import { awaitReader } from '../output/file';
import { parseWord } from '../parse';
import { findOf } from './find';
import { readData } from './usb-data';
import { claimedSteps, mustBeIdle, type TakeOptions, withUsb } from './usb-open';
import { checkOutput, document, receiver, transferError } from './usb-result';

interface CtrlOptions extends TakeOptions {
  data?: string;
  output?: string;
}

/** USB 2.0, 9.2.6.1: a device has so long for any request. */
const DEFAULT_TIMEOUT_MS = 5000;

export async function ctrl(
  context: Context,
  selector: string,
  ...[type, request, value, index, lengthText, options]: [
    string,
    string,
    string,
    string,
    string | undefined,
    CtrlOptions,
  ]
): Promise<number | undefined> {
  const setup: ControlSetup = {
    bmRequestType: field('bmRequestType', type, 0xff),
    bRequest: field('bRequest', request, 0xff),
    wValue: field('wValue', value, 0xffff),
    wIndex: field('wIndex', index, 0xffff),
  };
  const wLength = lengthText === undefined ? undefined : field('wLength', lengthText, 0xffff);
  const receives = (setup.bmRequestType & 0x80) !== 0;
  checkOptions(type, receives, wLength, options);
  checkOutput(context, options.output);
  const info = findOf(context, 'usb', selector);
  const data = options.data === undefined ? null : await readData(options.data, 0xffff);
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
  using _reader = awaitReader(options.output);
  return await withUsb(context, info, async (device, signal) => {
    await run(context, device, setup, data ?? length, { ...options, timeoutMs, signal });
  });
}

interface RunOptions extends CtrlOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

/** @param data what to send; for IN, as many bytes to ask for */
async function run(
  context: Context,
  device: UsbDevice,
  setup: ControlSetup,
  data: Buffer | number,
  { output, detach, timeoutMs, signal }: RunOptions,
): Promise<void> {
  const wait = { timeoutMs, signal, detach };
  const receives = (setup.bmRequestType & 0x80) !== 0;
  const size = typeof data === 'number' ? data : data.length;
  const result = receives
    ? await device.controlIn(setup, size, wait)
    : await device.controlOut(setup, typeof data === 'number' ? Buffer.alloc(0) : data, wait);
  if (receives) {
    using out = receiver(context, output, size);
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

function checkOptions(
  type: string,
  receives: boolean,
  wLength: number | undefined,
  { data, output }: CtrlOptions,
): void {
  if (wLength !== undefined && data !== undefined)
    throw usageError('wLength and --data', 'give one: the data has its length');
  if (receives && data !== undefined)
    throw usageError(
      '--data',
      `bmRequestType ${type} is IN: the data comes from the device`,
      'give wLength; for OUT, clear bit 7',
    );
  if (wLength === undefined && data === undefined)
    throw usageError(
      'wLength',
      receives ? 'say how much to ask for' : 'give the data: --data HEX|@FILE|-, or 0 for none',
    );
  if (!receives && (wLength ?? 0) > 0)
    throw usageError('wLength', `bmRequestType ${type} is OUT: it needs the data itself`, '--data HEX|@FILE|-');
  if (!receives && output !== undefined) throw usageError('-o', 'an OUT request brings no data');
}

function field(name: string, text: string, most: number): number {
  const value = parseWord(text, name);
  if (value > most) throw usageError(text, `is not ${name}: at most ${hex(most)}`);
  return Number(value);
}

/** Requests behind the kernel's back: it goes on with what it believes. */
function remark(context: Context, address: string, { bmRequestType, bRequest, wValue, wIndex }: ControlSetup): void {
  const request = (bmRequestType << 8) | bRequest;
  if (request === 0x0009)
    context.note(`${address}: the kernel is not told of it; udrv usb config ${address} ${wValue} tells it`);
  if (request === 0x010b)
    context.note(
      `${address}: the kernel is not told of it; --alt ${wValue} of bulk, int and iso tells it (interface ${wIndex})`,
    );
  if (request === 0x0005)
    context.note(`${address}: the kernel is not told of its new address: the device is lost to it`);
}

function describe({ bmRequestType, bRequest, wValue, wIndex }: ControlSetup): string {
  return [hex(bmRequestType, 2), hex(bRequest, 2), hex(wValue, 4), hex(wIndex, 4)].join(' ');
}
