import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/regs';
import { command as vfio } from '../vfio/regs';

export const command = byFramework(
  'regs',
  'registers by name, with their fields, each read once',
  { uio, vfio, pci: vfio },
  ['regs uio0 --map edu.json@map0', 'regs 0000:00:03.0 DMA_* --map edu.json@bar0'],
);
