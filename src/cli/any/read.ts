import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/read';
import { command as vfio } from '../vfio/read';

export const command = byFramework('read', 'one register, read once', { uio, vfio, pci: vfio }, [
  'read uio0 map0 0x0',
  'read 0000:00:03.0 bar0:0x0',
]);
