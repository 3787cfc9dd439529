import { parseCount } from '../../model/notation';
import type { TransferDocument } from '../documents/transfers';
import { json } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { caughtUp } from '../program/signals';
import { altOption, dataOptions, ENDPOINT_HELP, parseTransferSize, takeOptions } from '../transfers/options';
import { document, dumpTo } from '../transfers/result';
import { checkResult, type Transfer, type TransferOptions, transfer, waitingFor } from '../transfers/transfer';

export const command: VerbSpec = {
  description: 'transfers of an interrupt endpoint, each as it comes',
  arguments: [argument('<device>'), argument('<endpoint>', ENDPOINT_HELP)],
  options: [
    option('--length <n>', 'how many bytes each has at most', parseTransferSize),
    option('-c, --count <n>', 'how many to wait for (1)', parseCount),
    ...dataOptions(),
    altOption(),
    ...takeOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: ['usb int 1-2 0x81 --length 512 --count 2', 'usb int 1-2 0x01 --data 00000000'],
  run: (context: Context, selector: string, endpoint: string, options: TransferOptions) =>
    transfer(context, selector, endpoint, options, receive),
};

/** Receives transfers, and writes each by itself. */
async function receive(started: Transfer): Promise<void> {
  const { context, usb, address, options, output, wait } = started;
  const { length = 0, count = 1, queue } = options;
  const raw = options.output !== undefined;
  const out = output.sink;
  let arrived = 0;
  using _waiting = waitingFor(started, () => arrived);
  for await (const message of usb.messages(address, length, { count, queue: queue ?? Math.min(count, 4), ...wait })) {
    arrived += message.actual;
    context.status.touch();
    if (raw) out.write(message.data);
    else if (!context.options.json) dumpTo(out, message.data);
    if (context.options.json) {
      const data = raw ? {} : { data: message.data.toString('hex') };
      context.stdout.write(`${json({ ...document(message), ...data } satisfies TransferDocument)}\n`);
    }
    checkResult(started, message);
    await caughtUp();
  }
}
