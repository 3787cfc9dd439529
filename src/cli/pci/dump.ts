import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { type DumpOptions, dumpRegisters } from '../registers/dump';
import { dumpOptions, mapOption, rangeArgument, regionArguments, swapOption, widthOption } from '../registers/options';
import { findPciTarget } from '../registers/pci';

export const command: VerbSpec = {
  description: 'the registers of a BAR, each read once',
  arguments: [...regionArguments('device', 'RANGE', 'bar0 to bar5'), rangeArgument()],
  options: [widthOption(), mapOption(), swapOption(), ...dumpOptions()],
  does: ['open'],
  examples: ['pci dump 0000:01:00.0 bar0 0x0+0x40', 'pci dump nvme0 bar0 0x0-0x40 --format bin -o registers.bin'],
  run: (context: Context, ...given: [string, string, string | undefined, DumpOptions]) =>
    dumpRegisters(context, findPciTarget, ...given),
};
