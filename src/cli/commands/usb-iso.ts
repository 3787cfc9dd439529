import { usageError } from '../../errors';
import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import type { IsoTransfer } from '../../usb/transfer/iso';
import { MAX_ISO_PACKETS } from '../../usb/transfer/iso';
import type { TransferResult } from '../../usb/transfer/status';
import type { Context } from '../context';
import { awaitReader } from '../output/file';
import { findOf } from './find';
import { steps, type TransferOptions, withEndpoint, writeStep } from './usb-bulk';
import { openData } from './usb-data';
import { parseEndpoint } from './usb-open';
import { checkOutput, document, receiver, transferError } from './usb-result';

interface IsoCommandOptions extends TransferOptions {
  packets: number;
}

/** What came of all packets, beside their bytes. */
interface Tally extends TransferResult {
  packets: number;
  /** Packets that did not end well, by errno. */
  errors: Record<string, number>;
}

export async function iso(
  context: Context,
  selector: string,
  endpoint: string,
  options: IsoCommandOptions,
): Promise<number | undefined> {
  const address = parseEndpoint(endpoint);
  const name = endpointName(address);
  const receives = (address & 0x80) !== 0;
  const { alt, data, packets, output } = options;
  if (receives && data !== undefined) throw usageError(name, 'is an IN endpoint: the data comes from the device');
  if (!receives && data === undefined)
    throw usageError(name, 'is an OUT endpoint: give the data', '--data HEX|@FILE|-');
  if (!receives && output !== undefined) throw usageError('-o', `is for what arrives; ${name} is an OUT endpoint`);
  if (!receives && options.count !== undefined)
    throw usageError('--count', `is for what arrives; ${name} is an OUT endpoint`);
  checkOutput(context, output);
  if (packets > MAX_ISO_PACKETS) throw usageError('--packets', `${MAX_ISO_PACKETS} at most in a transfer`);
  const { count = 1 } = options;
  const info = findOf(context, 'usb', selector);
  const found = findEndpoint(info, address, { alt, types: ['isochronous'] });
  if (context.options.dryRun) {
    const what = data === undefined ? `receive ${count * packets} packets` : writeStep(data);
    context.printSteps(steps(info, found, options, what));
    return undefined;
  }
  using source = data === undefined ? undefined : openData(data);
  using _reader = awaitReader(output);
  return await withEndpoint(context, info, found, options, async (usb, signal) => {
    signal.addEventListener('abort', () => source?.[Symbol.dispose](), { once: true });
    const timeoutMs = context.options.timeout;
    const wait = { packets, timeoutMs, signal, ...(source === undefined ? { count } : { source: source.source }) };
    const tally: Tally = { status: 'ok', requested: 0, actual: 0, errno: null, packets: 0, errors: {} };
    const size = usb.isoPacketSize(address);
    using out = receives ? receiver(context, output, count * packets * size) : undefined;
    for await (const transfer of usb.isochronous(address, wait)) {
      add(tally, transfer);
      if (out !== undefined) for (const packet of transfer.packets) out.take(packet.data);
    }
    const facts = { packets: tally.packets, errors: tally.errors };
    if (out !== undefined) out.end(tally, facts);
    else if (context.options.json) context.printJson({ ...document(tally), ...facts });
    const bad = Object.entries(tally.errors).map(([errno, times]) => `${times} ${errno}`);
    // The bytes too: a source that has nothing to say sends packets that are well and empty.
    context.note(
      `${info.address} ${name}: ${tally.packets} packets, ${tally.actual} bytes, ${bad.length === 0 ? 'all well' : bad.join(', ')}`,
    );
    const device = info.address;
    const error = transferError(tally, { subject: `${device} ${name}`, device, timeoutMs });
    if (error !== null) throw error;
  });
}

/** Where no packet went well, that is how the transfer ended; single packets are lost now and then on any bus. */
function add(tally: Tally, { status, errno, packets }: IsoTransfer): void {
  let well = 0;
  for (const packet of packets) {
    tally.requested += packet.requested;
    tally.actual += packet.actual;
    tally.packets++;
    if (packet.status === 'ok') well++;
    else tally.errors[packet.errno ?? packet.status] = (tally.errors[packet.errno ?? packet.status] ?? 0) + 1;
  }
  const [first] = packets;
  const ended = status === 'ok' && well === 0 && first !== undefined ? first : { status, errno };
  if (tally.status !== 'ok' || ended.status === 'ok') return;
  tally.status = ended.status;
  tally.errno = ended.errno;
}
