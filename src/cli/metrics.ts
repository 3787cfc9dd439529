import { collectMetrics } from '../metrics/collect';
import { type Family, merged } from '../metrics/family';
import { formatMetrics, type TextFormat } from '../metrics/text-format';
import { visible } from './output/escape';
import { replaceWhole } from './output/whole-file';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { choice, option } from './program/options';

export const command: VerbSpec = {
  description: 'counts and states of the devices for Prometheus, as the textfile collector of node_exporter reads them',
  options: [
    option('-o, --output <file>', 'put the metrics into FILE, in one step, instead of on stdout'),
    choice('--format <format>', 'the text format', ['prometheus', 'openmetrics'], 'prometheus'),
  ],
  examples: ['metrics', 'metrics --format openmetrics'],
  run(context: Context, { output, format }: { output?: string; format: TextFormat }): undefined {
    const families = collectMetrics(context.sys);
    if (context.options.json) {
      context.printJson({ schema: 'udrv.metrics/1', metrics: families.filter(({ samples }) => samples.length > 0) });
      return;
    }
    const text = (all: readonly Family[]) => {
      const metrics = formatMetrics(all, format, visible);
      if (output === undefined || output === '-') return metrics;
      replaceWhole(context.stdout, output, metrics);
      return '';
    };
    const host = [context.options.host].flat()[0];
    if (host === undefined) context.stdout.write(text(families));
    else if (context.together === undefined) context.stdout.write(text(merged([{ host, families }])));
    else
      context.together(families, (parts) =>
        text(merged(parts.map(({ host = '', part }) => ({ host, families: part })))),
      );
  },
};
