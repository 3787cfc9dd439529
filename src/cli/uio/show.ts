import { findOf } from '../devices/find';
import { printDevice } from '../devices/show';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';

export const command: VerbSpec = {
  description: 'one UIO device in depth, from sysfs alone',
  arguments: [argument('<uio>')],
  examples: ['uio show uio0', '--json uio show uio0'],
  run: (context: Context, selector: string) => printDevice(context, findOf(context, 'uio', selector, context.names)),
};
