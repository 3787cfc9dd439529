import { parseCount } from '../../model/notation';
import { printingLatencies } from '../interrupts/latencies';
import { ackOption, benchTriggerOption, rearmOption } from '../interrupts/options';
import { type UioInterruptOptions, withUioInterrupts } from '../interrupts/uio';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { mapOption } from '../registers/options';

export const command: VerbSpec = {
  description: 'measure the latency from trigger to wake-up',
  arguments: [argument('<uio>')],
  options: [
    benchTriggerOption().makeOptionMandatory(),
    ackOption(),
    mapOption(),
    rearmOption(),
    option('-c, --count <n>', 'how many interrupts', parseCount, 1000),
  ],
  does: ['open', 'wait', 'change'],
  examples: [
    'uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24',
    '--json uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=1 -c 100',
  ],
  run: bench,
};

interface BenchOptions extends UioInterruptOptions {
  count: number;
}

function bench(context: Context, selector: string, options: BenchOptions): Promise<number | undefined> {
  const { count, rearm } = options;
  return printingLatencies(context, selector, count, (measuring) =>
    withUioInterrupts(context, selector, options, ({ device, ...prepared }) =>
      device.latencies({ ...prepared, ...measuring, count, rearm }),
    ),
  );
}
