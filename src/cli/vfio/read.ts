import type { VfioOpenOptions } from '../../vfio/device/device';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions } from '../program/options';
import { mapOption, mmapOptions, regionArguments, swapOption, widthOption } from '../registers/options';
import { type ReadOptions, readRegister } from '../registers/read';
import { findVfioTarget } from '../registers/vfio';

export const command: VerbSpec = {
  description: 'one register, read once',
  arguments: [...regionArguments('device', 'OFFSET'), argument('[offset]', 'in bytes; left out behind REGION:OFFSET')],
  options: [widthOption(), mapOption(), swapOption(), ...mmapOptions(), ...openOptions()],
  does: ['open'],
  examples: ['vfio read 0000:00:03.0 bar0 0x0', 'vfio read 0000:00:03.0 config 0x0 -w 2'],
  run: (
    context: Context,
    selector: string,
    region: string,
    offset: string | undefined,
    options: ReadOptions & VfioOpenOptions,
  ) => readRegister(context, findVfioTarget(options, 'read'), selector, region, offset, options),
};
