import { type ListOptions, listSelected } from '../devices/list';
import { deviceList } from '../lists/devices';
import { listOptions } from '../lists/options';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'the UIO devices',
  arguments: [argument('[selector...]', 'only these devices')],
  options: listOptions('name~timer && access!=none'),
  examples: ['uio list', '--json uio list uio0'],
  run: (context: Context, selectors: string[], options: ListOptions) =>
    listSelected(context, deviceList('uio.list'), selectors, { ...options, type: 'uio' }),
};
