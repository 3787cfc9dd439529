import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/write';
import { command as vfio } from '../vfio/write';

export const command = byFramework('write', 'one register, written once and not read', { uio, vfio, pci: vfio }, [
  'write uio0 map0:0x4 0x12345678',
  'write 0000:00:03.0 bar0 0x4 -1',
]);
