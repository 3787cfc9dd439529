import { type WatchOptions, watchRegisters } from '../changes/watch';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { watchArguments, watchOptions } from '../registers/options';
import { findUioTarget } from '../registers/uio';

export const command: VerbSpec = {
  description: 'read registers again and again, and show what changes',
  arguments: watchArguments('uio', 'map0, port0, bar0...'),
  options: watchOptions(),
  does: ['open', 'wait'],
  examples: [
    'uio watch uio1 map0 0x0+0x20 --interval 100ms -c 3',
    'uio watch uio0 *STATUS --map edu.json --interval 50ms -c 2',
  ],
  run: (context: Context, selector: string, region: string, more: string[], options: WatchOptions) =>
    watchRegisters(context, findUioTarget, selector, [region, ...more], options),
};
