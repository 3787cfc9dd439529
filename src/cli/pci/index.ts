import type { NounSpec } from '../program/command';

export const command: NounSpec = {
  description: 'BARs of any PCI function, while its driver has it',
  examples: ['pci read 0000:01:00.0 bar0:0x1c', 'pci dump 0000:01:00.0 bar0 0x0+0x40'],
  commands: {
    dump: () => require('./dump'),
    read: () => require('./read'),
    write: () => require('./write'),
    regs: () => require('./regs'),
    watch: () => require('./watch'),
  },
};
