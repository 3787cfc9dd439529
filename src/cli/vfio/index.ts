import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'PCI functions bound to a VFIO driver',
  commands: {
    list: () => require('./list'),
    show: () => require('./show'),
    groups: () => require('./groups'),
    info: () => require('./info'),
    dump: () => require('./dump'),
    read: () => require('./read'),
    write: () => require('./write'),
    regs: () => require('./regs'),
    config: () => require('./config'),
    'watch-irq': () => require('./watch-irq'),
    'dma-test': () => require('./dma-test'),
    bench: () => require('./bench'),
    reset: () => require('./reset'),
  },
};
