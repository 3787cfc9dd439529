import { usageError } from '../errors';
import { readKernelLog } from '../sys/readers/kmsg';
import { observed } from '../sys/tree/observed';
import { RememberedTree } from '../sys/tree/remembered';
import { diagnosisDocument } from './devices/diagnosis';
import { hostFile } from './fleet/host-file';
import { Output } from './output/file';
import { reportPage } from './page/document';
import { gatherReport } from './page/gather';
import type { VerbSpec } from './program/command';
import type { Context, GlobalOptions } from './program/context';
import { option } from './program/options';
import { counted, Progress } from './status/progress';

declare const UDRV_VERSION: string;

export const command: VerbSpec = {
  description: 'a page about this machine for a browser: devices, trees, IOMMU groups, findings',
  options: [option('-o, --output <file>', 'write to FILE instead of stdout')],
  makesFile: true,
  examples: ['report -o report.html', '--sim report -o sim.html'],
  run: report,
};

function report(context: Context, { output: path }: { output?: string }): undefined {
  const { options, stdout, status } = context;
  if (options.json)
    throw usageError('report', 'is a page, and has no JSON', 'its data: udrv list --all --json, udrv doctor --json');
  if (stdout.isTTY && path === undefined)
    throw usageError('report', 'is a page for a browser', 'udrv report -o report.html, or -o - to see its text');
  using output = new Output(context, hostFile(context, path));
  using progress = new Progress(status, { unit: counted('files'), title: 'reading' });
  const sys = new RememberedTree(observed(context.sys, (files) => progress.update(files)));
  const { isRecorded, source } = sourceOf(options);
  const page = reportPage(
    gatherReport(sys, context.names, {
      version: UDRV_VERSION,
      source,
      user: isRecorded ? null : userName(),
      isRecorded,
      log: isRecorded ? undefined : () => readKernelLog(context.sys).map(({ text }) => text),
      complete: (diagnosis) => diagnosisDocument(diagnosis, options),
    }),
  );
  output.sink.write(page);
  return output.end(undefined);
}

function sourceOf({ snapshot, sysroot, sim, host }: GlobalOptions): { source: string; isRecorded: boolean } {
  if (host !== undefined) return { source: `host ${host}`, isRecorded: true };
  if (snapshot !== undefined) return { source: `snapshot ${snapshot}`, isRecorded: true };
  if (sysroot !== undefined) return { source: `copied tree ${sysroot}`, isRecorded: true };
  return { source: sim ? 'simulated machine' : 'this machine', isRecorded: false };
}

function userName(): string {
  const id = process.geteuid?.();
  return id === 0 ? 'root' : `user ${id}`;
}
