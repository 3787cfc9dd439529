import { Exit, UdrvError } from '../../errors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { expectKeptMapsFile, readKeptMaps, writeKeptMaps } from '../registers/kept-maps';
import { parseKind } from './add';

export const command: VerbSpec = {
  description: 'no longer keep the map of a kind of device',
  arguments: [argument('<kind>')],
  examples: ['-n map remove 1234:11e8', 'map remove udrv,timer'],
  run: remove,
};

function remove(context: Context, typed: string): undefined {
  const kind = parseKind(typed);
  const path = expectKeptMapsFile(context.env);
  const maps = readKeptMaps(path);
  if (!maps.delete(kind))
    throw new UdrvError('no map is kept for it', {
      code: 'ENOMAP',
      exit: Exit.notFound,
      subject: kind,
      hint: 'udrv map list shows those that are',
    });
  if (context.options.dryRun) context.printSteps([`remove the map for ${kind} from ${path}`]);
  else writeKeptMaps(path, maps);
}
