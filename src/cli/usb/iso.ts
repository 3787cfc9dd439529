import { usageError } from '../../errors';
import { parseCount } from '../../model/notation';
import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import { transferError } from '../../usb/transfer/failure';
import { type IsoTransfer, MAX_ISO_PACKETS } from '../../usb/transfer/iso';
import type { TransferResult } from '../../usb/transfer/status';
import { findOf } from '../devices/find';
import { Output } from '../output/file';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { caughtUp } from '../program/signals';
import { counted, MEBIBYTES, Progress } from '../status/progress';
import { givenData, openData } from '../transfers/data';
import { endpointSteps, parseEndpoint, withEndpoint } from '../transfers/open';
import { altOption, dataOptions, ENDPOINT_HELP, takeOptions } from '../transfers/options';
import { checkOutput, document, receiver } from '../transfers/result';
import { DATA, type TransferOptions, waitingFor, wantsProgress, writeStep } from '../transfers/transfer';

export const command: VerbSpec = {
  description: 'isochronous transfers',
  arguments: [argument('<device>'), argument('<endpoint>', ENDPOINT_HELP)],
  options: [
    altOption(),
    option('--packets <n>', 'packets in a transfer', parseCount, 32),
    option('-c, --count <n>', 'how many transfers to receive (1)', parseCount),
    ...dataOptions(),
    ...takeOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: ['usb iso 1-2 0x82 --alt 1', 'usb iso 1-2 0x02 --alt 1 --data 00000000'],
  run: iso,
};

interface IsoCommandOptions extends TransferOptions {
  packets: number;
}

/** The outcome of all packets, beside their bytes. */
interface Tally extends TransferResult {
  packets: number;
  /** Number of packets that failed, by errno. */
  errors: Record<string, number>;
}

async function iso(
  context: Context,
  selector: string,
  endpoint: string,
  options: IsoCommandOptions,
): Promise<number | undefined> {
  const address = parseEndpoint(endpoint);
  const name = endpointName(address);
  const receives = (address & 0x80) !== 0;
  const { alt, packets, output } = options;
  const data = givenData(options);
  if (receives && data !== undefined) throw usageError(name, 'is an IN endpoint: the data comes from the device');
  if (!receives && data === undefined) throw usageError(name, 'is an OUT endpoint: give the data', DATA);
  if (!receives && output !== undefined) throw usageError('-o', `is for what arrives; ${name} is an OUT endpoint`);
  if (!receives && options.count !== undefined)
    throw usageError('--count', `is for what arrives; ${name} is an OUT endpoint`);
  checkOutput(context, output);
  if (packets > MAX_ISO_PACKETS) throw usageError('--packets', `${MAX_ISO_PACKETS} at most in a transfer`);
  const { count = 1 } = options;
  const info = findOf(context, 'usb', selector);
  const found = findEndpoint(info, address, { alt, types: ['isochronous'] });
  if (context.options.dryRun) {
    const step = data === undefined ? `receive ${count * packets} packets` : writeStep(data);
    context.printSteps(endpointSteps(info, found, options, step));
    return undefined;
  }
  using source = data === undefined ? undefined : openData(data, context.options.timeout);
  using out = new Output(context, output);
  const exit = await withEndpoint(context, info, found, options, async (usb, signal) => {
    signal.addEventListener('abort', () => source?.[Symbol.dispose](), { once: true });
    const timeoutMs = context.options.timeout;
    const wait = { packets, timeoutMs, signal, ...(source === undefined ? { count } : { source: source.source }) };
    const tally: Tally = { status: 'ok', requested: 0, actual: 0, errno: null, packets: 0, errors: {} };
    const size = usb.isoPacketSize(address);
    const received = receives ? receiver(context, out, output !== undefined, count * packets * size) : undefined;
    using progress = new Progress(
      context.status,
      receives
        ? { unit: counted('packets'), total: count * packets, wanted: wantsProgress(context, output) }
        : { unit: MEBIBYTES, total: source?.length },
    );
    using _waiting = receives ? waitingFor({ context, usb, address }, () => tally.actual) : undefined;
    for await (const transfer of usb.isochronous(address, wait)) {
      add(tally, transfer);
      progress.update(receives ? tally.packets : tally.actual);
      if (received !== undefined) for (const packet of transfer.packets) received.take(packet.data);
      await caughtUp();
    }
    const facts = { packets: tally.packets, errors: tally.errors };
    if (received !== undefined) received.end(tally, facts);
    else if (context.options.json) context.printJson({ ...document(tally), ...facts });
    const bad = Object.entries(tally.errors).map(([errno, times]) => `${times} ${errno}`);
    // The bytes too: a device that has nothing to say sends empty packets, which are no errors.
    context.note(
      `${info.address} ${name}: ${tally.packets} packets, ${tally.actual} bytes, ${bad.length === 0 ? 'no errors' : bad.join(', ')}`,
    );
    const device = info.address;
    const error = transferError(tally, { subject: `${device} ${name}`, device, timeoutMs });
    if (error !== null) throw error;
  });
  return out.end(exit);
}

/** Adds a transfer. It failed where no packet of it succeeded; single packets are lost now and then on any bus. */
function add(tally: Tally, { status, errno, packets }: IsoTransfer): void {
  let succeeded = 0;
  for (const packet of packets) {
    tally.requested += packet.requested;
    tally.actual += packet.actual;
    tally.packets++;
    if (packet.status === 'ok') succeeded++;
    else tally.errors[packet.errno ?? packet.status] = (tally.errors[packet.errno ?? packet.status] ?? 0) + 1;
  }
  const [first] = packets;
  const ended = status === 'ok' && succeeded === 0 && first !== undefined ? first : { status, errno };
  if (tally.status !== 'ok' || ended.status === 'ok') return;
  tally.status = ended.status;
  tally.errno = ended.errno;
}
