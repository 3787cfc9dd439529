import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'maps of registers that are kept for kinds of devices',
  examples: ['map list', 'map add 1234:11e8 edu.json@bar0'],
  commands: {
    add: () => require('./add'),
    list: () => require('./list'),
    remove: () => require('./remove'),
  },
};
