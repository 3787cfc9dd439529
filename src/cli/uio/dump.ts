import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { type DumpOptions, dumpRegisters } from '../registers/dump';
import { dumpOptions, mapOption, rangeArgument, regionArguments, swapOption, widthOption } from '../registers/options';
import { findUioTarget } from '../registers/uio';

export const command: VerbSpec = {
  description: 'the registers of a region, each read once',
  arguments: [...regionArguments('uio', 'RANGE', 'map0, port0, bar0...'), rangeArgument()],
  options: [widthOption(), mapOption(), swapOption(), ...dumpOptions()],
  does: ['open'],
  examples: ['uio dump uio0 map0 0x0+0x20', 'uio dump uio0 map0 0x0-0x40 --format bin -o registers.bin'],
  run: (context: Context, ...given: [string, string, string | undefined, DumpOptions]) =>
    dumpRegisters(context, findUioTarget, ...given),
};
