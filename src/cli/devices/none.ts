import type { Framework } from '../../model/device';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';

const SEE = 'udrv list --type pci shows the PCI functions';

/** Tells how a machine gets a device that a program can drive, where it has none. */
export function howToGet(sys: SysTree, framework: Framework | undefined): string {
  const hasPci = attempt(() => sys.readDir('/sys/bus/pci/devices'), []).length > 0;
  switch (framework) {
    case 'uio':
      return hasPci
        ? `${SEE}; udrv bind DEVICE uio_pci_generic makes a UIO device of one; udrv --sim uio list to try without`
        : 'its driver makes one, as uio_pdrv_genirq does for platform devices; udrv --sim uio list to try without';
    case 'vfio':
      return hasPci
        ? `${SEE}; udrv bind DEVICE vfio-pci makes a VFIO device of one; udrv --sim vfio list to try without`
        : 'it is a PCI function bound to vfio-pci, and this machine has no PCI; udrv --sim vfio list to try without';
    case 'usb':
      return 'plug one in; udrv monitor --type usb shows it come; udrv --sim usb list to try without';
    case 'pci':
      return 'a machine without PCI can have UIO and USB devices; udrv --sim list --type pci to try without';
    case undefined:
      return hasPci
        ? `${SEE}; udrv bind DEVICE vfio-pci gives one to user space; udrv --sim list to try without`
        : 'plug in a USB device; or udrv --sim list to try without';
  }
}

/** Says that there is no device of a framework, and what would make one. */
export function noDevice(sys: SysTree, framework: Framework | undefined): string {
  const kind = framework === undefined ? '' : `${framework.toUpperCase()} `;
  return `there is no ${kind}device: ${howToGet(sys, framework)}`;
}
