import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { mapOption, regionArguments, swapOption, widthOption } from '../registers/options';
import { findPciTarget } from '../registers/pci';
import { type WriteOptions, writeRegister } from '../registers/write';

export const command: VerbSpec = {
  description: 'one register, written once and not read',
  arguments: [
    ...regionArguments('device', 'OFFSET'),
    argument('<offset>', 'left out behind REGION:OFFSET'),
    argument('[value]', "a number; a negative one is its two's complement"),
  ],
  options: [
    widthOption(),
    mapOption(),
    swapOption(),
    option('--force', 'write beside the driver that has the function, and what a map says is not to be written'),
  ],
  does: ['open', 'change'],
  examples: ['-n pci write 0000:01:00.0 bar0 0xc 1 --force', 'pci write 0000:00:04.0 bar0:0x4 0x12345678'],
  run: (context: Context, ...given: [string, string, string, string | undefined, WriteOptions]) =>
    writeRegister(context, findPciTarget, ...given),
};
