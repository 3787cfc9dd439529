import type { VfioOpenOptions } from '../../vfio/device/device';
import { type WatchOptions, watchRegisters } from '../changes/watch';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { openOptions } from '../program/options';
import { mmapOptions, watchArguments, watchOptions } from '../registers/options';
import { findVfioTarget } from '../registers/vfio';

export const command: VerbSpec = {
  description: 'read registers again and again, and show what changes',
  arguments: watchArguments('device', 'bar0 to bar5, rom, config, vga, region9...'),
  options: [...watchOptions(), ...mmapOptions(), ...openOptions()],
  does: ['open', 'wait'],
  examples: [
    'vfio watch 0000:00:03.0 bar0 0x0+0x40 --interval 50ms -c 2',
    'vfio watch 0000:00:03.0 *STATUS --map edu.json --interval 50ms -c 2',
  ],
  run: (context: Context, selector: string, region: string, more: string[], options: WatchOptions & VfioOpenOptions) =>
    watchRegisters(context, findVfioTarget(options, 'watch'), selector, [region, ...more], options),
};
