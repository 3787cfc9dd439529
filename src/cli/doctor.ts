import type { Purpose } from '../doctor/check';
import { diagnose } from '../doctor/diagnose';
import { Exit } from '../errors';
import { parseCount, parseSize } from '../model/notation';
import { readConfig } from '../pci/sysfs-config';
import { readKernelLog } from '../sys/readers/kmsg';
import { diagnosisDocument, diagnosisText } from './devices/diagnosis';
import { isOnlyInspected } from './output/hint';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, choice, option } from './program/options';

export const command: VerbSpec = {
  description: 'find what is in the way of using a device, or the machine, and what mends it',
  arguments: [argument('[device]', undefined, { all: true })],
  options: [
    choice('--for <framework>', 'the use: through which framework', ['uio', 'vfio', 'usb']),
    option('--memory <size>', 'memory that shall be mapped for DMA at a time', parseSize),
    option('--queue <n>', 'USB transfers that shall be in flight at a time', parseCount),
    option('--chunk <size>', 'bytes in each of them (256K)', parseSize),
  ],
  decides: true,
  examples: ['doctor 0000:00:03.0', 'doctor 1-2 --queue 32 --chunk 256K'],
  run: doctor,
};

interface DoctorOptions {
  for?: Purpose;
  memory?: number;
  queue?: number;
  chunk?: number;
}

/** Defaults of `usb bulk`: its streams are too much to load for two numbers. */
const [DEFAULT_QUEUE, DEFAULT_CHUNK] = [4, 256 * 1024];

function doctor(context: Context, selector: string | undefined, options: DoctorOptions): number | undefined {
  const { sys } = context;
  const { queue, chunk } = options;
  const { json } = context.options;
  const transfers =
    queue === undefined && chunk === undefined ? null : (queue ?? DEFAULT_QUEUE) * (chunk ?? DEFAULT_CHUNK);
  const diagnosis = diagnose(sys, selector, {
    purpose: options.for,
    need: { memory: options.memory ?? null, transfers },
    ...(!isOnlyInspected(context.options) && {
      log: () => readKernelLog(sys).map(({ text }) => text),
      config: (address: string, offset: number, length: number) => readConfig(sys, address, offset, length),
    }),
  });
  if (json) context.printJson(diagnosisDocument(diagnosis, context.options));
  else context.stdout.write(diagnosisText(context, diagnosis));
  return diagnosis.findings.some(({ severity }) => severity === 'blocks') ? Exit.failed : undefined;
}
