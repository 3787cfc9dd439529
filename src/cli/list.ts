import { type ListOptions, listSelected } from './devices/list';
import { deviceList } from './lists/devices';
import { listOptions } from './lists/options';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option, typeOption } from './program/options';

export const command: VerbSpec = {
  description: 'the devices that a user-space driver can reach now; opens none of them',
  arguments: [argument('[selector...]', 'only these devices', { all: true })],
  options: [
    typeOption('platform'),
    option('-a, --all', 'the PCI functions driven by the kernel too'),
    ...listOptions('driver=vfio-pci && access!=none'),
  ],
  examples: ['list', 'list --type pci 1234:11e8'],
  run: list,
};

type Type = ListOptions['type'] | 'platform';

function list(
  context: Context,
  selectors: string[],
  { type, ...options }: Omit<ListOptions, 'type'> & { type?: Type },
) {
  if (type !== 'platform')
    return listSelected(context, deviceList('list'), selectors, { ...options, ...(type && { type }) });
  const { listPlatform } = require('./devices/platform-list') as typeof import('./devices/platform-list');
  return listPlatform(context, selectors, options);
}
