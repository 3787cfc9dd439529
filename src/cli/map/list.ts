import { visible } from '../output/escape';
import { columns } from '../output/table';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { expectKeptMapsFile, readKeptMaps } from '../registers/kept-maps';

export const command: VerbSpec = {
  description: 'the maps that are kept',
  examples: ['map list', '--json map list'],
  run: list,
};

function list(context: Context): undefined {
  const maps = [...readKeptMaps(expectKeptMapsFile(context.env))].sort(([a], [b]) => (a < b ? -1 : 1));
  if (context.options.json) context.printJson({ maps: maps.map(([kind, map]) => ({ kind, map })) });
  else if (maps.length > 0)
    context.stdout.write(
      columns(
        maps.map((row) => row.map(visible)),
        { titles: ['KIND', 'MAP'], style: context.style },
      ),
    );
}
