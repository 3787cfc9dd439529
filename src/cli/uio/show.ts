import { findOf } from '../devices/find';
import { printDevices } from '../devices/show';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'UIO devices in depth, from sysfs alone',
  arguments: [argument('<uio...>')],
  examples: ['uio show uio0', '--json uio show uio0'],
  run: (context: Context, selectors: string[]) =>
    printDevices(
      context,
      selectors.map((selector) => findOf(context, 'uio', selector, context.names)),
    ),
};
