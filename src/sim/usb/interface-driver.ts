import type { Driver } from '../kernel/bus';
import type { Kernel } from '../kernel/kernel';
import type { SimUsbInterface } from './device';

/**
 * Makes a driver of the kernel's for interfaces. Its work is not simulated, but the devices that it makes below its
 * interface (a disk, an input device) are there while it has the interface.
 */
export function interfaceDriver(
  kernel: Kernel,
  name: string,
  matches: (intf: SimUsbInterface) => boolean,
): Driver<SimUsbInterface> {
  const made = new Map<string, (() => void)[]>();
  return {
    name,
    matches,
    probe: ({ path }) => {
      for (const restore of made.get(path) ?? []) restore();
      return () => {
        const children = kernel.tree.readDir(path).map((child) => `${path}/${child}`);
        const devices = children.filter((child) => kernel.isDirectory(child) && !/\/ep_..$/.test(child));
        made.set(
          path,
          devices.map((child) => kernel.removeDevice(child)),
        );
      };
    },
  };
}
