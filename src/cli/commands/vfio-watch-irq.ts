import type { Context } from '../context';
import { printInterrupt } from '../output/interrupt';
import { type VfioInterruptOptions, withVfioInterrupts } from './vfio-interrupts';

interface WatchOptions extends VfioInterruptOptions {
  count?: number;
  loopback?: boolean;
}

export function watchVfio(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
  const { count, loopback } = options;
  return withVfioInterrupts(context, selector, options, async ({ device, irq, vectors, trigger, ...prepared }) => {
    if (irq === 'intx' && prepared.acknowledge === undefined && !loopback)
      context.note(
        `${device.info.address}: without --ack nothing silences the device: the next interrupt comes through only once its line is quiet`,
      );
    const watch = { irq, vectors, beforeWait: trigger, loopback, timeoutMs: context.options.timeout, ...prepared };
    for await (const interrupt of device.interrupts(watch)) {
      printInterrupt(context, interrupt, [
        ['irq', interrupt.irq, 5],
        ['vector', interrupt.vector, 6],
      ]);
      if (interrupt.index === count) break;
    }
  });
}
