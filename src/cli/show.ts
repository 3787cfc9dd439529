import { findNamed } from './devices/find';
import { printDevices } from './devices/show';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument } from './program/options';

export const command: VerbSpec = {
  description: 'devices in depth, from sysfs alone',
  arguments: [argument('<device...>', undefined, { all: true })],
  examples: ['show 0000:00:03.0', '--json show uio0'],
  run: (context: Context, selectors: string[]) =>
    printDevices(
      context,
      selectors.map((selector) => findNamed(context, undefined, selector, context.names)),
    ),
};
