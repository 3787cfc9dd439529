import { findDevice } from '../devices/select';
import { printDevice } from './devices/show';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument } from './program/options';

export const command: VerbSpec = {
  description: 'one device in depth, from sysfs alone',
  arguments: [argument('<device>', undefined, { all: true })],
  examples: ['show 0000:00:03.0', '--json show uio0'],
  run: (context: Context, selector: string) => printDevice(context, findDevice(context.sys, context.names, selector)),
};
