import type { VfioOpenOptions } from '../../vfio/device/device';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions } from '../program/options';
import {
  mapOption,
  mmapOptions,
  regionArguments,
  swapOption,
  widthOption,
  writeForceOption,
} from '../registers/options';
import { findVfioTarget } from '../registers/vfio';
import { type WriteOptions, writeRegister } from '../registers/write';

export const command: VerbSpec = {
  description: 'one register, written once and not read',
  arguments: [
    ...regionArguments('device', 'OFFSET'),
    argument('<offset>', 'left out behind REGION:OFFSET'),
    argument('[value]', "a number; a negative one is its two's complement"),
  ],
  options: [widthOption(), mapOption(), swapOption(), writeForceOption(), ...mmapOptions(), ...openOptions()],
  does: ['open', 'change'],
  examples: ['vfio write 0000:00:03.0 bar0 0x4 0x12345678', '-n vfio write 0000:00:03.0 bar0 0x60 1'],
  run: (
    context: Context,
    selector: string,
    region: string,
    offset: string,
    value: string | undefined,
    options: WriteOptions & VfioOpenOptions,
  ) => writeRegister(context, findVfioTarget(options, 'write'), selector, region, offset, value, options),
};
