import { type ListOptions, listSelected } from '../devices/list';
import { deviceList } from '../lists/devices';
import { listOptions } from '../lists/options';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'the VFIO devices',
  arguments: [argument('[selector...]', 'only these devices')],
  options: listOptions('viable && name~nvme'),
  examples: ['vfio list', '--json vfio list 0000:00:03.0'],
  run: (context: Context, selectors: string[], options: ListOptions) =>
    listSelected(context, deviceList('vfio.list'), selectors, { ...options, type: 'vfio' }),
};
