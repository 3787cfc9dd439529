import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/watch-irq';
import { command as vfio } from '../vfio/watch-irq';

export const command = byFramework('watch-irq', 'print interrupts as they happen', { uio, vfio, pci: vfio }, [
  'watch-irq uio1 -c 3',
  'watch-irq 0000:00:03.0 -c 3 --loopback',
]);
