import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/irq';

export const command = byFramework('irq', 'switch the interrupt of a UIO device on or off', { uio }, [
  'irq uio0 on',
  '-n irq uio0 off',
]);
