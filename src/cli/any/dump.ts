import { byFramework } from '../guess/choose';
import { command as uio } from '../uio/dump';
import { command as vfio } from '../vfio/dump';

export const command = byFramework('dump', 'the registers of a region, each read once', { uio, vfio, pci: vfio }, [
  'dump uio0 map0 0x0+0x20',
  'dump 0000:00:03.0 config --format hex',
]);
