import { listSelected } from '../devices/list';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'the UIO devices',
  arguments: [argument('[selector...]', 'only these devices')],
  examples: ['uio list', '--json uio list uio0'],
  run: (context: Context, selectors: string[]) => listSelected(context, selectors, { type: 'uio' }),
};
