import { byFramework } from '../guess/choose';
import { command as vfio } from '../vfio/info';

export const command = byFramework(
  'info',
  'what the kernel tells of a VFIO device once it is open',
  { vfio, pci: vfio },
  ['info 0000:00:03.0', '--json info vfio0'],
);
