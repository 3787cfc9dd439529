import type { Driver } from '../kernel/bus';
import { PCI_COMMAND_MASTER, type PciFunction } from '../pci/function';
import type { UsbBus } from './bus';

const CLASS_XHCI = 0x0c0330;

/** drivers/usb/host/xhci-pci.c: the buses behind a controller are there while it has it. */
export function xhciHcd(usb: () => UsbBus): Driver<PciFunction> {
  return {
    name: 'xhci_hcd',
    matches: (fn) => fn.config.read(0x08, 4) >>> 8 === CLASS_XHCI,
    probe(fn) {
      fn.enable();
      fn.setMessages(true);
      fn.config.setCommand(PCI_COMMAND_MASTER);
      usb().addHost(fn.path);
      return () => {
        usb().removeHost(fn.path);
        fn.setMessages(false);
        fn.disable();
      };
    },
  };
}
