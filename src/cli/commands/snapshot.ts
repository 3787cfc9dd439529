import { recordMachine } from '../../devices/record-machine';
import type { Context } from '../context';
import { outputTo } from '../output/file';

export function snapshot(context: Context, { output }: { output?: string }): undefined {
  const manifest = recordMachine(context.sys);
  using out = outputTo(context.stdout, output);
  out.write(manifest);
}
