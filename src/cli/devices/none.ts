import type { Framework } from '../../model/device';

const SEE = 'udrv list --type pci shows the PCI functions';

/** Tells how a machine gets a device that a program can drive, where it has none. */
export function howToGet(framework: Framework | undefined): string {
  switch (framework) {
    case 'uio':
      return `${SEE}; udrv bind DEVICE uio_pci_generic makes a UIO device of one; udrv --sim uio list to try without`;
    case 'vfio':
      return `${SEE}; udrv bind DEVICE vfio-pci makes a VFIO device of one; udrv --sim vfio list to try without`;
    case 'usb':
      return 'plug one in; udrv monitor --type usb shows it come; udrv --sim usb list to try without';
    case 'pci':
      return 'a machine without PCI can have UIO and USB devices; udrv --sim list --type pci to try without';
    case undefined:
      return `${SEE}; udrv bind DEVICE vfio-pci gives one to user space; udrv --sim list to try without`;
  }
}
