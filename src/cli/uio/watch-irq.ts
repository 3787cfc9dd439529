import { ackOption, liveOption, rearmOption, triggerOption, watchCountOption } from '../interrupts/options';
import { showInterrupts } from '../interrupts/shown';
import { type UioInterruptOptions, withUioInterrupts } from '../interrupts/uio';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { caughtUp } from '../program/signals';
import { mapOption } from '../registers/options';

export const command: VerbSpec = {
  description: 'print interrupts as they happen',
  arguments: [argument('<uio>')],
  options: [watchCountOption(), ackOption(), mapOption(), triggerOption(), rearmOption(), liveOption()],
  does: ['open', 'wait', 'change'],
  examples: ['uio watch-irq uio1 --count 3', 'uio watch-irq uio0 -c 3 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24'],
  run: watchIrq,
};

/** Time between two interrupts of a line that stays asserted: no more than serving and printing one takes. */
const AT_ONCE_US = 1000;
/** Interrupts that come at once in a row before that is remarked. */
const STORM = 3;

interface WatchOptions extends UioInterruptOptions {
  count?: number;
  live?: boolean;
}

function watchIrq(context: Context, selector: string, options: WatchOptions): Promise<number | undefined> {
  const { count, rearm } = options;
  return withUioInterrupts(context, selector, options, async ({ device, trigger, acknowledge, signal }) => {
    const { address, driver, uio } = device.info;
    if (acknowledge === undefined && driver === 'uio_pci_generic' && uio.irq && rearm !== 'none')
      context.note(
        `${address}: uio_pci_generic cannot silence the device: without --ack the next interrupt comes through only once something else has`,
      );
    const timeoutMs = context.options.timeout;
    let atOnce = 0;
    using shown = showInterrupts(context, address, options);
    const beforeWait = options.trigger && trigger;
    for await (const interrupt of device.interrupts({ beforeWait, acknowledge, rearm, timeoutMs, signal })) {
      shown.take(interrupt);
      atOnce = (interrupt.deltaUs ?? Number.POSITIVE_INFINITY) < AT_ONCE_US ? atOnce + 1 : 0;
      if (acknowledge === undefined && options.trigger === undefined && atOnce === STORM)
        context.note(
          `${address}: each interrupt comes as soon as the last was served: nothing acknowledges the device; give --ack`,
        );
      if (interrupt.index === count) break;
      await caughtUp();
    }
  });
}
