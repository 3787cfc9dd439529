import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { mapOption, readAllOption, swapOption } from '../registers/options';
import { type RegsOptions, showRegisters } from '../registers/regs';
import { findUioTarget } from '../registers/uio';

export const command: VerbSpec = {
  description: 'registers by name, with their fields, each read once',
  arguments: [argument('<uio>'), argument('[pattern]', 'names, with * and ?; all of the map without it')],
  options: [mapOption(), swapOption(), readAllOption()],
  examples: ['uio regs uio0 --map edu.json@map0', 'uio regs uio0 DMA_* --map edu.json@map0'],
  run: (context: Context, ...given: [string, string | undefined, RegsOptions]) =>
    showRegisters(context, findUioTarget, ...given),
};
