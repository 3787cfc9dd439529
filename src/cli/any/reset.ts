import { byFramework } from '../guess/choose';
import { command as usb } from '../usb/reset';
import { command as vfio } from '../vfio/reset';

export const command = byFramework('reset', 'reset a device', { vfio, pci: vfio, usb }, [
  'reset 1-2',
  '-n reset 0000:00:03.0',
]);
