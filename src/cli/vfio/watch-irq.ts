import { ackOption, irqOption, liveOption, triggerOption, vectorOption, watchCountOption } from '../interrupts/options';
import { showInterrupts } from '../interrupts/shown';
import { type VfioInterruptOptions, withVfioInterrupts } from '../interrupts/vfio';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions, option } from '../program/options';
import { caughtUp } from '../program/signals';
import { mapOption } from '../registers/options';

export const command: VerbSpec = {
  description: 'print interrupts as they happen',
  arguments: [argument('<device>')],
  options: [
    irqOption(),
    vectorOption('--vector <range>', 'which vectors: N, or A-B with B among them; 0 without it'),
    watchCountOption(),
    ackOption(),
    mapOption(),
    triggerOption(),
    option('--loopback', 'have the kernel raise the vectors in turns, without the device'),
    liveOption(),
    ...openOptions(),
  ],
  does: ['open', 'wait', 'change'],
  examples: [
    'vfio watch-irq 0000:00:03.0 --count 3 --loopback',
    'vfio watch-irq vfio0 -c 3 --trigger bar0:0x60=1 --ack bar0:0x64=1',
  ],
  run: watchIrq,
};

interface WatchOptions extends VfioInterruptOptions {
  count?: number;
  live?: boolean;
  loopback?: boolean;
}

function watchIrq(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
  const { count, loopback } = options;
  return withVfioInterrupts(context, selector, options, async ({ device, irq, vectors, trigger, ...prepared }) => {
    if (irq === 'intx' && prepared.acknowledge === undefined && !loopback)
      context.note(
        `${device.info.address}: without --ack nothing silences the device: the next interrupt comes through only once its line is quiet`,
      );
    const beforeWait = options.trigger && trigger;
    const watch = { irq, vectors, beforeWait, loopback, timeoutMs: context.options.timeout, ...prepared };
    using shown = showInterrupts(context, device.info.address, options);
    for await (const interrupt of device.interrupts(watch)) {
      shown.take(interrupt, [
        ['irq', interrupt.irq, 5],
        ['vector', interrupt.vector, 6],
      ]);
      if (interrupt.index === count) break;
      await caughtUp();
    }
  });
}
