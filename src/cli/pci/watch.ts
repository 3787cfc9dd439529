import { type WatchOptions, watchRegisters } from '../changes/watch';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { watchArguments, watchOptions } from '../registers/options';
import { findPciTarget } from '../registers/pci';

export const command: VerbSpec = {
  description: 'read registers again and again, and show what changes',
  arguments: watchArguments('device', 'bar0 to bar5'),
  options: watchOptions(),
  does: ['open', 'wait'],
  examples: [
    'pci watch 0000:01:00.0 bar0 0x0+0x40 --interval 50ms -c 2',
    'pci watch nvme0 bar0:0x1c --interval 50ms -c 2',
  ],
  run: (context: Context, selector: string, region: string, more: string[], options: WatchOptions) =>
    watchRegisters(context, findPciTarget, selector, [region, ...more], options),
};
