import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { mapOption, readAllOption, swapOption } from '../registers/options';
import { findPciTarget } from '../registers/pci';
import { type RegsOptions, showRegisters } from '../registers/regs';

export const command: VerbSpec = {
  description: 'registers by name, with their fields, each read once',
  arguments: [argument('<device>'), argument('[pattern]', 'names, with * and ?; all of the map without it')],
  options: [mapOption(), swapOption(), readAllOption()],
  does: ['open'],
  examples: ['pci regs 0000:00:04.0 --map edu.json', 'pci regs 0000:00:04.0 DMA_* --map edu.json'],
  run: (context: Context, ...given: [string, string | undefined, RegsOptions]) =>
    showRegisters(context, findPciTarget, ...given),
};
