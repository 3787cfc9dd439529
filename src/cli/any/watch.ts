import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/watch';
import { command as vfio } from '../vfio/watch';

export const command = byFramework(
  'watch',
  'read registers again and again, and show what changes',
  { uio, vfio, pci: vfio },
  ['watch uio1 map0 0x0+0x20 --interval 100ms -c 3', 'watch uio0 *STATUS --map edu.json --interval 50ms -c 2'],
);
