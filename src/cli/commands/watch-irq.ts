import type { Context } from '../context';
import { printInterrupt } from '../output/interrupt';
import { type InterruptOptions, withInterrupts } from './interrupts';

interface WatchOptions extends InterruptOptions {
  count?: number;
}

export function watchUio(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
  const { count, rearm } = options;
  return withInterrupts(context, selector, options, async ({ device, trigger, acknowledge, signal }) => {
    const { address, driver, uio } = device.info;
    if (acknowledge === undefined && driver === 'uio_pci_generic' && uio.irq && rearm !== 'none')
      context.note(
        `${address}: uio_pci_generic cannot silence the device: without --ack the next interrupt comes through only once something else has`,
      );
    const timeoutMs = context.options.timeout;
    for await (const interrupt of device.interrupts({ beforeWait: trigger, acknowledge, rearm, timeoutMs, signal })) {
      printInterrupt(context, interrupt);
      if (interrupt.index === count) break;
    }
  });
}
