import { visible } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { expectKeptMapsFile, readKeptMaps } from '../registers/kept-maps';
import { table } from '../tables/table';

export const command: VerbSpec = {
  description: 'the maps that are kept',
  examples: ['map list', '--json map list'],
  run: list,
};

function list(context: Context): undefined {
  const maps = [...readKeptMaps(expectKeptMapsFile(context.env))].sort(([a], [b]) => (a < b ? -1 : 1));
  if (context.options.json)
    context.printJson({ schema: 'udrv.map-list/1', maps: maps.map(([kind, map]) => ({ kind, map })) });
  else if (maps.length > 0)
    context.stdout.write(
      table(
        maps.map((row) => row.map(visible)),
        { columns: [{ title: 'KIND' }, { title: 'MAP' }], headings: true, style: context.style, width: context.width },
      ),
    );
}
