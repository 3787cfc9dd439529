import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'PCI functions bound to a VFIO driver',
  examples: ['vfio groups', 'vfio info 0000:00:03.0'],
  commands: {
    list: () => require('./list'),
    show: () => require('./show'),
    groups: () => require('./groups'),
    info: () => require('./info'),
    dump: () => require('./dump'),
    read: () => require('./read'),
    write: () => require('./write'),
    regs: () => require('./regs'),
    watch: () => require('./watch'),
    config: () => require('./config'),
    'watch-irq': () => require('./watch-irq'),
    'dma-test': () => require('./dma-test'),
    bench: () => require('./bench'),
    reset: () => require('./reset'),
    vf: () => require('./vf'),
  },
};
