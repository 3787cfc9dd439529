import { findOf } from '../devices/find';
import { printDevices } from '../devices/show';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'VFIO devices in depth, from sysfs alone',
  arguments: [argument('<device...>')],
  examples: ['vfio show 0000:00:03.0', '--json vfio show 0000:00:03.0'],
  run: (context: Context, selectors: string[]) =>
    printDevices(
      context,
      selectors.map((selector) => findOf(context, 'vfio', selector, context.names)),
    ),
};
