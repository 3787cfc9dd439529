import { parseCount } from '../../model/notation';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { caughtUp } from '../program/signals';
import { MEBIBYTES, Progress } from '../status/progress';
import {
  altOption,
  dataOptions,
  ENDPOINT_HELP,
  parseQueue,
  parseTransferSize,
  takeOptions,
} from '../transfers/options';
import { receiver } from '../transfers/result';
import {
  checkResult,
  type Transfer,
  type TransferOptions,
  transfer,
  waitingFor,
  wantsProgress,
} from '../transfers/transfer';

export const command: VerbSpec = {
  description: 'one bulk transfer, of any length',
  arguments: [argument('<device>'), argument('<endpoint>', ENDPOINT_HELP)],
  options: [
    option('--length <n>', 'how many bytes to read; a short packet ends it before', parseCount),
    ...dataOptions(),
    option('--queue <n>', 'URBs in flight (4)', parseQueue),
    option('--chunk <size>', 'bytes in each: a multiple of the packet size (256K)', parseTransferSize),
    option('--zlp', 'end data of whole packets with a packet of no length'),
    altOption(),
    ...takeOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: ['usb bulk 1-2 0x81 --length 512', 'usb bulk 1-2 0x01 --data 00000000'],
  run: (context: Context, selector: string, endpoint: string, options: TransferOptions) =>
    transfer(context, selector, endpoint, options, receive),
};

/** Receives one transfer, and writes it as it arrives. */
async function receive(started: Transfer): Promise<void> {
  const { context, usb, address, options, output, wait } = started;
  const { length = 0, queue, chunk } = options;
  const out = receiver(context, output, options.output !== undefined, length);
  const wanted = wantsProgress(context, options.output);
  using progress = new Progress(context.status, { unit: MEBIBYTES, total: length, wanted });
  using _waiting = waitingFor(started, () => stream.actual);
  const stream = usb.readStream(address, length, { queue, chunk, ...wait });
  for await (const piece of stream) {
    out.take(piece);
    progress.update(stream.actual);
    await caughtUp();
  }
  out.end(stream);
  checkResult(started, stream);
}
