import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'USB devices, through usbfs',
  examples: ['usb list -t', 'usb show 1-2'],
  commands: {
    list: () => require('./list'),
    show: () => require('./show'),
    ctrl: () => require('./ctrl'),
    bulk: () => require('./bulk'),
    int: () => require('./int'),
    iso: () => require('./iso'),
    reset: () => require('./reset'),
    config: () => require('./config'),
    alt: () => require('./alt'),
    'clear-halt': () => require('./clear-halt'),
    detach: () => require('./detach'),
    attach: () => require('./attach'),
    bench: () => require('./bench'),
  },
};
