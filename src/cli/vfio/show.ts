import { findOf } from '../devices/find';
import { printDevice } from '../devices/show';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'one VFIO device in depth, from sysfs alone',
  arguments: [argument('<device>')],
  examples: ['vfio show 0000:00:03.0', '--json vfio show 0000:00:03.0'],
  run: (context: Context, selector: string) => printDevice(context, findOf(context, 'vfio', selector, context.names)),
};
