import type { VfioOpenOptions } from '../../vfio/device/device';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { openOptions } from '../program/options';
import { type DumpOptions, dumpRegisters } from '../registers/dump';
import {
  dumpOptions,
  mapOption,
  mmapOptions,
  rangeArgument,
  regionArguments,
  swapOption,
  widthOption,
} from '../registers/options';
import { findVfioTarget } from '../registers/vfio';

export const command: VerbSpec = {
  description: 'the registers of a region, each read once',
  arguments: [...regionArguments('device', 'RANGE', 'bar0 to bar5, rom, config, vga, region9...'), rangeArgument()],
  options: [widthOption(), mapOption(), swapOption(), ...dumpOptions(), ...mmapOptions(), ...openOptions()],
  does: ['open'],
  examples: ['vfio dump 0000:00:03.0 bar0 0x0+0x20', 'vfio dump 0000:00:03.0 config --format hex'],
  run: (
    context: Context,
    selector: string,
    region: string,
    range: string | undefined,
    options: DumpOptions & VfioOpenOptions,
  ) => dumpRegisters(context, findVfioTarget(options, 'dump'), selector, region, range, options),
};
