import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { mapOption, regionArguments, swapOption, widthOption, writeForceOption } from '../registers/options';
import { findUioTarget } from '../registers/uio';
import { type WriteOptions, writeRegister } from '../registers/write';

export const command: VerbSpec = {
  description: 'one register, written once and not read',
  arguments: [
    ...regionArguments('uio', 'OFFSET'),
    argument('<offset>', 'left out behind REGION:OFFSET'),
    argument('[value]', "a number; a negative one is its two's complement"),
  ],
  options: [widthOption(), mapOption(), swapOption(), writeForceOption()],
  does: ['open', 'change'],
  examples: ['uio write uio0 map0 0x4 0x12345678', '-n uio write uio0 map0 0x60 1'],
  run: (context: Context, ...given: [string, string, string, string | undefined, WriteOptions]) =>
    writeRegister(context, findUioTarget, ...given),
};
