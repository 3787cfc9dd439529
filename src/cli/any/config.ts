import { byFramework } from '../guess/choose';
import { command as usb } from '../usb/config';
import { command as vfio } from '../vfio/config';

export const command = byFramework(
  'config',
  'decode a PCI configuration space, or select the configuration of a USB device',
  { uio: vfio, vfio, pci: vfio, usb },
  ['config 0000:00:03.0', 'config 1-2 2'],
);
