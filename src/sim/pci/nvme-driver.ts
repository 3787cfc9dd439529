import type { Driver } from '../kernel/bus';
import type { Kernel } from '../kernel/kernel';
import { PCI_COMMAND_MASTER, type PciFunction } from './function';

const CLASS_NVME = 0x010802;

/**
 * drivers/nvme. Its class device, disk and nodes are those of the base: they go when it lets go of its controller, and
 * come back when it takes it again.
 */
export function nvmeDriver(kernel: Kernel): Driver<PciFunction> {
  const taken = new Map<PciFunction, () => void>();
  return {
    name: 'nvme',
    matches: (fn) => fn.config.read(0x08, 4) >>> 8 === CLASS_NVME,
    probe(fn) {
      fn.enable();
      fn.setMessages(true);
      fn.config.setCommand(PCI_COMMAND_MASTER);
      taken.get(fn)?.();
      taken.delete(fn);
      return () => {
        taken.set(fn, kernel.removeDevice(`${fn.path}/nvme`));
        fn.setMessages(false);
        fn.disable();
      };
    },
  };
}
