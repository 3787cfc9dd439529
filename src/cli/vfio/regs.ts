import type { VfioOpenOptions } from '../../vfio/device/device';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions } from '../program/options';
import { mapOption, mmapOptions, readAllOption, swapOption } from '../registers/options';
import { type RegsOptions, showRegisters } from '../registers/regs';
import { findVfioTarget } from '../registers/vfio';

export const command: VerbSpec = {
  description: 'registers by name, with their fields, each read once',
  arguments: [argument('<device>'), argument('[pattern]', 'names, with * and ?; all of the map without it')],
  options: [mapOption(), swapOption(), readAllOption(), ...mmapOptions(), ...openOptions()],
  examples: ['vfio regs 0000:00:03.0 --map edu.json', 'vfio regs 0000:00:03.0 DMA_* --map edu.json'],
  run: (context: Context, selector: string, pattern: string | undefined, options: RegsOptions & VfioOpenOptions) =>
    showRegisters(context, findVfioTarget(options, 'regs'), selector, pattern, options),
};
