import { recordMachine } from '../devices/record-machine';
import { readEvidence } from '../doctor/record';
import { collectMetrics } from '../metrics/collect';
import { observed } from '../sys/tree/observed';
import { hostFile } from './fleet/host-file';
import { Output } from './output/file';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { option } from './program/options';
import { counted, Progress } from './status/progress';

export const command: VerbSpec = {
  description: 'record what udrv reads of this machine, for --snapshot and for bug reports',
  options: [option('-o, --output <file>', 'write to FILE instead of stdout')],
  makesFile: true,
  examples: ['snapshot', 'snapshot -o machine.snapshot'],
  run(context: Context, options: { output?: string }): undefined {
    using output = new Output(context, hostFile(context, options.output));
    using progress = new Progress(context.status, { unit: counted('files'), title: 'reading' });
    const manifest = recordMachine(
      observed(context.sys, (files) => progress.update(files)),
      (tree, devices) => {
        readEvidence(tree, devices);
        collectMetrics(tree);
      },
    );
    output.sink.write(manifest);
    return output.end(undefined);
  },
};
