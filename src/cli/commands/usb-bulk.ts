import { usageError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import type { UsbDevice } from '../../usb/device/device';
import { type FoundEndpoint, findEndpoint } from '../../usb/device/endpoints';
import { endpointName, interfaceName } from '../../usb/inspect/address';
import type { TransferResult } from '../../usb/transfer/status';
import type { Context } from '../context';
import { json } from '../output/escape';
import { awaitReader, outputTo } from '../output/file';
import { Progress } from '../output/progress';
import { findOf } from './find';
import { type Data, openData } from './usb-data';
import { claimedSteps, mustBeIdle, parseEndpoint, type TakeOptions, withUsb } from './usb-open';
import { checkOutput, document, dumpTo, receiver, transferError } from './usb-result';

export interface TransferOptions extends TakeOptions {
  length?: number;
  data?: string;
  output?: string;
  queue?: number;
  chunk?: number;
  alt?: number;
  zlp?: boolean;
  count?: number;
}

/** What a transfer is made with, once all that can be wrong with it has been looked at. */
interface Job {
  context: Context;
  usb: UsbDevice;
  address: number;
  options: TransferOptions;
  wait: { timeoutMs: number | undefined; signal: AbortSignal };
}

export function bulk(context: Context, selector: string, endpoint: string, options: TransferOptions) {
  return transfer(context, selector, endpoint, options, receive);
}

export function int(context: Context, selector: string, endpoint: string, options: TransferOptions) {
  return transfer(context, selector, endpoint, options, receiveMessages);
}

async function transfer(
  context: Context,
  selector: string,
  endpoint: string,
  options: TransferOptions,
  receiveWith: (job: Job) => Promise<void>,
): Promise<number | undefined> {
  const address = parseEndpoint(endpoint);
  checkDirection(address, options);
  checkOutput(context, options.output);
  const { alt, data } = options;
  const info = findOf(context, 'usb', selector);
  const direction = address & 0x80 ? 'in' : 'out';
  const found = findEndpoint(info, address, { alt, direction, types: ['bulk', 'interrupt'] });
  checkChunk(options, found);
  if (context.options.dryRun) {
    context.printSteps(steps(info, found, options, data === undefined ? readStep(options) : writeStep(data)));
    return undefined;
  }
  // Opened first: what cannot be read is no reason to take an interface from its driver.
  using source = data === undefined ? undefined : openData(data);
  using _reader = awaitReader(options.output);
  // Awaited here: the data is closed when this function returns.
  return await withEndpoint(context, info, found, options, async (usb, signal) => {
    const job = { context, usb, address, options, wait: { timeoutMs: context.options.timeout, signal } };
    if (source === undefined) return receiveWith(job);
    signal.addEventListener('abort', () => source[Symbol.dispose](), { once: true });
    return send(job, source);
  });
}

/** Opens the device and claims an endpoint's interface, in the alternate setting that has it. */
export function withEndpoint(
  context: Context,
  info: UsbDeviceInfo,
  { setting }: FoundEndpoint,
  { detach = false, force, alt }: TakeOptions & { alt?: number | undefined },
  work: (usb: UsbDevice, signal: AbortSignal) => Promise<void>,
): Promise<number | undefined> {
  if (detach) mustBeIdle(context, info, setting.number, force);
  return withUsb(context, info, async (usb, signal) => {
    usb.claim(setting.number, { detach, alt });
    await work(usb, signal);
  });
}

/** One transfer, as it arrives. */
async function receive(job: Job): Promise<void> {
  const { context, usb, address, options, wait } = job;
  const { length = 0, output, queue, chunk } = options;
  using out = receiver(context, output, length);
  // A dump on the terminal shows by itself how far it is.
  using progress = new Progress(context.stderr, length, { wanted: wantsProgress(context, output) });
  const stream = usb.readStream(address, length, { queue, chunk, ...wait });
  for await (const piece of stream) {
    out.take(piece);
    progress.update(stream.actual);
  }
  out.end(stream);
  check(job, stream);
}

/** An interrupt endpoint's transfers, each of its own. */
async function receiveMessages(job: Job): Promise<void> {
  const { context, usb, address, options, wait } = job;
  const { length = 0, count = 1, output, queue } = options;
  using out = outputTo(context.stdout, output);
  for await (const message of usb.messages(address, length, { count, queue: queue ?? Math.min(count, 4), ...wait })) {
    if (output !== undefined) out.write(message.data);
    else if (!context.options.json) dumpTo(out, message.data);
    if (context.options.json) {
      const data = output === undefined ? { data: message.data.toString('hex') } : {};
      context.stdout.write(`${json({ ...document(message), ...data })}\n`);
    }
    check(job, message);
  }
}

async function send(job: Job, source: Data): Promise<void> {
  const { context, usb, address, options, wait } = job;
  const { queue, chunk, zlp } = options;
  using progress = new Progress(context.stderr, source.length, { wanted: wantsProgress(context, '-') });
  const onProgress = (bytes: number) => progress.update(bytes);
  const result = await usb.write(address, source.source, { queue, chunk, zlp, onProgress, ...wait });
  if (context.options.json) context.printJson(document(result));
  check(job, result);
}

function wantsProgress(context: Context, output: string | undefined): boolean {
  return !context.options.quiet && (output !== undefined || !context.stdout.isTTY);
}

function check({ usb, address, wait }: Job, result: TransferResult): void {
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

function checkDirection(address: number, { length, data, output, zlp, count }: TransferOptions): void {
  const name = endpointName(address);
  if (address & 0x80) {
    if (data !== undefined) throw usageError(name, 'is an IN endpoint: the data comes from the device', '--length N');
    if (length === undefined) throw usageError(name, 'is an IN endpoint: say how much to read', '--length N');
    if (zlp) throw usageError('--zlp', `is for OUT; ${name} is an IN endpoint`);
    return;
  }
  if (length !== undefined)
    throw usageError(name, 'is an OUT endpoint: the data says how much it is', '--data HEX|@FILE|-');
  if (data === undefined) throw usageError(name, 'is an OUT endpoint: give the data', '--data HEX|@FILE|-');
  if (output !== undefined) throw usageError('-o', `is for what arrives; ${name} is an OUT endpoint`);
  if (count !== undefined) throw usageError('--count', `is for what arrives; ${name} is an OUT endpoint`);
}

/** A piece that is no whole number of packets would end the transfer where it is cut. */
function checkChunk({ chunk, length }: TransferOptions, { endpoint }: FoundEndpoint): void {
  if (chunk === undefined || endpoint.maxPacketSize === 0 || chunk % endpoint.maxPacketSize === 0) return;
  if (length !== undefined && length <= chunk) return;
  throw usageError('--chunk', `${chunk} is not a multiple of the endpoint's packet size, ${endpoint.maxPacketSize}`);
}

/** For `--dry-run`. @param what is done with the endpoint */
export function steps(
  info: UsbDeviceInfo,
  { setting, address }: FoundEndpoint,
  { detach = false, alt }: TakeOptions & { alt?: number | undefined },
  ...what: string[]
): string[] {
  const selected = alt === undefined ? [] : [`${interfaceName(info, setting.number)}: select alternate setting ${alt}`];
  const work = what.map((step) => `${info.address} ${endpointName(address)}: ${step}`);
  return claimedSteps(info, setting.number, detach, [...selected, ...work]);
}

/** For `--dry-run`: what is sent, as it was given. */
export function writeStep(data: string): string {
  return `write ${data.length > 40 ? `${data.slice(0, 40)}...` : data}`;
}

function readStep({ length, count = 1 }: TransferOptions): string {
  return `read ${length} bytes${count > 1 ? `, ${count} times` : ''}`;
}
