import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'maps of registers that are kept for kinds of devices',
  commands: {
    add: () => require('./add'),
    list: () => require('./list'),
    remove: () => require('./remove'),
  },
};
