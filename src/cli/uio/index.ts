import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'devices behind /dev/uioX',
  examples: ['uio show uio0', 'uio read uio0 map0:0x0'],
  commands: {
    list: () => require('./list'),
    show: () => require('./show'),
    dump: () => require('./dump'),
    read: () => require('./read'),
    write: () => require('./write'),
    regs: () => require('./regs'),
    watch: () => require('./watch'),
    'watch-irq': () => require('./watch-irq'),
    irq: () => require('./irq'),
    bench: () => require('./bench'),
  },
};
