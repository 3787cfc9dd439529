import { isOnBus } from '../bind/bus';
import { Exit, UdrvError } from '../errors';
import { findNamed } from './devices/find';
import { inspectOnBusInDepth } from './devices/platform-show';
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
      selectors.map((selector) => findShown(context, selector)),
    ),
};

/** Finds a device of udrv's lists, else one of another bus by its name. */
function findShown(context: Context, selector: string) {
  try {
    return findNamed(context, undefined, selector, context.names);
  } catch (error) {
    const isMissing = error instanceof UdrvError && error.exit === Exit.notFound;
    if (!isMissing || !isOnBus(context.sys, selector)) throw error;
    return inspectOnBusInDepth(context.sys, selector);
  }
}
