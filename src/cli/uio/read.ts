import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { mapOption, regionArguments, swapOption, widthOption } from '../registers/options';
import { type ReadOptions, readRegister } from '../registers/read';
import { findUioTarget } from '../registers/uio';

export const command: VerbSpec = {
  description: 'one register, read once',
  arguments: [...regionArguments('uio', 'OFFSET'), argument('[offset]', 'in bytes; left out behind REGION:OFFSET')],
  options: [widthOption(), mapOption(), swapOption()],
  does: ['open'],
  examples: ['uio read uio0 map0 0x0', '--json uio read uio1 map0 0x4 -w 2'],
  run: (context: Context, ...given: [string, string, string | undefined, ReadOptions]) =>
    readRegister(context, findUioTarget, ...given),
};
