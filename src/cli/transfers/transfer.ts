import { usageError } from '../../errors';
import type { UsbDevice } from '../../usb/device/device';
import { type FoundEndpoint, findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import { transferError } from '../../usb/transfer/failure';
import type { TransferResult } from '../../usb/transfer/status';
import { findOf } from '../devices/find';
import { Output } from '../output/file';
import type { Context } from '../program/context';
import { MEBIBYTES, Progress } from '../status/progress';
import { Waiting, waitingText } from '../status/waiting';
import { type Data, type DataOptions, givenData, openData } from './data';
import { type EndpointOptions, endpointSteps, parseEndpoint, withEndpoint } from './open';
import { checkOutput, document } from './result';

export interface TransferOptions extends EndpointOptions, DataOptions {
  length?: number;
  output?: string;
  queue?: number;
  chunk?: number;
  zlp?: boolean;
  count?: number;
}

/** A transfer that has begun: the device is open, and the endpoint's interface claimed. */
export interface Transfer {
  context: Context;
  usb: UsbDevice;
  address: number;
  options: TransferOptions;
  output: Output;
  wait: { timeoutMs: number | undefined; signal: AbortSignal };
}

/**
 * Makes a transfer of a bulk or interrupt endpoint, in the direction that its address has.
 *
 * @param receive reads from an IN endpoint
 * @returns the exit code where a signal ended it
 */
export async function transfer(
  context: Context,
  selector: string,
  endpoint: string,
  options: TransferOptions,
  receive: (transfer: Transfer) => Promise<void>,
): Promise<number | undefined> {
  const address = parseEndpoint(endpoint);
  const data = givenData(options);
  checkDirection(address, data, options);
  checkOutput(context, options.output);
  const { alt } = options;
  const info = findOf(context, 'usb', selector);
  const direction = address & 0x80 ? 'in' : 'out';
  const found = findEndpoint(info, address, { alt, direction, types: ['bulk', 'interrupt'] });
  checkChunk(options, found);
  if (context.options.dryRun) {
    context.printSteps(endpointSteps(info, found, options, data === undefined ? readStep(options) : writeStep(data)));
    return undefined;
  }
  // Opened first: a file that cannot be read or written is no reason to take an interface from its driver.
  using source = data === undefined ? undefined : openData(data, context.options.timeout);
  using output = new Output(context, options.output);
  const exit = await withEndpoint(context, info, found, options, (usb, signal) => {
    const started = { context, usb, address, options, output, wait: { timeoutMs: context.options.timeout, signal } };
    return source === undefined ? receive(started) : send(started, source);
  });
  return output.end(exit);
}

async function send({ context, usb, address, options, wait }: Transfer, source: Data): Promise<void> {
  const { queue, chunk, zlp } = options;
  wait.signal.addEventListener('abort', () => source[Symbol.dispose](), { once: true });
  using progress = new Progress(context.status, { unit: MEBIBYTES, total: source.length });
  const onProgress = (bytes: number) => progress.update(bytes);
  const result = await usb.write(address, source.source, { queue, chunk, zlp, onProgress, ...wait });
  if (context.options.json) context.printJson(document(result));
  checkResult({ usb, address, wait }, result);
}

/** Tells whether to show how far a transfer is. A dump on the terminal shows it by itself. */
export function wantsProgress(context: Context, output: string | undefined): boolean {
  return output !== undefined || !context.stdout.isTTY;
}

/** Says so where an endpoint sends nothing. @param arrived returns the bytes so far */
export function waitingFor(
  { context, usb, address }: Pick<Transfer, 'context' | 'usb' | 'address'>,
  arrived: () => number,
): Waiting {
  const what = `data from ${usb.info.address} ${endpointName(address)}`;
  return new Waiting(context.status, () => {
    const count = arrived();
    return waitingText(what, count === 0 ? 0 : `${count} bytes`);
  });
}

/** @throws UdrvError where the transfer failed */
export function checkResult(
  { usb, address, wait }: Pick<Transfer, 'usb' | 'address' | 'wait'>,
  result: TransferResult,
): void {
  const { address: device } = usb.info;
  const name = endpointName(address);
  const { maxPacketSize } = usb.endpoint(address).endpoint;
  const error = transferError(result, {
    subject: `${device} ${name}`,
    device,
    timeoutMs: wait.timeoutMs,
    hints: {
      stall: `the endpoint stays halted until: udrv usb clear-halt ${device} ${name}`,
      babble: `ask for whole packets: a --length that is a multiple of ${maxPacketSize}`,
    },
  });
  if (error !== null) throw error;
}

/** The options that give data, for hints. */
export const DATA = '--data HEX|@FILE|- or --text STRING';

/** @throws usage where an option is for the other direction, or the data or its length is missing */
function checkDirection(
  address: number,
  data: string | undefined,
  { length, output, zlp, count }: TransferOptions,
): void {
  const name = endpointName(address);
  if (address & 0x80) {
    if (data !== undefined) throw usageError(name, 'is an IN endpoint: the data comes from the device', '--length N');
    if (length === undefined) throw usageError(name, 'is an IN endpoint: say how much to read', '--length N');
    if (zlp) throw usageError('--zlp', `is for OUT; ${name} is an IN endpoint`);
    return;
  }
  if (length !== undefined) throw usageError(name, 'is an OUT endpoint: the data says how much it is', DATA);
  if (data === undefined) throw usageError(name, 'is an OUT endpoint: give the data', DATA);
  if (output !== undefined) throw usageError('-o', `is for what arrives; ${name} is an OUT endpoint`);
  if (count !== undefined) throw usageError('--count', `is for what arrives; ${name} is an OUT endpoint`);
}

/** @throws usage where a piece is no whole number of packets: it would end the transfer where it is cut */
function checkChunk({ chunk, length }: TransferOptions, { endpoint }: FoundEndpoint): void {
  if (chunk === undefined || endpoint.maxPacketSize === 0 || chunk % endpoint.maxPacketSize === 0) return;
  if (length !== undefined && length <= chunk) return;
  throw usageError('--chunk', `${chunk} is not a multiple of the endpoint's packet size, ${endpoint.maxPacketSize}`);
}

/** Returns the step of `--dry-run` that sends data, with the data as it was given. */
export function writeStep(data: string): string {
  return `write ${data.length > 40 ? `${data.slice(0, 40)}...` : data}`;
}

function readStep({ length, count = 1 }: TransferOptions): string {
  return `read ${length} bytes${count > 1 ? `, ${count} times` : ''}`;
}
