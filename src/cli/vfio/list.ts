import { listSelected } from '../devices/list';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'the VFIO devices',
  arguments: [argument('[selector...]', 'only these devices')],
  examples: ['vfio list', '--json vfio list 0000:00:03.0'],
  run: (context: Context, selectors: string[]) => listSelected(context, selectors, { type: 'vfio' }),
};
