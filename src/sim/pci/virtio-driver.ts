import type { Driver } from '../kernel/bus';
import { PCI_COMMAND_MASTER, type PciFunction } from './function';

const VENDOR = 0x1af4;

/** drivers/virtio/virtio_pci_common.c: takes its devices and lets go of them; their work is not modelled. */
export function virtioPci(): Driver<PciFunction> {
  return {
    name: 'virtio-pci',
    matches: (fn) => fn.config.read(0x00, 2) === VENDOR,
    probe(fn) {
      fn.enable();
      fn.config.setCommand(PCI_COMMAND_MASTER);
      return () => fn.disable();
    },
  };
}
