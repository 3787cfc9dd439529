import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { mapOption, regionArguments, swapOption, widthOption } from '../registers/options';
import { findPciTarget } from '../registers/pci';
import { type ReadOptions, readRegister } from '../registers/read';

export const command: VerbSpec = {
  description: 'one register, read once',
  arguments: [...regionArguments('device', 'OFFSET'), argument('[offset]', 'in bytes; left out behind REGION:OFFSET')],
  options: [widthOption(), mapOption(), swapOption()],
  does: ['open'],
  examples: ['pci read 0000:01:00.0 bar0 0x1c', 'pci read nvme0 bar0:0x0 -w 8'],
  run: (context: Context, ...given: [string, string, string | undefined, ReadOptions]) =>
    readRegister(context, findPciTarget, ...given),
};
